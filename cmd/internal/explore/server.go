package explore

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/picture"
	"github.com/catvae/catvae/runtime"
)

// Bounds of what one request may send and ask for. The page stays far below them.
const (
	maxBody    = 64 << 20 // bytes of rows, codes, or a picture's file
	maxResult  = 64 << 20 // bytes of an answer
	maxDecoded = 1 << 16  // codes that an atlas has decoded for one request
	maxNearest = 1000
	maxAtOnce  = 4                // requests that compute at the same time; others wait
	maxTime    = 60 * time.Second // for one request, waiting included
)

// errRequest is wrapped by errors that a request is to blame for.
var errRequest = errors.New("bad request")

// A handler answers a request, or says why it does not.
type handler func(w http.ResponseWriter, r *http.Request) error

// Handler serves the page, and what its engine asks. known says by which names of hosts it may be asked: those of others, which lead here by a
// trick of their owner's name server (DNS rebinding), are refused.
func (e *Explorer) Handler(known func(host string) bool) (http.Handler, error) {
	page, err := e.page("served", nil)
	if err != nil {
		return nil, err
	}
	busy := make(chan struct{}, maxAtOnce)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page) // a reader that has gone needs no page
	})
	for pattern, h := range map[string]handler{
		"POST /api/encode": e.serveEncode, "POST /api/threshold": e.serveThreshold, "POST /api/decode": e.serveDecode, "POST /api/atlas": e.serveAtlas,
		"POST /api/picture": e.servePicture, "POST /api/nearest": e.serveNearest,
		"GET /api/sample": e.serveSample, "GET /api/rows": e.serveRows, "GET /api/codes": e.serveCodes,
	} {
		mux.HandleFunc(pattern, guarded(busy, h))
	}
	var foreign http.CrossOriginProtection
	return fromHost(known, private(foreign.Handler(mux))), nil
}

// fromHost refuses requests by hosts that are not known.
func fromHost(known func(string) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !known(r.Host) {
			refuse(w, http.StatusMisdirectedRequest, fmt.Sprintf("this page is not served as %q: use the address that catvae explore has printed", visible.Name(r.Host)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// private keeps what is served from other sites' pages, and from caches.
func private(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// guarded bounds what a handler reads, how long it takes and how many run at once, and writes its error.
func guarded(busy chan struct{}, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), maxTime)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		select {
		case busy <- struct{}{}:
			defer func() { <-busy }()
		case <-ctx.Done():
			refuse(w, http.StatusServiceUnavailable, "too many requests at once: try again")
			return
		}
		if err := h(w, r); err != nil {
			refuse(w, status(err), visible.Error(err).Error())
		}
	}
}

// status is the HTTP status of an error.
func status(err error) int {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errRequest), errors.Is(err, runtime.ErrInput), errors.Is(err, picture.ErrBad), errors.Is(err, dataset.ErrData):
		return http.StatusBadRequest
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, runtime.ErrClosed):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// refuse writes an error as JSON.
func refuse(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string]string{"error": text}) // a reader that has gone needs no reason
}

func (e *Explorer) serveEncode(w http.ResponseWriter, r *http.Request) error {
	rows, err := floats(r, e.Model.Manifest().Input.RowSize())
	if err != nil {
		return err
	}
	codes, logits, err := e.encode(r.Context(), rows)
	if err != nil {
		return err
	}
	return answer(w, codes, logits)
}

func (e *Explorer) serveThreshold(w http.ResponseWriter, r *http.Request) error {
	logits, err := floats(r, e.Model.Manifest().Latent.Dist().Logits())
	if err != nil {
		return err
	}
	codes, err := e.threshold(r.Context(), logits)
	if err != nil {
		return err
	}
	return answer(w, codes)
}

func (e *Explorer) serveDecode(w http.ResponseWriter, r *http.Request) error {
	m := e.Model.Manifest()
	codes, err := floats(r, m.Latent.Bits())
	if err != nil {
		return err
	}
	if err := fits(len(codes) / m.Latent.Bits() * m.TargetSize()); err != nil {
		return err
	}
	decoded, err := e.Model.Decode(r.Context(), nil, codes)
	if err != nil {
		return err
	}
	return answer(w, decoded)
}

func (e *Explorer) serveAtlas(w http.ResponseWriter, r *http.Request) error {
	m := e.Model.Manifest()
	l := m.Latent.Dist()
	first, err1 := number(r, "first", 0, l.Variables-1)
	count, err2 := number(r, "count", 1, l.Variables-first)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	codes, err := floats(r, m.Latent.Bits())
	if err != nil {
		return err
	}
	from, _ := l.Variable(first)
	_, to := l.Variable(first + count - 1)
	if rows := len(codes) / l.Bits(); rows == 0 || rows*(to-from+count) > maxDecoded {
		return fmt.Errorf("%w: %d codes and %d bits: at least 1 code, and at most %d to be decoded", errRequest, rows, to-from, maxDecoded)
	}
	if err := fits((to - from) * m.TargetSize()); err != nil {
		return err
	}
	differences, err := e.atlas(r.Context(), codes, first, count)
	if err != nil {
		return err
	}
	return answer(w, differences)
}

func (e *Explorer) servePicture(w http.ResponseWriter, r *http.Request) error {
	file, err := io.ReadAll(r.Body)
	if err != nil {
		return unread(err)
	}
	row, err := e.picture(r.Context(), file)
	if err != nil {
		return err
	}
	return answer(w, row)
}

func (e *Explorer) serveNearest(w http.ResponseWriter, r *http.Request) error {
	if e.Codes == nil {
		return fmt.Errorf("%w: there are no codes to search in", errRequest)
	}
	k, err := number(r, "k", 1, maxNearest)
	if err != nil {
		return err
	}
	code, err := io.ReadAll(r.Body)
	if err != nil {
		return unread(err)
	}
	if len(code) != e.Codes.Bytes {
		return fmt.Errorf("%w: a code of %d bytes, codes have %d", errRequest, len(code), e.Codes.Bytes)
	}
	list, err := e.Codes.nearest(r.Context(), code, k)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(list)
	return nil
}

func (e *Explorer) serveSample(w http.ResponseWriter, r *http.Request) error {
	l := e.Model.Manifest().Latent
	count, err := number(r, "count", 0, maxResult/4/l.Bits())
	if err != nil {
		return err
	}
	seed, err := strconv.ParseUint(r.URL.Query().Get("seed"), 10, 64)
	if err != nil {
		return fmt.Errorf("%w: seed: a whole number from 0 on", errRequest)
	}
	codes, err := e.Model.SampleCodes(r.Context(), count, seed)
	if err != nil {
		return err
	}
	return answer(w, codes)
}

func (e *Explorer) serveRows(w http.ResponseWriter, r *http.Request) error {
	if e.Rows == nil {
		return fmt.Errorf("%w: there are no rows", errRequest)
	}
	first, err1 := number(r, "first", 0, e.Rows.Len()-1)
	count, err2 := number(r, "count", 1, e.Rows.Len()-first)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if err := fits(count * e.Rows.RowSize()); err != nil {
		return err
	}
	return answer(w, e.rows(first, count))
}

// serveCodes gives the packed codes of numbers.
func (e *Explorer) serveCodes(w http.ResponseWriter, r *http.Request) error {
	if e.Codes == nil {
		return fmt.Errorf("%w: there are no codes", errRequest)
	}
	at, err := number(r, "at", 0, e.Codes.Len()-1)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(e.Codes.Packed[at*e.Codes.Bytes:][:e.Codes.Bytes])
	return nil
}

// number reads a whole number of a request's query.
func number(r *http.Request, key string, least, most int) (int, error) {
	n, err := strconv.Atoi(r.URL.Query().Get(key))
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%w: %s is %q: use a whole number from %d to %d", errRequest, key, visible.Name(r.URL.Query().Get(key)), least, most)
	}
	return n, nil
}

// fits reports an answer of so many numbers that is too large.
func fits(numbers int) error {
	if numbers > maxResult/4 {
		return fmt.Errorf("%w: the answer would have %d numbers: ask for at most %d", errRequest, numbers, maxResult/4)
	}
	return nil
}

// floats reads a request's body: float32, little-endian, in groups of so many.
func floats(r *http.Request, group int) ([]float32, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, unread(err)
	}
	if len(body)%(4*group) != 0 {
		return nil, fmt.Errorf("%w: the body has %d bytes, which are no rows of %d numbers of 4 bytes", errRequest, len(body), group)
	}
	values := make([]float32, len(body)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
	}
	return values, nil
}

// unread is the error of a body that could not be read.
func unread(err error) error {
	return fmt.Errorf("%w: the body: %w", errRequest, err)
}

// answer writes numbers as float32, little-endian.
func answer(w http.ResponseWriter, lists ...[]float32) error {
	var body []byte
	for _, list := range lists {
		body = appendFloats(body, list)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body) // a reader that has gone needs no answer
	return nil
}

// appendFloats appends numbers as float32, little-endian.
func appendFloats(dst []byte, values []float32) []byte {
	for _, v := range values {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
	}
	return dst
}
