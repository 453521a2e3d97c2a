# make run     the sample shop, imported, answered and served
# make test    every test: go test ./..., and the ones with a real nginx
# make unit    go test ./... alone: needs nothing but Go
# make e2e     nginx, a service, a live log, haetae serve, an attack, a mail server, rsyslog, PostgreSQL, MariaDB and Chromium; installs what is missing on Debian
# make exporter  logs sent by the exporter of OpenTelemetry for Go, a module of its own
# make sigmahq all rules of SigmaHQ load and are matched as the plain way does; HAETAE_SIGMAHQ names their archive
# make check   formatting, vet, a build without cgo: quick, before every commit
# make peers   bench/ compiles: it is a module of its own, with what it compares with (needs a C compiler)
# make race    the race detector on what runs in parallel (needs a C compiler)
# make lives   operations of a ledger's life fail: every one in every way (minutes), or LIVES of them
# make drills  every scenario, against docs/drills-table.md (a minute of one core)
# make worlds  answers against a walk over every record, over many histories (minutes)
# make fuzz    every fuzz target for FUZZTIME (5s)
# make bench   the benchmarks beside the packages
# make peer    Haetae against DuckDB on the same work (needs a C compiler); ROWS, LINES
# make curve   cost per record and per question from ten million to a billion records
# make memory  what 40 million accounts and 44 million ghosts take
# make detect-bench  what the rules cost: import with and without, live latency, memory; RATES, SECONDS, GROUPS
# make ci      all that a change has to pass
# make help    this

GO ?= go
FUZZTIME ?= 5s
ROWS ?= 2000000
LINES ?= 200000
WORLDS ?= 60
LIVES ?= 0
RATES ?= 100000,150000,200000
SECONDS ?= 10
GROUPS ?= 10000000
CURVE ?= 10000000,100000000,1000000000

.PHONY: help run test unit e2e exporter nginx smtp curl rsyslog postgres mariadb chromium sigmahq check peers race race-server race-ledger race-scope race-rest lives drills worlds fuzz bench peer curve memory detect-bench ci

help:
	@sed -n 's/^# make /make /p' Makefile

run:
	CGO_ENABLED=0 $(GO) run ./cmd/haetae quickstart

test: unit e2e exporter

unit:
	@echo "go test ./... (the tests with a real nginx follow by make e2e)"
	$(GO) test ./...

# The e2e tests fail, and say what to do, if nginx, curl, the mail server, rsyslog, a
# database or the browser is neither there nor to be had.
e2e: nginx smtp curl rsyslog postgres mariadb chromium
	$(GO) test -tags e2e -count 1 ./e2e

exporter:
	cd e2e/exporter && $(GO) test -count 1 ./...

nginx:
	@command -v nginx >/dev/null || test -x /usr/sbin/nginx || test -n "$$HAETAE_NGINX" || { \
	  command -v apt-get >/dev/null || exit 0; \
	  sudo=; test "$$(id -u)" = 0 || sudo="sudo -n"; \
	  echo "installing nginx-light for the e2e tests"; \
	  $$sudo apt-get install -y -qq --no-install-recommends nginx-light >/dev/null 2>&1 || \
	  { $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends nginx-light >/dev/null; } || true; }

curl:
	@command -v curl >/dev/null || { \
	  command -v apt-get >/dev/null || exit 0; \
	  sudo=; test "$$(id -u)" = 0 || sudo="sudo -n"; \
	  echo "installing curl for the e2e tests"; \
	  $$sudo apt-get install -y -qq --no-install-recommends curl >/dev/null 2>&1 || \
	  { $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends curl >/dev/null; } || true; }

# logger is of bsdutils, which every Debian has.
rsyslog:
	@ls /usr/lib/*/rsyslog/lmnsd_ossl.so >/dev/null 2>&1 || test -n "$$HAETAE_RSYSLOGD" || { \
	  command -v apt-get >/dev/null || exit 0; \
	  sudo=; test "$$(id -u)" = 0 || sudo="sudo -n"; \
	  echo "installing rsyslog and rsyslog-openssl for the e2e tests"; \
	  $$sudo apt-get install -y -qq --no-install-recommends rsyslog rsyslog-openssl bsdutils >/dev/null 2>&1 || \
	  { $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends rsyslog rsyslog-openssl bsdutils >/dev/null; } || true; }

smtp:
	@for p in "$$HAETAE_PYTHON" /usr/bin/python3 python3; do \
	    test -n "$$p" && "$$p" -c "import aiosmtpd" 2>/dev/null && exit 0; done; \
	  command -v apt-get >/dev/null || exit 0; \
	  sudo=; test "$$(id -u)" = 0 || sudo="sudo -n"; \
	  echo "installing python3-aiosmtpd for the e2e tests"; \
	  $$sudo apt-get install -y -qq --no-install-recommends python3-aiosmtpd >/dev/null 2>&1 || \
	  { $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends python3-aiosmtpd >/dev/null; } || true

# The packages start servers of their own; the tests start others, in folders of
# theirs, and need none of these.
postgres:
	@ls /usr/lib/postgresql/*/lib/pgaudit.so >/dev/null 2>&1 || test -n "$$HAETAE_POSTGRES" || { \
	  command -v apt-get >/dev/null || exit 0; \
	  sudo=; test "$$(id -u)" = 0 || sudo="sudo -n"; \
	  echo "installing postgresql-15 and postgresql-15-pgaudit for the e2e tests"; \
	  $$sudo apt-get install -y -qq --no-install-recommends postgresql-15 postgresql-15-pgaudit >/dev/null 2>&1 || \
	  { $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends postgresql-15 postgresql-15-pgaudit >/dev/null; } || true; }

mariadb:
	@ls /usr/lib/mysql/plugin/server_audit.so >/dev/null 2>&1 || test -n "$$HAETAE_MARIADBD" || { \
	  command -v apt-get >/dev/null || exit 0; \
	  sudo=; test "$$(id -u)" = 0 || sudo="sudo -n"; \
	  echo "installing mariadb-server for the e2e tests"; \
	  $$sudo apt-get install -y -qq --no-install-recommends mariadb-server mariadb-client >/dev/null 2>&1 || \
	  { $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends mariadb-server mariadb-client >/dev/null; } || true; }

# Fonts too: without Korean ones the browser draws boxes, and their width is measured.
chromium:
	@{ command -v chromium >/dev/null || test -n "$$HAETAE_CHROMIUM"; } && command -v pdftotext >/dev/null && \
	  fc-list :lang=ko 2>/dev/null | grep -q . || { \
	  command -v apt-get >/dev/null || exit 0; \
	  sudo=; test "$$(id -u)" = 0 || sudo="sudo -n"; \
	  echo "installing chromium, Korean fonts and poppler-utils for the e2e tests"; \
	  $$sudo apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk fontconfig poppler-utils >/dev/null 2>&1 || \
	  { $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk fontconfig poppler-utils >/dev/null; } || true; }

# The archive is not part of the repository. Without it this says so and tests nothing
# more than make unit: that each form of rule which it has loads (TestForms).
sigmahq:
	@if test -n "$$HAETAE_SIGMAHQ"; then $(GO) test -count 1 -tags sigmahq -run 'SigmaHQ' -v ./rule; else \
	  echo "NOT TESTED: the rules of SigmaHQ, since HAETAE_SIGMAHQ names no archive of them"; fi

check:
	@ugly=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go' | while read -r f; do if test -f "$$f"; then echo "$$f"; fi; done)); \
	  if test -n "$$ugly"; then echo "not as gofmt writes it:"; echo "$$ugly"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags e2e ./e2e
	$(GO) vet -tags sigmahq ./rule
	CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/haetae

peers:
	cd bench && $(GO) vet ./...

# What runs in one goroutine and takes long under the detector is left out by name, in each
# package by its own: walks through every failure of a disk, every damaged byte, every life of
# a ledger, the memory of one request, two of scope's three models (the third asks on all
# cores what they ask, of fewer worlds here), and of detect everything but a run over
# segments, which several goroutines read.
race:
	$(MAKE) -j 2 -O race-server race-ledger race-scope race-rest

RACE = CGO_ENABLED=1 $(GO) test -race

race-server:
	$(RACE) -skip '^Test(Flood|LogsFlood)$$' ./feed ./journal/... ./server/... ./siem

race-ledger:
	$(RACE) -skip '^Test(Lives|OnceOfHistories|Damage|Size|Crash|OutletCrash|UnendedLine|EveryOperationFails)$$' ./ledger/...
	$(RACE) -skip '^Test(LargeSignal|EveryOperationFails|SpoiledFiles|SettleModel|PowerCuts|Compaction)$$' ./alert

race-scope:
	HAETAE_WORLDS=2 $(RACE) -skip '^Test(SubjectModel|RecordsModel)$$' ./scope/...

race-rest:
	$(RACE) -skip '^Test(Damage|LongAndBrokenStatements|TailHistories)$$' ./blob/... ./capture/... ./catalog ./event/... ./ingest/... ./internal/disk ./internal/pseudonym ./internal/remote
	$(RACE) -run TestConcurrent ./rule
	$(RACE) -run '^Test(Slices|Restart|OwnRecords)$$' ./detect

lives:
	$(GO) test ./ledger -count 1 -timeout 1h -run '^TestLives$$' -lives $(LIVES)

drills:
	$(GO) test ./drill/play -count 1 -timeout 1h -run '^Test(Table|Background|Live)$$' -all

worlds:
	HAETAE_WORLDS=$(WORLDS) $(GO) test ./scope -count 1 -timeout 1h -run 'Model$$'

# When its time ends while a worker is busy, go test may report the end of the time as
# a failure ("context deadline exceeded") and name no input. That, and
# nothing else, is passed over, and said.
# Each package is built once for all its targets: building takes longer than they do.
fuzz:
	@set -e; out=$$(mktemp -d); trap 'rm -rf "$$out"' EXIT; cache=$$($(GO) env GOCACHE)/fuzz; \
	for pkg in $$(grep -rl --include='*_test.go' '^func Fuzz' . | grep -v '^./bench/' | xargs -n 1 dirname | sort -u); do \
	  $(GO) test -c -fuzz . -o "$$out/fuzz" $$pkg; \
	  for target in $$(grep -h '^func Fuzz' $$pkg/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/' | sort -u); do \
	    echo "fuzz $$pkg $$target"; \
	    if ! (cd $$pkg && "$$out/fuzz" -test.run '^$$' -test.fuzz "^$$target\$$" -test.fuzztime $(FUZZTIME) \
	        -test.fuzzminimizetime 10x -test.fuzzcachedir "$$cache/$$pkg") >"$$out/log" 2>&1; then \
	      cat "$$out/log"; \
	      grep -q '^    context deadline exceeded$$' "$$out/log" && ! grep -q 'Failing input' "$$out/log" || exit 1; \
	      echo "fuzz $$pkg $$target: the time ended with a worker busy; no input failed"; \
	    fi; \
	  done; \
	done

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

peer:
	cd bench && CGO_ENABLED=1 $(GO) test -v -count 1 -timeout 2h -run 'TestImport|TestScope' . -rows $(ROWS) -lines $(LINES)

# The billion takes a quarter of an hour and 8 GB of disk on two cores.
curve:
	cd bench && CGO_ENABLED=1 $(GO) test -v -count 1 -timeout 4h -run TestCurve . -curve $(CURVE) -plot ../docs/curve.svg

# Beside it: go test -run '^$$' -bench Engine ./detect, what a row costs.
detect-bench:
	cd bench && CGO_ENABLED=1 $(GO) test -v -count 1 -timeout 2h -run 'TestDetect|TestLive|TestGroups' . -lines $(LINES) -rates $(RATES) -seconds $(SECONDS) -groups $(GROUPS)

memory:
	cd bench && CGO_ENABLED=1 $(GO) test -v -count 1 -timeout 2h -run TestMemory . -traffic ghosts -rows 84000000

ci:
	.ci/run
