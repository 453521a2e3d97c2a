package server

import (
	"context"
	"errors"
	"io/fs"
	"net/http"

	"github.com/haetae/haetae/ledger"
)

// abortRequest is the body of POST /v1/imports/abort.
type abortRequest struct {
	Import uint64 `json:"import"`
}

// postAbort gives up an import that was interrupted.
func (s *Server) postAbort(w http.ResponseWriter, r *http.Request) {
	var req abortRequest
	if !readJSON(w, r, &req) {
		return
	}
	switch err := s.ledger.AbortImport(req.Import); {
	case errors.Is(err, ledger.ErrImporting):
		s.busy(w, http.StatusConflict, "importing", "this import is running; it can be given up once it has been interrupted")
	case errors.Is(err, fs.ErrNotExist):
		writeError(w, http.StatusNotFound, failure{Code: "unknown_import", Field: "import", Message: "no unfinished import has this number"})
	case err != nil:
		s.changeFault(w, "abort import", err)
	default:
		s.log.Info("import given up", "import", req.Import)
		writeJSON(w, http.StatusOK, map[string]bool{"aborted": true})
	}
}

// AbortImport asks the server to give up an import that was interrupted.
func (c *Client) AbortImport(ctx context.Context, id uint64) error {
	return c.ask(ctx, "/v1/imports/abort", abortRequest{id}, &struct{}{})
}
