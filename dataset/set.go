package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
)

// A Set is rows in memory: bytes as bytes, floats as float32. It is read-only and safe for concurrent use.
type Set struct {
	Info
	bytes  []byte    // row after row; nil for floats
	floats []float32 // row after row; nil for bytes
	labels []int32
}

// Load reads a source whole. See [Open] for what a source is.
func Load(source string, o Options) (*Set, error) {
	r, err := Open(source, o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s := &Set{Info: r.Info()}
	size := s.RowSize()
	raw, _ := r.(ByteReader)
	row, pixels := make([]float32, size), make([]byte, size)
	for n := 0; n < s.Rows; n++ { // appended row by row: a header's word is not enough to allocate for
		var label int
		if raw != nil {
			label, err = raw.NextBytes(pixels)
			s.bytes = append(s.bytes, pixels...)
		} else {
			label, err = r.Next(row)
			s.floats = append(s.floats, row...)
		}
		if errors.Is(err, io.EOF) {
			return nil, &FormatError{File: source, Reason: fmt.Sprintf("it ends after %d of %d rows", n, s.Rows)}
		}
		if err != nil {
			return nil, err
		}
		if label != int(int32(label)) {
			return nil, &FormatError{File: source, Reason: fmt.Sprintf("row %d has the label %d: labels have 32 bits", n, label)}
		}
		s.labels = append(s.labels, int32(label))
	}
	return s, nil
}

// Len returns the number of rows.
func (s *Set) Len() int { return s.Rows }

// Label returns the label of row i, -1 where there is none.
func (s *Set) Label(i int) int { return int(s.labels[i]) }

// Row writes row i to dst, grey values within [0,1].
func (s *Set) Row(i int, dst []float32) {
	size := s.RowSize()
	if s.bytes == nil {
		copy(dst, s.floats[i*size:][:size])
		return
	}
	for j, b := range s.bytes[i*size:][:size] {
		dst[j] = scaled[b]
	}
}

// Bytes returns row i as it is stored, or nil where rows are floats.
func (s *Set) Bytes(i int) []byte {
	if s.bytes == nil {
		return nil
	}
	size := s.RowSize()
	return s.bytes[i*size:][:size]
}

// Slice returns the rows from, …, to-1 as a set of their own, sharing memory.
func (s *Set) Slice(from, to int) *Set {
	part, size := *s, s.RowSize()
	part.Rows = to - from
	part.labels = s.labels[from:to]
	if s.bytes != nil {
		part.bytes = s.bytes[from*size : to*size]
	} else {
		part.floats = s.floats[from*size : to*size]
	}
	return &part
}

// Fingerprint returns the SHA-256 of shape and values in hexadecimal: equal data have equal ones, wherever they are
// read from.
func (s *Set) Fingerprint() string {
	h := sha256.New()
	fmt.Fprintln(h, s.Rows, s.Shape, s.DType)
	h.Write(s.bytes)
	var buf [4]byte
	for _, x := range s.floats {
		binary.LittleEndian.PutUint32(buf[:], math.Float32bits(x))
		h.Write(buf[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// setReader streams a set.
type setReader struct {
	set *Set
	at  int
}

// Reader returns a [Reader] over the set's rows.
func (s *Set) Reader() Reader { return &setReader{set: s} }

func (r *setReader) Info() Info   { return r.set.Info }
func (r *setReader) Close() error { return nil }
func (r *setReader) Next(row []float32) (int, error) {
	if r.at == r.set.Len() {
		return -1, io.EOF
	}
	r.set.Row(r.at, row)
	r.at++
	return r.set.Label(r.at - 1), nil
}

func (r *setReader) Floats(dst []float32) (int, Decode, error) {
	return Rowwise(dst, r.set.RowSize(), r.Next)
}

func (r *setReader) Skip(rows int) error {
	r.at = min(r.at+rows, r.set.Len())
	return nil
}
