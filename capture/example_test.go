package capture_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/haetae/haetae/capture"
	"github.com/haetae/haetae/event"
)

// The bodies of these functions stand in docs/capture.md, which a test compares.

type found struct{ ID event.AccountID }

type claims struct{ User, KeyID, TokenID string }

func find(id string) found { return found{event.AccountID(id)} }

func session(*http.Request) claims { return claims{"s103", "staff-2025-01", "t1"} }

func behindProxy(mux *http.ServeMux) http.Handler {
	mux.HandleFunc("GET /support/members/{member}", func(w http.ResponseWriter, r *http.Request) {
		s := session(r)
		capture.Actor(r.Context(), s.User, "staff")
		capture.Credential(r.Context(), s.KeyID, s.TokenID)

		member := find(r.PathValue("member"))
		capture.Subject(r.Context(), member.ID)
		capture.Items(r.Context(), "name", "phone")
		capture.Rows(r.Context(), 1)
		json.NewEncoder(w).Encode(member)
	})
	return capture.Middleware(mux)
}

func toFile(mux *http.ServeMux) (http.Handler, error) {
	log, err := os.OpenFile("records.ndjson", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return capture.Records{Sink: capture.Lines(log)}.Wrap(mux), nil
}

func toServer(mux *http.ServeMux) (http.Handler, func(context.Context) error, error) {
	post, err := capture.NewPost(capture.PostOptions{URL: "https://haetae.example", Token: os.Getenv("HAETAE_TOKEN")})
	if err != nil {
		return nil, nil, err
	}
	return capture.Records{Sink: post}.Wrap(mux), post.Close, nil
}

var _, _ = toFile, toServer

func Example() {
	rec := httptest.NewRecorder()
	behindProxy(http.NewServeMux()).ServeHTTP(rec, httptest.NewRequest("GET", "/support/members/m1000042", nil))
	for _, name := range capture.HeaderNames() {
		if v := rec.Header().Get(name); v != "" {
			fmt.Println(name, v)
		}
	}
	// Output:
	// X-Haetae-Subjects m1000042
	// X-Haetae-Rows 1
	// X-Haetae-Items name,phone
	// X-Haetae-Actor-Id s103
	// X-Haetae-Actor-Type staff
	// X-Haetae-Key staff-2025-01
	// X-Haetae-Token t1
}
