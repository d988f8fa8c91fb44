package serve

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/catvae/catvae/cmd/internal/serve/repository"
)

// Clients that ask all the time, on connections that stay open, lose no request when the server ends: each that the server has begun is
// answered, and no connection is closed between two of them. A new connection that nobody took ends with the listener.
func TestEndUnderLoad(t *testing.T) {
	var begun, whole atomic.Int64
	s := start(t, tiny(t), func(o *Options, _ *repository.Options) {
		o.Leave = 500 * time.Millisecond
		o.handler = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				begun.Add(1)
				next.ServeHTTP(w, r)
			})
		}
	})
	address := strings.TrimPrefix(s.url, "http://")
	body := `{"inputs":[{"name":"sample","shape":[1,3,2],"datatype":"UINT8","data":[1,2,3,4,5,6]}]}`
	request := fmt.Sprintf("POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for answered := 0; ; {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					if answered == 0 {
						t.Error("a client was never answered")
					}
					return // nobody listens
				}
				for in, first := bufio.NewReader(conn), true; ; first = false {
					response, err := func() (*http.Response, error) {
						if _, err := io.WriteString(conn, request); err != nil {
							return nil, err
						}
						return http.ReadResponse(in, nil)
					}()
					if first && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)) {
						break // nobody took the connection: the system had, for the listener
					}
					if err != nil || response.StatusCode != 200 {
						t.Errorf("a request was lost: %v", err)
						return
					}
					if _, err := io.Copy(io.Discard, response.Body); err != nil {
						t.Errorf("an answer was cut: %v", err)
						return
					}
					answered++
					whole.Add(1)
					if response.Close {
						break
					}
				}
				conn.Close()
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	s.stop()
	wg.Wait()
	if err := <-s.ended; strings.Contains(err.Error(), "longer") {
		t.Error(err)
	}
	if begun.Load() != whole.Load() {
		t.Errorf("%d requests were begun, %d were answered", begun.Load(), whole.Load())
	}
}
