// Package vectors reads rows of floats from where they lie in a file, and finds the nearest of them exactly.
package vectors

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/mapped"
	"github.com/catvae/catvae/internal/readfile"
)

// Vectors are the rows of an NPY file of floats or integers, which is mapped into memory: a row is read when it is looked at. They are
// safe for concurrent use until they are closed.
type Vectors struct {
	Source string
	Shape  []int // of the file: the first axis counts the rows

	layout dataset.NPYLayout
	data   []byte
	unmap  func() error
}

// IsFloats reports whether a file is NPY of another type than bytes, which codes are. A pipe, which can be read once only, holds bytes.
func IsFloats(ctx context.Context, path string) bool {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return false
	}
	l, err := dataset.ReadNPYLayout(ctx, path)
	return err == nil && l.DType != "uint8"
}

// Open maps a file. Errors wrap dataset.ErrData, or are the system's.
func Open(ctx context.Context, path string) (*Vectors, error) {
	l, err := dataset.ReadNPYLayout(ctx, path)
	if err != nil {
		return nil, err
	}
	v := &Vectors{Source: path, Shape: l.Shape, layout: l}
	if len(l.Shape) < 2 || v.Width() == 0 {
		return nil, fmt.Errorf("%s has the shape %v: rows of numbers are needed: %w", path, l.Shape, dataset.ErrData)
	}
	f, err := readfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the mapping stays
	v.data, v.unmap, err = mapped.Bytes(f, l.Offset+int64(v.Len()*v.Width()*l.Width))
	return v, err
}

// Close gives the memory back. A second Close is harmless.
func (v *Vectors) Close() error {
	unmap := v.unmap
	if unmap == nil {
		return nil
	}
	v.data, v.unmap = nil, nil
	return unmap()
}

// Len returns the number of rows.
func (v *Vectors) Len() int { return v.Shape[0] }

// Width returns how many numbers a row has.
func (v *Vectors) Width() int {
	n := 1
	for _, d := range v.Shape[1:] {
		n *= d
	}
	return n
}

// Row fills dst with a row. Numbers that are not finite are an error.
func (v *Vectors) Row(row int, dst []float32) error {
	size := v.layout.Width
	from := v.data[int(v.layout.Offset)+row*len(dst)*size:][:len(dst)*size]
	if v.layout.DType == "float32" && v.layout.Number([]byte{0, 0, 128, 63}) == 1 { // little end first
		for j := range dst {
			dst[j] = math.Float32frombits(binary.LittleEndian.Uint32(from[4*j:]))
		}
	} else {
		for j := range dst {
			dst[j] = float32(v.layout.Number(from[j*size:]))
		}
	}
	for j, x := range dst {
		if x-x != 0 {
			return fmt.Errorf("%s: number %d of row %d is %g: finite ones are needed: %w", v.Source, j, row, x, dataset.ErrData)
		}
	}
	return nil
}

// Whole returns the first n numbers of a row, which are row numbers of something else: none is negative, and all are whole.
func (v *Vectors) Whole(row, n int) ([]int, error) {
	of, size := make([]int, n), v.layout.Width
	for j := range of {
		x := v.layout.Number(v.data[int(v.layout.Offset)+(row*v.Width()+j)*size:])
		if of[j] = int(x); !(x >= 0) || float64(of[j]) != x {
			return nil, fmt.Errorf("%s: number %d of row %d is %g: numbers of rows are needed: %w", v.Source, j, row, x, dataset.ErrData)
		}
	}
	return of, nil
}

// Rows returns all rows, one after the other.
func (v *Vectors) Rows() ([]float32, error) {
	all := make([]float32, v.Len()*v.Width())
	for row := range v.Len() {
		if err := v.Row(row, all[row*v.Width():][:v.Width()]); err != nil {
			return nil, err
		}
	}
	return all, nil
}
