// Package capture is for services: it lets a net/http handler say whose data
// it answered, so that the access log names the accounts and not just a path.
//
//	func export(w http.ResponseWriter, r *http.Request) {
//		rows := find(r)
//		for _, row := range rows {
//			capture.Subject(r.Context(), row.Member)
//		}
//		capture.Rows(r.Context(), len(rows))
//		capture.Actor(r.Context(), session.Seller, "partner")
//		capture.Credential(r.Context(), session.KeyID, session.TokenID)
//		write(w, rows)
//	}
//
//	http.ListenAndServe(addr, capture.Middleware(mux))
//
// What handlers say leaves the process in one of two ways. Behind a proxy,
// Headers puts it into response headers (X-Haetae-Subjects and others), which
// the proxy writes into its log and takes out before the client sees them;
// docs/capture.md has the configuration. Without a proxy, Records writes the
// access records itself, as lines to a file or by POST /v1/records.
//
// The central idea: exact, or says what it does not know. A list of subjects
// that does not fit into a header is not cut off, since a cut list would look
// like a complete one. The answer then names nobody, says how many rows it held,
// and is counted as unresolved. What was said too late, after the first byte of
// the answer, cannot be passed on any more and is reported as an error.
//
// Values that open something (bearer tokens, the request's own cookies) are
// never passed on, ids with line breaks in them cannot become headers, and no
// error of this package contains an id.
//
// What it is not: a way to read logs, and not a place where items are decided.
// It imports nothing but the standard library and package event.
package capture
