package serve

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// A handler answers a request, or returns why it cannot.
type handler func(w http.ResponseWriter, r *http.Request) error

// routes returns what answers each path.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	open := func(pattern string, h handler) { // for everyone
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := h(w, r); err != nil {
				s.fail(w, r, err)
			}
		})
	}
	guarded := func(pattern string, h handler) {
		open(pattern, func(w http.ResponseWriter, r *http.Request) error {
			if !s.allowed(r.Header.Get("Authorization")) {
				return errToken
			}
			return h(w, r)
		})
	}
	rows := func(pattern string, h handler) { // requests that carry rows
		guarded(pattern, func(w http.ResponseWriter, r *http.Request) error {
			leave, err := s.enter()
			if err != nil {
				return err
			}
			defer leave()
			return h(w, r)
		})
	}
	open("GET /v2/health/live", func(w http.ResponseWriter, r *http.Request) error { return s.write(w, map[string]bool{"live": true}) })
	open("GET /v2/health/ready", s.healthReady)
	guarded("GET /v2", s.serverMetadata)
	for _, model := range []string{"/v2/models/{model}", "/v2/models/{model}/versions/{version}"} {
		guarded("GET "+model, s.modelMetadata)
		guarded("GET "+model+"/ready", s.modelReady)
		guarded("GET "+model+"/config", s.modelConfig)
		guarded("GET "+model+"/stats", s.modelStats)
		rows("POST "+model+"/infer", s.infer)
	}
	guarded("GET /v2/models/stats", s.modelStats)
	guarded("POST /v2/repository/index", s.index)
	guarded("POST /v2/repository/models/{model}/load", s.load)
	guarded("POST /v2/repository/models/{model}/unload", s.unload)
	rows("POST /v1/encode", s.encode)
	rows("POST /v1/search", s.search)
	metrics := promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{})
	guarded("GET /metrics", func(w http.ResponseWriter, r *http.Request) error { metrics.ServeHTTP(w, r); return nil })
	open("/", func(http.ResponseWriter, *http.Request) error { return errPath })
	return mux
}

// write answers by JSON.
func (s *Server) write(w http.ResponseWriter, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(text, '\n')) // who does not read it learns nothing
	return nil
}

func (s *Server) healthReady(w http.ResponseWriter, r *http.Request) error {
	if !s.ready.Load() {
		return errEnding
	}
	return s.write(w, map[string]bool{"ready": true})
}

// within returns a request's context with the time that it has left.
func (s *Server) within(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), s.o.Timeout)
}
