package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/serve/batcher"
	"github.com/catvae/catvae/cmd/internal/serve/oip"
	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	errBusy   = errors.New("as many requests as may be are under way: try again later")
	errEnding = errors.New("the server is about to end: ask another")
	errToken  = errors.New("the header Authorization: Bearer TOKEN is missing, or holds another token")
	errSlow   = errors.New("the request came too slowly")
	errPath   = errors.New("there is no such path, or not by this method: docs/serve.md lists them")
	errType   = errors.New("the body is of an unsuitable type")
)

// An answer is how an error is told.
type answer struct {
	of    error
	http  int
	grpc  codes.Code
	again bool // another try may succeed: Retry-After
}

// answers is the table; the first that fits counts. What fits none is the server's own fault.
var answers = []answer{
	{errToken, http.StatusUnauthorized, codes.Unauthenticated, false},
	{errPath, http.StatusNotFound, codes.Unimplemented, false},
	{errType, http.StatusUnsupportedMediaType, codes.InvalidArgument, false},
	{repository.ErrUnknown, http.StatusNotFound, codes.NotFound, false},
	{batcher.ErrBusy, http.StatusTooManyRequests, codes.ResourceExhausted, true},
	{errBusy, http.StatusServiceUnavailable, codes.ResourceExhausted, true},
	{errEnding, http.StatusServiceUnavailable, codes.Unavailable, true},
	{batcher.ErrClosed, http.StatusServiceUnavailable, codes.Unavailable, true},
	{runtime.ErrClosed, http.StatusServiceUnavailable, codes.Unavailable, true},
	{errSlow, http.StatusRequestTimeout, codes.DeadlineExceeded, false},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, codes.DeadlineExceeded, true},
	{context.Canceled, 499, codes.Canceled, false}, // nobody reads it: nginx's number, for the log
	{oip.ErrRequest, http.StatusBadRequest, codes.InvalidArgument, false},
	{runtime.ErrInput, http.StatusBadRequest, codes.InvalidArgument, false},
	{bundle.ErrBad, http.StatusBadRequest, codes.FailedPrecondition, false}, // of a load by hand
}

// answerOf returns how an error is told.
func answerOf(err error) answer {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return answer{err, http.StatusRequestEntityTooLarge, codes.ResourceExhausted, false}
	}
	for _, a := range answers {
		if errors.Is(err, a.of) {
			return a
		}
	}
	return answer{err, http.StatusInternalServerError, codes.Internal, false}
}

// told returns an error's text as one line, without the words that only mark its kind.
func told(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	return visible.Text(strings.TrimPrefix(text, oip.ErrRequest.Error()+": "))
}

// fail answers a request by an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	a := answerOf(err)
	if a.http >= http.StatusInternalServerError && !a.again {
		s.o.Log.Error("a request failed", "path", r.URL.Path, "reason", err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if a.again {
		h.Set("Retry-After", "1")
	}
	if a.http == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if a.http == http.StatusRequestEntityTooLarge || a.http == http.StatusRequestTimeout {
		h.Set("Connection", "close")
	}
	w.WriteHeader(a.http)
	text, _ := json.Marshal(map[string]string{"error": told(err)}) // a string has one
	_, _ = w.Write(append(text, '\n'))                             // who does not read it learns nothing
}

// failed is [Server.fail] for gRPC.
func (s *Server) failed(method string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	a := answerOf(err)
	if a.grpc == codes.Internal {
		s.o.Log.Error("a request failed", "method", method, "reason", err)
	}
	return status.Error(a.grpc, told(err))
}

// readError says why a body could not be read to its end.
func readError(err error) error {
	var large *http.MaxBytesError
	var wait net.Error
	switch {
	case errors.As(err, &large):
		return fmt.Errorf("the body has more than %d bytes (--max-body): %w", large.Limit, err)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &wait) && wait.Timeout():
		return fmt.Errorf("%w: %w", errSlow, err)
	}
	return fmt.Errorf("%w: the body ends too early: %w", oip.ErrRequest, err)
}
