package serve

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/catvae/catvae/cmd/internal/serve/oip"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
)

// A Server answers requests. It is for one [Server.Run].
type Server struct {
	o        Options
	http     *http.Server
	grpc     *grpc.Server
	registry *prometheus.Registry
	ready    atomic.Bool
	ending   chan struct{} // closed when streams are to end
	slots    chan struct{} // requests that carry rows
	reader   oip.Reader
	finders  map[string]*finder
	open     connections
}

// New returns a server. It opens the indexes that are searched.
func New(ctx context.Context, o Options) (*Server, error) {
	s := &Server{o: o, slots: make(chan struct{}, o.MaxRequests), ending: make(chan struct{}), registry: prometheus.NewRegistry()}
	var err error
	if s.finders, err = openIndexes(ctx, o.Indexes, o.Repository); err != nil {
		return nil, err
	}
	s.measure()
	handler := s.recovered(s.routes())
	if o.handler != nil {
		handler = o.handler(handler)
	}
	s.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: min(o.ReadTimeout, 10*time.Second), ReadTimeout: o.ReadTimeout, WriteTimeout: o.ReadTimeout + o.Timeout + 30*time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug), TLSConfig: o.TLS, ConnState: s.open.changed,
	}
	s.grpc = s.newGRPC()
	return s, nil
}

// Listen says where the server answers: by HTTP, and by gRPC; nil for none.
func (s *Server) Listen(http, grpc net.Listener) { s.o.HTTP, s.o.GRPC = http, grpc }

// Run answers requests until ctx is done, and then until those are finished that were accepted. It returns ctx's error, or what kept it from
// listening.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 2)
	if l := s.o.HTTP; l != nil {
		go func() {
			if s.o.TLS != nil {
				failed <- s.http.ServeTLS(l, "", "")
			} else {
				failed <- s.http.Serve(l)
			}
		}()
	}
	if l := s.o.GRPC; l != nil {
		go func() { failed <- s.grpc.Serve(l) }()
	}
	s.ready.Store(true)
	select {
	case err := <-failed:
		s.grpc.Stop()
		return errors.Join(fmt.Errorf("serve: %w", err), s.http.Close())
	case <-ctx.Done():
	}
	return errors.Join(ctx.Err(), s.end())
}

// end takes no more requests, and finishes what was accepted.
func (s *Server) end() error {
	s.ready.Store(false)
	s.o.Log.Info("ending: what was accepted is finished", "at_most", s.o.Drain)
	time.Sleep(s.o.Leave)
	close(s.ending)
	if s.o.HTTP != nil {
		_ = s.o.HTTP.Close() // no connection is taken any more
		s.open.quiet(min(s.o.Drain, time.Second))
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.o.Drain)
	defer cancel()
	calls := make(chan struct{})
	go func() {
		defer close(calls)
		s.grpc.GracefulStop()
	}()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, net.ErrClosed) { // the listener was, above
		err = nil
	}
	select {
	case <-calls:
	case <-ctx.Done():
		s.grpc.Stop()
		err = ctx.Err()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("serve: requests took longer than %v and were left (--drain)", s.o.Drain), s.http.Close())
	}
	return nil
}

// recovered answers a request that panics, and says so in the log: others are not ended by it.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.o.Log.Error("a request panicked", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			s.fail(w, r, errors.New("the server has a fault, which its log names"))
		}()
		if !s.ready.Load() {
			w.Header().Set("Connection", "close") // so that no request comes just when the connection is closed
		}
		next.ServeHTTP(w, r)
	})
}

// allowed reports whether a header holds the bearer's token. It takes as long for any other of the token's length.
func (s *Server) allowed(header string) bool {
	if s.o.Token == "" {
		return true
	}
	scheme, token, _ := strings.Cut(header, " ")
	return strings.EqualFold(scheme, "bearer") && subtle.ConstantTimeCompare([]byte(strings.TrimSpace(token)), []byte(s.o.Token)) == 1
}

// enter takes a place among the requests that carry rows. Whoever finds none is told to come again.
func (s *Server) enter() (leave func(), err error) {
	select {
	case s.slots <- struct{}{}:
		return s.leave, nil
	default:
		return nil, errBusy
	}
}

func (s *Server) leave() { <-s.slots }
