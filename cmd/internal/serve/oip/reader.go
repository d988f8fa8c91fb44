package oip

import (
	"slices"
	"sync"
)

// A Reader is [ReadRequest] that remembers the JSON of requests: programs that ask again and again send the same, and binary data that
// differ. The zero value is ready. It is safe for concurrent use.
type Reader struct {
	mu    sync.RWMutex
	known map[string]*remembered
}

// remembered is a request whose values are all binary data, without them.
type remembered struct {
	request Request
	sizes   []int // of the inputs' data
	all     int
}

// What is remembered: so many texts of at most so many bytes, and none with an id, which differs from request to request.
const (
	mostKnown  = 256
	longestKey = 1 << 10
)

// Read is [ReadRequest].
func (r *Reader) Read(header, binary []byte) (*Request, error) {
	if len(header) > longestKey {
		return ReadRequest(header, binary)
	}
	r.mu.RLock()
	k := r.known[string(header)]
	r.mu.RUnlock()
	if k != nil && k.all == len(binary) {
		return k.with(binary), nil
	}
	q, err := ReadRequest(header, binary)
	if err == nil {
		r.remember(header, binary, q)
	}
	return q, err
}

// with returns the request with its data.
func (k *remembered) with(binary []byte) *Request {
	q := k.request
	q.Inputs = slices.Clone(q.Inputs)
	for i, n := range k.sizes {
		q.Inputs[i].Data, binary = binary[:n:n], binary[n:]
	}
	return &q
}

// remember keeps a request whose data are all binary.
func (r *Reader) remember(header, binary []byte, q *Request) {
	k := &remembered{request: *q, all: len(binary)}
	k.request.Inputs = slices.Clone(q.Inputs)
	left := len(binary)
	for i, in := range q.Inputs {
		k.sizes = append(k.sizes, len(in.Data))
		left -= len(in.Data)
		k.request.Inputs[i].Data = nil
	}
	if left != 0 || len(binary) == 0 || q.ID != "" {
		return // some values are in the JSON
	}
	for i, in := range q.Inputs { // each lies in the binary data, one behind the other
		if len(in.Data) == 0 || &in.Data[0] != &binary[sum(k.sizes[:i])] {
			return
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= mostKnown {
		r.known = map[string]*remembered{}
	}
	r.known[string(header)] = k
}

func sum(list []int) (n int) {
	for _, x := range list {
		n += x
	}
	return n
}
