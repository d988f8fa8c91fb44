package serve

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/catvae/catvae/cmd/internal/serve/oip"
)

// headers are buffers of answers' JSON that are used again.
var headers = sync.Pool{New: func() any { return new([]byte) }}

// infer answers POST /v2/models/{model}/infer.
func (s *Server) infer(w http.ResponseWriter, r *http.Request) error {
	b, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	defer b.free()
	text, binary, err := split(b.data, r.Header)
	if err != nil {
		return err
	}
	request, err := s.reader.Read(text, binary)
	if err != nil {
		return err
	}
	ctx, cancel := s.within(r)
	defer cancel()
	response, err := s.run(ctx, r.PathValue("model"), r.PathValue("version"), request, r.Header)
	if err != nil {
		return err
	}
	return writeResponse(w, response)
}

// writeResponse answers by JSON, and the binary data behind it where there are any.
func writeResponse(w http.ResponseWriter, response *oip.Response) error {
	buffer := headers.Get().(*[]byte)
	defer headers.Put(buffer)
	text, binary, err := response.Append((*buffer)[:0])
	if err != nil {
		return err
	}
	if cap(text) <= kept {
		*buffer = text[:0]
	}
	h := w.Header()
	length := len(text)
	for _, data := range binary {
		length += len(data)
	}
	h.Set("Content-Type", "application/json")
	if len(binary) > 0 {
		h.Set("Content-Type", "application/octet-stream")
		h[headerLength] = []string{strconv.Itoa(len(text))}
	}
	h.Set("Content-Length", strconv.Itoa(length))
	_, err = w.Write(text)
	for i := 0; err == nil && i < len(binary); i++ {
		_, err = w.Write(binary[i])
	}
	return nil // who went away is told nothing
}
