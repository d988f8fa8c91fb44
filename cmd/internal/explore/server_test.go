package explore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/catvae/catvae/cmd/internal/explore"
)

// ask sends a request to a handler.
func ask(h http.Handler, method, path string, body []byte, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	r.Host = "127.0.0.1:8080"
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// handler is that of a model of 18 bits with rows and codes.
func handler(t testing.TB) http.Handler {
	t.Helper()
	e, _ := explorer(t, pictures(bits))
	withCodes(t, e)
	h, err := e.Handler(func(host string) bool { return host == "127.0.0.1:8080" })
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// What is asked wrongly gets a status and one line of why; nothing else changes.
func TestRefused(t *testing.T) {
	h := handler(t)
	code, row := make([]byte, 4*18), make([]byte, 4*784)
	nan, two := bytes.Clone(code), bytes.Clone(code)
	copy(nan, []byte{0, 0, 0xc0, 0x7f})
	copy(two, []byte{0, 0, 0, 0x40})
	bright := bytes.Clone(row)
	copy(bright, two[:4])
	for _, c := range []struct {
		method, path string
		body         []byte
		status       int
		says         string
		headers      []string
	}{
		{"POST", "/api/decode", code[1:], 400, "71 bytes", nil},
		{"POST", "/api/decode", nan, 400, "", nil},
		{"POST", "/api/decode", two, 400, "", nil},
		{"POST", "/api/decode", make([]byte, 4*18*30_000), 400, "at most", nil},
		{"POST", "/api/encode", row[4:], 400, "784 numbers", nil},
		{"POST", "/api/encode", bright, 400, "", nil},
		{"POST", "/api/encode", make([]byte, 65<<20), 413, "large", nil},
		{"POST", "/api/threshold", code[4:], 400, "", nil},
		{"POST", "/api/atlas?first=0&count=19", code, 400, "count", nil},
		{"POST", "/api/atlas?first=18&count=1", code, 400, "first", nil},
		{"POST", "/api/atlas?first=-1&count=1", code, 400, "first", nil},
		{"POST", "/api/atlas?first=0&count=18", nil, 400, "at least 1 code", nil},
		{"POST", "/api/atlas?first=0&count=18", make([]byte, 4*18*2000), 400, "at most", nil},
		{"POST", "/api/picture", []byte("no picture"), 400, "picture", nil},
		{"POST", "/api/nearest?k=3", []byte{1}, 400, "1 bytes", nil},
		{"POST", "/api/nearest?k=0", []byte{1, 2, 3}, 400, "k", nil},
		{"POST", "/api/nearest?k=1e9", []byte{1, 2, 3}, 400, "k", nil},
		{"GET", "/api/sample?count=-1&seed=1", nil, 400, "count", nil},
		{"GET", "/api/sample?count=999999999&seed=1", nil, 400, "count", nil},
		{"GET", "/api/sample?count=1&seed=x", nil, 400, "seed", nil},
		{"GET", "/api/rows?first=0&count=31", nil, 400, "count", nil},
		{"GET", "/api/rows?first=30&count=1", nil, 400, "first", nil},
		{"GET", "/api/codes?at=30", nil, 400, "at", nil},
		{"GET", "/api/decode", nil, 405, "", nil},
		{"GET", "/nothing", nil, 404, "", nil},
		{"GET", "/", nil, 421, "evil.example", []string{"Host", "evil.example:8080"}},
		{"GET", "/api/rows?first=0&count=1", nil, 421, "evil.example", []string{"Host", "evil.example"}},
		{"POST", "/api/decode", code, 403, "", []string{"Sec-Fetch-Site", "cross-site"}},
		{"POST", "/api/decode", code, 403, "", []string{"Origin", "http://evil.example"}},
	} {
		w := ask(h, c.method, c.path, c.body, c.headers...)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s %s: %d %s, want %d and %q", c.method, c.path, w.Code, w.Body, c.status, c.says)
		}
		if w.Code == http.StatusBadRequest {
			var said struct{ Error string }
			if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || said.Error == "" || strings.Contains(said.Error, "\n") {
				t.Errorf("%s %s: %q is no line of why", c.method, c.path, w.Body)
			}
		}
	}
	if w := ask(h, "POST", "/api/decode", code, "Sec-Fetch-Site", "same-origin"); w.Code != 200 || w.Body.Len() != 4*784 {
		t.Errorf("a right request: %d, %d bytes", w.Code, w.Body.Len())
	}
	if w := ask(h, "POST", "/api/decode", nil); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("no codes: %d, %d bytes", w.Code, w.Body.Len())
	}
	page := ask(h, "GET", "/", nil)
	for header, want := range map[string]string{"Cross-Origin-Resource-Policy": "same-origin", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store"} {
		if got := page.Header().Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
}

// Requests that run at once all get their answers.
func TestManyAtOnce(t *testing.T) {
	h := handler(t)
	done := make(chan *httptest.ResponseRecorder)
	for range 40 {
		go func() { done <- ask(h, "POST", "/api/decode", make([]byte, 4*18*10)) }()
	}
	for range 40 {
		if w := <-done; w.Code != 200 || w.Body.Len() != 10*4*784 {
			t.Errorf("%d, %d bytes", w.Code, w.Body.Len())
		}
	}
}

// Hosts are those of this machine: no name that somebody else's name server may lead here.
func TestHosts(t *testing.T) {
	l, err := explore.Listen(t.Context(), ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if !explore.Loopback(l) {
		t.Errorf("an empty host listens on %s", l.Addr())
	}
	known := explore.Hosts(l, ":0")
	for host, want := range map[string]bool{
		"127.0.0.1:80": true, "127.0.0.1": true, "localhost:9": true, "LOCALHOST": true, "[::1]:80": true,
		"evil.example": false, "evil.example:80": false, "192.168.1.7": false, "localhost.evil.example": false, "": false, "127.0.0.1.evil.example": false,
	} {
		if got := known(host); got != want {
			t.Errorf("%q: %t, want %t", host, got, want)
		}
	}
	wide, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer wide.Close()
	known = explore.Hosts(wide, "my.machine:0")
	for host, want := range map[string]bool{"192.168.1.7:80": true, "my.machine:80": true, "evil.example:80": false, "[fe80::1]:80": true} {
		if got := known(host); got != want {
			t.Errorf("for other machines, %q: %t, want %t", host, got, want)
		}
	}
	if _, err := explore.Listen(t.Context(), "nonsense"); err == nil || !strings.Contains(err.Error(), "HOST:PORT") {
		t.Errorf("an address that is none: %v", err)
	}
	if _, err := explore.Listen(t.Context(), l.Addr().String()); err == nil {
		t.Error("a port is taken twice")
	}
}

// A server ends when its context does, after the requests that run.
func TestServe(t *testing.T) {
	l, err := explore.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	began := make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-ctx.Done()
		io.WriteString(w, "whole")
	})
	ended := make(chan error)
	go func() { ended <- explore.Serve(ctx, l, slow) }()
	answer := make(chan string)
	go func() {
		r, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		answer <- string(body)
	}()
	<-began
	cancel()
	if got := <-answer; got != "whole" {
		t.Errorf("the request that ran got %q", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

// A model that predicts from rows, and has none, cannot be explored; one without a prior draws nothing.
func TestCheck(t *testing.T) {
	e, _ := explorer(t, pictures(bits))
	if err := e.Check(); err != nil {
		t.Error(err)
	}
	e.Rows = nil
	if err := e.Check(); err != nil {
		t.Error(err)
	}
	h, err := e.Handler(func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/rows?first=0&count=1", "/api/codes?at=0"} {
		if w := ask(h, "GET", path, nil); w.Code != 400 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := ask(h, "POST", "/api/nearest?k=1", nil); w.Code != 400 {
		t.Errorf("nearest without codes: %d", w.Code)
	}
}

// Whatever a request holds, it is answered or refused.
func FuzzRequest(f *testing.F) {
	h := handler(f)
	for _, path := range []string{"encode", "decode", "threshold", "atlas?first=0&count=2", "picture", "nearest?k=2", "sample?count=2&seed=3", "rows?first=1&count=2", "codes?at=1"} {
		f.Add(path, make([]byte, 4*18))
	}
	f.Add("decode", []byte{0, 0, 0xc0, 0x7f})
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		for _, method := range []string{"GET", "POST"} {
			r, err := http.NewRequest(method, "http://127.0.0.1:8080/api/"+path, bytes.NewReader(body))
			if err != nil {
				return
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Errorf("%s %q: %d %s", method, path, w.Code, w.Body)
			}
		}
	})
}
