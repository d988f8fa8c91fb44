package serve

import (
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/catvae/catvae/cmd/internal/serve/oip"
)

// bodies are buffers that are used again.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// kept is the largest buffer that is used again.
const kept = 4 << 20

// A body is what came with a request.
type body struct {
	data  []byte
	whole *[]byte
}

// free gives the memory back. Nothing may refer to it any more.
func (b *body) free() {
	if cap(b.data) <= kept {
		*b.whole = b.data[:0]
		bodies.Put(b.whole)
	}
}

// readBody reads a request's body, at most as much as a request may have, before and after it was unpacked. It must be freed.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) (*body, error) {
	if r.ContentLength > s.o.MaxBody {
		return nil, readError(&http.MaxBytesError{Limit: s.o.MaxBody})
	}
	in, err := unpacked(http.MaxBytesReader(w, r.Body, s.o.MaxBody), r.Header.Get("Content-Encoding"))
	if err != nil {
		return nil, err
	}
	whole := bodies.Get().(*[]byte)
	b := &body{data: (*whole)[:0], whole: whole}
	if n := r.ContentLength; n > int64(cap(b.data)) {
		b.data = make([]byte, 0, n+1) // the last read finds the end
	}
	if b.data, err = readAll(in, b.data, s.o.MaxBody); err != nil {
		b.free()
		return nil, readError(err)
	}
	return b, nil
}

// unpacked returns what unpacks a body.
func unpacked(in io.Reader, encoding string) (out io.Reader, err error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return in, nil
	case "gzip":
		out, err = gzip.NewReader(in)
	case "deflate":
		out, err = zlib.NewReader(in)
	default:
		return nil, fmt.Errorf("%w: Content-Encoding %.40q: use gzip, deflate or none", errType, encoding)
	}
	if err != nil {
		return nil, fmt.Errorf("the body is not packed as Content-Encoding says: %w", readError(err))
	}
	return out, nil
}

// readAll appends what is read to dst, at most so many bytes.
func readAll(in io.Reader, dst []byte, most int64) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := in.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if int64(len(dst)) > most {
			return dst, &http.MaxBytesError{Limit: most}
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// headerLength is the header that says how long the JSON before binary data is.
const headerLength = "Inference-Header-Content-Length"

// split parts a body into JSON and binary data.
func split(data []byte, header http.Header) (json, binary []byte, err error) {
	text := header.Get(headerLength)
	if text == "" {
		return data, nil, nil
	}
	n, err := strconv.ParseUint(text, 10, 62)
	if err != nil || n > uint64(len(data)) {
		return nil, nil, fmt.Errorf("%w: %s is %.40q, the body has %d bytes", oip.ErrRequest, headerLength, text, len(data))
	}
	return data[:n], data[n:], nil
}
