package serve

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/catvae/catvae/cmd/internal/serve/repository"
)

// Options say how a server answers.
type Options struct {
	HTTP net.Listener // nil for none
	GRPC net.Listener // nil for none
	TLS  *tls.Config  // of both; nil for none

	// Token must come with each request, as a bearer's, except for health; "" for none.
	Token string

	MaxBody     int64         // bytes of a request
	MaxRequests int           // requests at once that carry rows
	Timeout     time.Duration // of a request, from its last byte on
	ReadTimeout time.Duration // until a request's last byte has come
	Drain       time.Duration // how long requests may take that were accepted before the end
	// Leave is how long the server still takes requests after it has said that it is not ready, so that those who ask learn of it. Answers
	// close their connections meanwhile: one that is closed while it is idle may lose what a client sends at that moment.
	Leave time.Duration

	Repository *repository.Repository
	Indexes    []Index // to search in
	Version    string  // of the program
	Log        *slog.Logger
	Traces     *Traces // nil for none

	handler func(http.Handler) http.Handler // tests put themselves before everything
}
