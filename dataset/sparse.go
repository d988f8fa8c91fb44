package dataset

import (
	"fmt"
	"slices"
	"sort"
)

// A SparseReader is a [Reader] of rows that are mostly zeros, which it can also give without them. Rows come from one of the ways.
type SparseReader interface {
	Reader
	// NextSparse is Next for the values that a source has, all others being what 0 becomes. It appends to columns and values, which
	// have as many of each: ascending columns, and the values as [Options] make them.
	NextSparse(columns []uint32, values []float32) (c []uint32, v []float32, label int, err error)
}

// pairs are the numbers of a row, as a source has them, by their columns.
type pairs struct {
	columns []uint32
	numbers []float64
}

func (p *pairs) Len() int           { return len(p.columns) }
func (p *pairs) Less(i, j int) bool { return p.columns[i] < p.columns[j] }
func (p *pairs) Swap(i, j int) {
	p.columns[i], p.columns[j] = p.columns[j], p.columns[i]
	p.numbers[i], p.numbers[j] = p.numbers[j], p.numbers[i]
}

// merge puts columns in order and adds up the numbers of one column.
func (p *pairs) merge() {
	if slices.IsSorted(p.columns) && len(slices.Compact(slices.Clone(p.columns))) == len(p.columns) {
		return
	}
	sort.Stable(p)
	n := 0
	for i, c := range p.columns {
		if n > 0 && p.columns[n-1] == c {
			p.numbers[n-1] += p.numbers[i]
			continue
		}
		p.columns[n], p.numbers[n] = c, p.numbers[i]
		n++
	}
	p.columns, p.numbers = p.columns[:n], p.numbers[:n]
}

// appended appends a row's values by the rule of the options. It reports the first that is out of range.
func (p *pairs) appended(columns []uint32, values []float32, o Options, file string, row int) ([]uint32, []float32, error) {
	for i, x := range p.numbers {
		v := o.Values.Number(x)
		if !o.Values.Contains(v) {
			return columns, values, &ValueError{File: file, Row: row, Column: int(p.columns[i]), Value: x, Becomes: v, Values: o.Values}
		}
		columns, values = append(columns, p.columns[i]), append(values, v)
	}
	return columns, values, nil
}

// into writes a row with all its zeros.
func (p *pairs) into(row []float32, o Options, file string, number int) error {
	zero := o.Values.Number(0)
	if !o.Values.Contains(zero) {
		return &RowError{File: file, Row: number, Reason: fmt.Sprintf("it has zeros, and 0 becomes %g: %v", zero, o.Values)}
	}
	for i := range row {
		row[i] = zero
	}
	for i, x := range p.numbers {
		v := o.Values.Number(x)
		if !o.Values.Contains(v) {
			return &ValueError{File: file, Row: number, Column: int(p.columns[i]), Value: x, Becomes: v, Values: o.Values}
		}
		row[p.columns[i]] = v
	}
	return nil
}

// decode writes rows of a size to dst, one after the other; first is the number of the first in the file. parse takes the i-th row apart. A bad row
// is zeros.
func (p *pairs) decode(dst []float32, size, rows, first int, o Options, file string, parse func(p *pairs, i int) error) (bad []error) {
	for i := range rows {
		row := dst[i*size:][:size]
		err := parse(p, i)
		if err == nil {
			err = p.into(row, o, file, first+i)
		}
		if err != nil {
			clear(row)
			bad = append(bad, err)
		}
	}
	return bad
}

// pieceAt returns the i-th of some pieces that lie behind each other, by where each ends.
func pieceAt(raw []byte, ends []int, i int) []byte {
	from := 0
	if i > 0 {
		from = ends[i-1]
	}
	return raw[from:ends[i]]
}

// scanRows reads rows and keeps none. take reads one into the memory of the one before.
func scanRows(rows int, keep *[]byte, take func(dst []byte) ([]byte, error)) (err error) {
	for range rows {
		if *keep, err = take((*keep)[:0]); err != nil {
			return err
		}
	}
	return nil
}
