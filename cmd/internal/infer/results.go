package infer

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// An output is a product with its size for one model.
type output struct {
	product
	dims []int // of one row
	bits int   // of a code
}

// newOutput says what the job turns a row into.
func newOutput(job Job, m *bundle.Manifest) (output, error) {
	p, ok := productOf(job.Mode, job.Codes)
	if !ok {
		return output{}, fmt.Errorf("infer: %w: mode %q or codes %q is unknown", ErrJob, job.Mode, job.Codes)
	}
	if p.check != nil {
		if err := p.check(m); err != nil {
			return output{}, err
		}
	}
	return output{product: p, dims: p.shape(m), bits: m.Latent.Bits()}, nil
}

// width is the number of values of a row.
func (o output) width() int {
	n := 1
	for _, d := range o.dims {
		n *= d
	}
	return n
}

// rowBytes is the size of a row in memory and in raw files.
func (o output) rowBytes() int {
	if o.dtype == onnxtensor.Uint8 {
		return o.width()
	}
	return 4 * o.width()
}

// results holds the results of consecutive rows: bytes or floats, as the output says.
type results struct {
	first, n int
	bytes    []byte
	floats   []float32
}

// part returns the results of some of the rows.
func (r results) part(o output, from, n int) results {
	p := results{first: r.first + from, n: n}
	if w := o.width(); o.dtype == onnxtensor.Uint8 {
		p.bytes = r.bytes[from*w:][:n*w]
	} else {
		p.floats = r.floats[from*w:][:n*w]
	}
	return p
}

// appendRaw appends results as they are in raw and NPY files: bytes, or float32 with the low byte first.
func (r results) appendRaw(dst []byte) []byte {
	dst = append(dst, r.bytes...)
	for _, x := range r.floats {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
	}
	return dst
}

// setRaw reads results back from what appendRaw wrote.
func (r *results) setRaw(o output, raw []byte) {
	r.n = len(raw) / o.rowBytes()
	if o.dtype == onnxtensor.Uint8 {
		r.bytes = raw
		return
	}
	r.floats = r.floats[:0]
	for ; len(raw) > 0; raw = raw[4:] {
		r.floats = append(r.floats, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
	}
}
