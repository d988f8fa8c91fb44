// Package reading holds what all readers of rows share: how rows of a batch are counted, how rows are read one by one, and how
// a done context ends the reading of a file.
package reading

import (
	"errors"
	"fmt"
	"io"
)

// Decode is dataset.Decode.
type Decode = func() (bad []error, err error)

// RowsIn returns how many rows of size values fit into memory for n values, at most left: io.EOF where none are left.
func RowsIn(n, size, left int) (int, error) {
	switch {
	case left == 0:
		return 0, io.EOF
	case n < size:
		return 0, fmt.Errorf("dataset: there is memory for %d values, a row has %d: give memory for a row or more", n, size)
	}
	return min(n/size, left), nil
}

// Rowwise reads rows of size values one by one into dst, as Reader.Floats and ByteReader.Bytes want it: for readers that gain
// nothing from reading several at once. Errors about one row are collected.
func Rowwise[T byte | float32](dst []T, size int, next func(row []T) (label int, err error)) (int, Decode, error) {
	if _, err := RowsIn(len(dst), size, 1); err != nil {
		return 0, nil, err
	}
	var bad []error
	n := 0
	for ; (n+1)*size <= len(dst); n++ {
		row := dst[n*size:][:size]
		_, err := next(row)
		if IsBad(err) {
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

// IsBad reports an error that is about one row.
func IsBad(err error) bool {
	var bad interface{ BadRow() int }
	return errors.As(err, &bad)
}
