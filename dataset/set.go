package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/dist"
)

// A Set is rows in memory: bytes as bytes, floats as float32. It is read-only and safe for concurrent use.
type Set struct {
	Info
	Classes []string // what labels are called, in the order of the alphabet; nil where they are numbers or were not asked for

	bytes  []byte    // row after row; nil for floats
	floats []float32 // row after row; nil for bytes
	labels []int32
	values dist.Values
	table  *[256]float32 // what bytes become
}

// Load reads a source whole. See [Open] for what a source is, and for what a done context does. A bad row is an error.
func Load(ctx context.Context, source string, o Options) (*Set, error) {
	o.Values, o.classes = o.Values.OrUnit(), new(classes)
	r, err := Open(ctx, source, o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s := &Set{Info: r.Info(), values: o.Values, table: tableOf(o.Values)}
	size := s.RowSize()
	raw, _ := r.(ByteReader)
	row, pixels := make([]float32, size), make([]byte, size)
	for n := 0; n < s.Rows; n++ { // appended row by row: a header's word is not enough to allocate for
		if err := reading.Stopped(source, ctx.Err()); err != nil {
			return nil, err
		}
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
		s.labels = append(s.labels, int32(label))
	}
	s.Classes = o.classes.settle(s.labels)
	return s, nil
}

// Len returns the number of rows.
func (s *Set) Len() int { return s.Rows }

// Label returns the label of row i, -1 where there is none or where none was asked for. Where there are Classes it is the number of
// one of them.
func (s *Set) Label(i int) int { return int(s.labels[i]) }

// Values returns the rule by which the rows' values were made.
func (s *Set) Values() dist.Values { return s.values }

// Row writes row i to dst: values by the rule of [Set.Values].
func (s *Set) Row(i int, dst []float32) {
	size := s.RowSize()
	if s.bytes == nil {
		copy(dst, s.floats[i*size:][:size])
		return
	}
	greyOf(dst, s.bytes[i*size:][:size], s.table)
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
