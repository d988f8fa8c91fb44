package serve

import (
	"context"

	"github.com/catvae/catvae/cmd/internal/serve/oip"
)

// A carrier has the headers of a request, by which traces follow it.
type carrier interface{ Get(key string) string }

// run lets a model answer a request, whichever way it came.
func (s *Server) run(ctx context.Context, model, version string, r *oip.Request, from carrier) (*oip.Response, error) {
	m, err := s.o.Repository.Acquire(model, version)
	if err != nil {
		return nil, err
	}
	defer m.Release()
	if s.o.Traces == nil {
		response, _, err := m.Infer(ctx, r)
		return response, err
	}
	ctx, end := s.o.Traces.begin(ctx, from, m, r)
	response, result, err := m.Infer(ctx, r)
	end(result, err)
	return response, err
}
