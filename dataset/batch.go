package dataset

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// Decode puts rows in place that were read before: see [Reader].
type Decode = func() (bad []error, err error)

// pool recycles the memory of rows between reading and decoding.
type pool struct{ sync.Pool }

// get returns n bytes of any content.
func (p *pool) get(n int) []byte {
	if b, ok := p.Get().(*[]byte); ok && cap(*b) >= n {
		return (*b)[:n]
	}
	return make([]byte, n)
}

func (p *pool) put(b []byte) { p.Put(&b) }

// rowsIn returns how many rows of so many values go into memory for n of them: io.EOF where none are left.
func rowsIn(n, size, left int) (int, error) {
	switch {
	case left == 0:
		return 0, io.EOF
	case n < size:
		return 0, fmt.Errorf("dataset: there is memory for %d values, a row has %d: give it for a row or more", n, size)
	}
	return min(n/size, left), nil
}

// Rowwise reads rows of so many values one by one into dst, as Reader.Floats and ByteReader.Bytes want it: for readers that
// have nothing to gain from doing otherwise. Errors about one row are collected.
func Rowwise[T byte | float32](dst []T, size int, next func(row []T) (int, error)) (int, Decode, error) {
	if _, err := rowsIn(len(dst), size, 1); err != nil {
		return 0, nil, err
	}
	var bad []error
	n := 0
	for ; (n+1)*size <= len(dst); n++ {
		row := dst[n*size:][:size]
		_, err := next(row)
		if isBad(err) {
			clear(row)
			bad = append(bad, err)
			continue
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, nil, err
		}
	}
	if n == 0 {
		return 0, nil, io.EOF
	}
	if bad == nil {
		return n, nil, nil
	}
	return n, func() ([]error, error) { return bad, nil }, nil
}

// isBad reports an error that is about one row.
func isBad(err error) bool {
	var bad interface{ BadRow() int }
	return errors.As(err, &bad)
}

// greyOf writes bytes as numbers within [0,1].
func greyOf(dst []float32, bytes []byte) {
	for i, b := range bytes {
		dst[i] = scaled[b]
	}
}

// floatsOfBytes reads rows of bytes and leaves their scaling to whoever decodes.
func floatsOfBytes(dst []float32, size int, p *pool, read func(dst []byte) (int, Decode, error)) (int, Decode, error) {
	if _, err := rowsIn(len(dst), size, 1); err != nil {
		return 0, nil, err
	}
	raw := p.get(len(dst))
	n, decode, err := read(raw)
	if n == 0 || err != nil {
		p.put(raw)
		return 0, nil, err
	}
	return n, func() (bad []error, err error) {
		defer p.put(raw)
		if decode != nil {
			bad, err = decode()
		}
		greyOf(dst, raw[:n*size])
		return bad, err
	}, nil
}
