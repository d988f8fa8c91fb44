package dataset

import (
	"fmt"
	"io"
)

// transposed gives the rows of an array in Fortran order, where the first index, that of the rows, varies fastest: the values of a
// row lie apart by as many values as there are rows. Rows are put together in blocks, in memory of a bounded size.
type transposed struct {
	file   *File
	offset int64 // of the values in the file
	rows   int
	size   int // values of a row
	width  int // bytes of a value
	dims   []int
	first  int // row of the block
	block  []byte
	some   []byte // of a column
}

// blockBytes is about what a block takes.
const blockBytes = 32 << 20

// newTransposed reads an array of a shape, whose values begin at an offset of a file.
func newTransposed(f *File, offset int64, shape []int, width int) *transposed {
	t := &transposed{file: f, offset: offset, rows: shape[0], dims: shape[1:], size: 1, width: width}
	for _, d := range t.dims {
		t.size *= d
	}
	return t
}

// read fills buf with the next rows of size bytes, from row on.
func (t *transposed) read(buf []byte, row, size int) error {
	for len(buf) > 0 {
		if have := len(t.block) / size; row < t.first || row >= t.first+have {
			if err := t.load(row, size); err != nil {
				return err
			}
		}
		n := copy(buf, t.block[(row-t.first)*size:])
		buf, row = buf[n:], row+n/size
	}
	return nil
}

// load reads a block of rows: a piece of each column, whose values go to their rows.
func (t *transposed) load(row, size int) error {
	n := min(max(blockBytes/size, 1), t.rows-row)
	if cap(t.block) < n*size {
		t.block = make([]byte, n*size)
		t.some = make([]byte, n*t.width)
	}
	t.block, t.first, t.some = t.block[:n*size], row, t.some[:n*t.width]
	place := make([]int, len(t.dims)) // of the column in a row
	for column := range t.size {
		at := t.offset + (int64(column)*int64(t.rows)+int64(row))*int64(t.width)
		if _, err := io.ReadFull(io.NewSectionReader(t.file, at, int64(len(t.some))), t.some); err != nil {
			return t.file.Broken(fmt.Sprintf("it ends in the rows from %d on", row), err)
		}
		to := 0
		for i, d := range t.dims { // in C order
			to = to*d + place[i]
		}
		to *= t.width
		for i := range n {
			copy(t.block[i*size+to:][:t.width], t.some[i*t.width:])
		}
		for i := range t.dims { // the first varies fastest
			if place[i]++; place[i] < t.dims[i] {
				break
			}
			place[i] = 0
		}
	}
	return nil
}

// skipRows passes over rows: nothing is read before it is wanted.
func (t *transposed) skipRows(int, int, int) error { return nil }

// end reports a file that has changed.
func (t *transposed) end() error { return t.file.Changed() }

func (t *transposed) Close() error { return t.file.Close() }
