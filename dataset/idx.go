package dataset

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/catvae/catvae/dataset/internal/reading"
)

// IDX is the format of MNIST (LeCun, Cortes, Burges, http://yann.lecun.com/exdb/mnist/): two zero bytes, a type, the
// number of dimensions, each dimension as a big-endian uint32, then the values row by row.

// idxElements are the types of elements by the header's third byte: kind and width, as elementOf has them.
var idxElements = map[byte]string{0x08: "u1", 0x09: "i1", 0x0b: "i2", 0x0c: "i4", 0x0d: "f4", 0x0e: "f8"}

// idx streams an IDX file of bytes, the usual ones, with labels from a second file where there is one.
type idx struct {
	s      *stream
	info   Info
	buf    []byte
	row    int
	labels *stream
	label  []byte // of the rows that were read last
	tally  *Tally
	raw    pool
	table  *[256]float32 // what bytes become
}

func newIDX(s *stream, o Options) (Reader, error) {
	shape, element, err := idxHeader(s)
	if err != nil {
		return nil, err
	}
	if element.name != "uint8" {
		return newArray(s, s.name, s.size, shape, element, o, "IDX", element.name, fmt.Sprint(shape)), nil
	}
	r := &idx{s: s, info: Info{Source: s.name, Rows: shape[0], Shape: shape[1:], DType: "uint8", Bytes: s.size}, table: tableOf(o.Values)}
	if len(shape) == 1 {
		r.info.Shape = []int{1}
	}
	r.tally = o.Tally(r.info.Rows, "IDX", fmt.Sprint(shape))
	if r.info.Rows > 0 && r.info.RowSize() <= maxRow { // of no rows the size is the header's word alone
		r.buf = make([]byte, r.info.RowSize())
	}
	return r, nil
}

// idxHeader reads and checks a header; the sizes are compared with the file's before anything of that size is made.
func idxHeader(s *stream) ([]int, element, error) {
	var head [4]byte
	if _, err := io.ReadFull(s, head[:]); err != nil {
		return nil, element{}, s.broken("it ends in its header", err)
	}
	what, ok := idxElements[head[2]]
	if !ok {
		return nil, element{}, &UnsupportedError{File: s.name, Reason: fmt.Sprintf("it begins like IDX, and its element type is 0x%02x: bytes (0x08), int8 (0x09), int16 (0x0b), int32 (0x0c), float (0x0d) and double (0x0e) are read", head[2])}
	}
	e, _ := elementOf(what[0], int(what[1]-'0'), binary.BigEndian) // the table has no others
	n := int(head[3])
	if n < 1 || n > 8 {
		return nil, element{}, &FormatError{File: s.name, Reason: fmt.Sprintf("its header declares %d dimensions: 1 to 8 are possible", n)}
	}
	shape := make([]int, n)
	for i := range shape {
		var d [4]byte
		if _, err := io.ReadFull(s, d[:]); err != nil {
			return nil, element{}, s.broken("it ends in its header", err)
		}
		shape[i] = int(binary.BigEndian.Uint32(d[:]))
	}
	total, ok := product(e.width, shape)
	if !ok {
		return nil, element{}, &FormatError{File: s.name, Reason: fmt.Sprintf("its header declares the shape %v", shape)}
	}
	return shape, e, s.expect(int64(4+4*n), total)
}

// openLabelled opens a file of images and one of labels as one source.
func openLabelled(ctx context.Context, images, labels string, o Options) (Reader, error) {
	r, err := openPath(ctx, images, o)
	if err != nil {
		return nil, err
	}
	l, err := openPath(ctx, labels, o)
	if err != nil {
		r.Close()
		return nil, err
	}
	x, ok1 := r.(*idx)
	y, ok2 := l.(*idx)
	if !ok1 || !ok2 || y.info.RowSize() != 1 || y.info.Rows != x.info.Rows {
		r.Close()
		l.Close()
		return nil, &FormatError{File: labels, Reason: fmt.Sprintf("it has %d rows of shape %v, %s has %d rows: one label for each image is needed", l.Info().Rows, l.Info().Shape, images, r.Info().Rows)}
	}
	x.tally = o.Tally(x.info.Rows, "IDX with labels", fmt.Sprint(x.info.Shape), fmt.Sprint(x.info.Rows))
	x.labels, x.info.Labels, x.info.Bytes = y.s, true, x.info.Bytes+y.info.Bytes
	return x, nil
}

// product multiplies a width and dimensions; not ok where it is negative or of more than 2^50, zeros counting as ones, so that
// the product of some of them is no more either.
func product(width int, shape []int) (total int64, ok bool) {
	total, most := int64(width), int64(width)
	for _, d := range shape {
		if d < 0 || most > (1<<50)/int64(max(d, 1)) {
			return 0, false
		}
		total, most = total*int64(d), most*int64(max(d, 1))
	}
	return total, true
}

func (r *idx) Info() Info { return r.info }

func (r *idx) Next(row []float32) (int, error) {
	label, err := r.NextBytes(r.buf)
	if err != nil {
		return -1, err
	}
	greyOf(row, r.buf, r.table)
	return label, nil
}

// NextBytes is Next for the bytes themselves.
func (r *idx) NextBytes(row []byte) (int, error) {
	if _, err := r.readRows(row[:r.info.RowSize()]); err != nil {
		return -1, err
	}
	if r.labels == nil {
		return -1, nil
	}
	return int(r.label[0]), nil
}

// Bytes reads rows straight into dst.
func (r *idx) Bytes(dst []byte) (int, Decode, error) {
	n, err := r.readRows(dst)
	return n, nil, err
}

// readRows reads the next rows, as many as dst holds, and their labels.
func (r *idx) readRows(dst []byte) (int, error) {
	size := r.info.RowSize()
	n, err := reading.RowsIn(len(dst), size, r.info.Rows-r.row)
	if err != nil {
		return 0, err
	}
	if err := r.s.read(dst[:n*size], r.row, size); err != nil {
		return 0, err
	}
	if r.labels == nil {
		r.tally.Rows(r.row, n, dst[:n*size])
	} else {
		r.label = slices.Grow(r.label[:0], n)[:n]
		if err := r.labels.read(r.label, r.row, 1); err != nil {
			return 0, err
		}
		r.tally.Rows(r.row, n, dst[:n*size], r.label)
	}
	r.row += n
	if err := r.end(); err != nil {
		return 0, err
	}
	return n, nil
}

// end looks for the end of the files after the last row.
func (r *idx) end() error {
	if r.row < r.info.Rows {
		return nil
	}
	if err := r.s.end(); err != nil || r.labels == nil {
		return err
	}
	return r.labels.end()
}

func (r *idx) Floats(dst []float32) (int, Decode, error) {
	return floatsOfBytes(dst, r.info.RowSize(), r.row, &r.raw, r.table, r.Bytes)
}

func (r *idx) Skip(rows int) error {
	n := min(rows, r.info.Rows-r.row)
	if err := r.s.skipRows(n, r.info.RowSize(), r.row); err != nil {
		return err
	}
	if r.labels != nil {
		if err := r.labels.skipRows(n, 1, r.row); err != nil {
			return err
		}
	}
	r.row += n
	return nil
}

func (r *idx) Scan(rows int) error {
	return scan(rows, r.info.RowSize(), &r.raw, r.readRows)
}

func (r *idx) Close() error {
	err := r.s.Close()
	if r.labels != nil {
		err = errors.Join(err, r.labels.Close())
	}
	return err
}
