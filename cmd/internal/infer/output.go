package infer

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// An output is what a row becomes: values of one type.
type output struct {
	dtype onnxtensor.DType // Uint8 or Float32
	shape []int            // of one row
	label string           // of the values, in CSV and JSON lines
	code  bool             // the values are a packed code
	bits  int              // of the code
}

// newOutput says what the job makes of a row.
func newOutput(job Job, m *bundle.Manifest) (output, error) {
	l := m.Latent
	switch {
	case job.Mode == Encode && job.Codes == Packed:
		return output{dtype: onnxtensor.Uint8, shape: []int{l.PackedBytes()}, label: "code", code: true, bits: l.Bits()}, nil
	case job.Mode == Encode && job.Codes == Index:
		if l.Categories > 256 {
			return output{}, fmt.Errorf("infer: %w: an index holds up to 256 categories, the model has %d: write packed codes", ErrJob, l.Categories)
		}
		return output{dtype: onnxtensor.Uint8, shape: []int{l.Variables}, label: "index"}, nil
	case job.Mode == Encode:
		return output{dtype: onnxtensor.Float32, shape: l.Dist().LogitsShape(), label: "logits"}, nil
	case job.Mode == Score:
		return output{dtype: onnxtensor.Float32, label: "score"}, nil
	}
	o := output{dtype: onnxtensor.Float32, label: "reconstruction"}
	for _, d := range m.Input.Shape {
		o.shape = append(o.shape, int(d))
	}
	return o, nil
}

// width is the number of values of a row.
func (o output) width() int {
	n := 1
	for _, d := range o.shape {
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

// appendIndexes appends one byte a variable to dst, the category or the bit, for rows of packed codes.
func appendIndexes(l bundle.Latent, dst, packed []byte) []byte {
	step := max(l.Categories, 1)
	for width := l.PackedBytes(); len(packed) > 0; packed = packed[width:] {
		for v := range l.Variables {
			index := byte(0)
			for k := range step {
				if i := v*step + k; packed[i/8]>>(7-i%8)&1 == 1 {
					index = byte(k)
					if step == 1 {
						index = 1
					}
				}
			}
			dst = append(dst, index)
		}
	}
	return dst
}

// results are what rows that follow each other became: bytes or floats, as the output says.
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

// appendRaw appends results as they stand in raw and NPY files: bytes, or float32 with the low byte first.
func (r results) appendRaw(dst []byte) []byte {
	dst = append(dst, r.bytes...)
	for _, x := range r.floats {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
	}
	return dst
}

// setRaw takes results from bytes that appendRaw made.
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
