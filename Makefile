# make run     the sample shop, answered and served
# make test    every test; installs what the end-to-end tests need
# make check   formatting, vet, a static build
# make fuzz    every fuzz target for a few seconds (FUZZTIME=5s)
# make bench   the benchmarks beside the packages

GO ?= go
FUZZTIME ?= 5s

.PHONY: run test unit e2e e2e-install check fuzz bench race

run:
	CGO_ENABLED=0 $(GO) run ./cmd/haetae quickstart

test: unit e2e

unit:
	$(GO) test ./...

# Real programs beside Haetae. nginx is installed when it is missing and that can
# be done without asking; else the test says what to do.
e2e: e2e-install
	$(GO) test -tags e2e -count 1 ./e2e

e2e-install:
	@test -x /usr/sbin/nginx || command -v nginx >/dev/null || \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	    { apt-get install -y -qq nginx-light || { apt-get update -qq && apt-get install -y -qq nginx-light; }; } || \
	    echo "nginx is missing: install it (Debian: apt-get install nginx-light)"; }

race:
	CGO_ENABLED=1 $(GO) test -race ./journal/... ./blob/... ./ledger/... ./scope/... ./internal/... ./ingest/...

check:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/haetae

fuzz:
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "fuzz $$pkg $$f"; \
	    $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg; \
	  done; done

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...
