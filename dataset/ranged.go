package dataset

import (
	"slices"

	"github.com/catvae/catvae/dist"
)

// ranged refuses rows of a reader of bytes that the rule for values does not hold: where pixels are divided by 16, say, and one
// is 17. It is not needed where all bytes become values within the range.
type ranged struct {
	ByteReader
	values dist.Values
	table  *[256]float32
	file   string
	row    int // the next one
	buf    []byte
	raw    pool
}

// rangedNamed is ranged for a reader whose rows have names.
type rangedNamed struct {
	*ranged
	Identified
}

// newRanged returns a reader that refuses bytes out of range, or the reader itself where there can be none.
func newRanged(r Reader, v dist.Values) Reader {
	b, ok := r.(ByteReader)
	if !ok || v.Contains(v.Byte(0)) && v.Contains(v.Byte(255)) {
		return r
	}
	info := r.Info()
	checked := &ranged{ByteReader: b, values: v, table: tableOf(v), file: info.Source, buf: make([]byte, info.RowSize())}
	if named, ok := r.(Identified); ok {
		return rangedNamed{checked, named}
	}
	return checked
}

// check reports the first byte of a row that is out of range.
func (r *ranged) check(row []byte, number int) error {
	i := slices.IndexFunc(row, func(b byte) bool { return !r.values.Contains(r.table[b]) })
	if i < 0 {
		return nil
	}
	return &ValueError{File: r.file, Row: number, Column: i, Value: float64(row[i]), Becomes: r.table[row[i]], Values: r.values}
}

func (r *ranged) Next(row []float32) (int, error) {
	label, err := r.NextBytes(r.buf)
	if err != nil {
		return -1, err
	}
	greyOf(row, r.buf, r.table)
	return label, nil
}

// NextBytes is Next for the bytes themselves.
func (r *ranged) NextBytes(row []byte) (int, error) {
	label, err := r.ByteReader.NextBytes(row)
	r.row++
	if err == nil {
		err = r.check(row, r.row-1)
	}
	if err != nil {
		return -1, err
	}
	return label, nil
}

// Bytes is Floats for the bytes themselves.
func (r *ranged) Bytes(dst []byte) (int, Decode, error) {
	n, decode, err := r.ByteReader.Bytes(dst)
	first, size := r.row, r.Info().RowSize()
	if r.row += n; err != nil {
		return n, nil, err
	}
	return n, func() (bad []error, err error) {
		var before []error
		if decode != nil {
			if before, err = decode(); err != nil {
				return nil, err
			}
		}
		for i := range n {
			row := dst[i*size:][:size]
			if len(before) > 0 && rowOf(before[0]) == first+i {
				bad, before = append(bad, before[0]), before[1:]
			} else if err := r.check(row, first+i); err != nil {
				clear(row)
				bad = append(bad, err)
			}
		}
		return bad, nil
	}, nil
}

func (r *ranged) Floats(dst []float32) (int, Decode, error) {
	return floatsOfBytes(dst, r.Info().RowSize(), r.row, &r.raw, r.table, r.Bytes)
}

func (r *ranged) Skip(rows int) error {
	r.row += rows
	return r.ByteReader.Skip(rows)
}

func (r *ranged) Scan(rows int) error {
	r.row += rows
	return r.ByteReader.Scan(rows)
}
