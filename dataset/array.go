package dataset

import (
	"github.com/catvae/catvae/dataset/internal/reading"
)

// A rowSource gives the bytes of rows in their order: a [stream], or [transposed].
type rowSource interface {
	read(buf []byte, row, size int) error
	skipRows(rows, size, at int) error
	end() error
	Close() error
}

// array reads rows of numbers of one type; the first axis counts them.
type array struct {
	from    rowSource
	tally   *Tally
	info    Info
	element element
	buf     []byte
	row     int
	raw     pool
	o       Options
	table   *[256]float32 // what bytes become, nil for numbers
}

// arrayOfBytes is an array of uint8, which can also give the bytes as they are.
type arrayOfBytes struct{ *array }

// NextBytes is Next for the bytes themselves.
func (r arrayOfBytes) NextBytes(row []byte) (int, error) {
	_, err := r.readRows(row[:r.info.RowSize()])
	return -1, err
}

// Bytes reads rows straight into dst.
func (r arrayOfBytes) Bytes(dst []byte) (int, Decode, error) {
	n, err := r.readRows(dst)
	return n, nil, err
}

func (r arrayOfBytes) Floats(dst []float32) (int, Decode, error) {
	return floatsOfBytes(dst, r.info.RowSize(), r.row, &r.raw, r.table, r.Bytes)
}

// newArray reads an array of a shape from its values on. size is that of the file, header what else its rows depend on.
func newArray(from rowSource, name string, size int64, shape []int, e element, o Options, header ...string) Reader {
	r := &array{from: from, element: e, o: o, info: Info{Source: name, Rows: shape[0], Shape: shape[1:], DType: e.name, Bytes: size}}
	if len(shape) == 1 {
		r.info.Shape = []int{1}
	}
	if r.info.Rows > 0 && r.info.RowSize() <= maxRow { // of no rows the size is the header's word alone
		r.buf = make([]byte, r.info.RowSize()*e.width)
	}
	r.tally = o.Tally(r.info.Rows, header...)
	if e.name == "uint8" {
		r.table = tableOf(o.Values)
		return arrayOfBytes{r}
	}
	return r
}

func (r *array) Info() Info { return r.info }

func (r *array) Next(row []float32) (int, error) {
	if _, err := r.readRows(r.buf); err != nil {
		return -1, err
	}
	return -1, r.decode(row, r.buf, r.row-1)
}

// readRows reads the bytes of the next rows, as many as dst holds.
func (r *array) readRows(dst []byte) (int, error) {
	size := r.info.RowSize() * r.element.width
	n, err := reading.RowsIn(len(dst), size, r.info.Rows-r.row)
	if err != nil {
		return 0, err
	}
	if err := r.from.read(dst[:n*size], r.row, size); err != nil {
		return 0, err
	}
	r.tally.Rows(r.row, n, dst[:n*size])
	if r.row += n; r.row == r.info.Rows {
		if err := r.from.end(); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// decode turns a row's bytes into numbers.
func (r *array) decode(row []float32, raw []byte, number int) error {
	if r.table != nil {
		greyOf(row, raw, r.table)
		return nil
	}
	v := r.o.Values
	same := v.Plain()
	for i := range row {
		x := r.element.number(raw[i*r.element.width:])
		if row[i] = float32(x); !same {
			row[i] = v.Number(x)
		}
		if !v.Contains(row[i]) {
			return &ValueError{File: r.info.Source, Row: number, Column: i, Value: x, Becomes: row[i], Values: v}
		}
	}
	return nil
}

// Floats reads rows and leaves their decoding for later.
func (r *array) Floats(dst []float32) (int, Decode, error) {
	size := r.info.RowSize()
	first, raw := r.row, r.raw.get(len(dst)*r.element.width)
	n, err := r.readRows(raw)
	if err != nil {
		r.raw.put(raw)
		return 0, nil, err
	}
	return n, func() (bad []error, _ error) {
		defer r.raw.put(raw)
		for i := range n {
			row := dst[i*size:][:size]
			if err := r.decode(row, raw[i*size*r.element.width:][:size*r.element.width], first+i); err != nil {
				clear(row)
				bad = append(bad, err)
			}
		}
		return bad, nil
	}, nil
}

func (r *array) Skip(rows int) error {
	n := min(rows, r.info.Rows-r.row)
	err := r.from.skipRows(n, r.info.RowSize()*r.element.width, r.row)
	r.row += n
	return err
}

func (r *array) Scan(rows int) error {
	return scan(rows, r.info.RowSize()*r.element.width, &r.raw, r.readRows)
}

func (r *array) Close() error { return r.from.Close() }
