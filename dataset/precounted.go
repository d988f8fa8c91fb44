package dataset

import (
	"errors"
	"fmt"
	"io"

	"github.com/catvae/catvae/dataset/internal/reading"
)

// precounted are rows of a text that were counted before they are read: what readers of lines and of records have in common.
type precounted struct {
	s     *stream
	info  Info
	row   int // the next
	start int // line of the last row
	raw   pool
	keep  []byte
	tally *Tally
}

func (c *precounted) Info() Info   { return c.info }
func (c *precounted) Close() error { return c.s.Close() }

// take appends the bytes of the next row, which next reads.
func (c *precounted) take(dst []byte, next func(dst []byte) ([]byte, error)) ([]byte, error) {
	from := len(dst)
	dst, err := next(dst)
	if err != nil {
		return dst, c.early(err)
	}
	c.tally.Rows(c.row, 1, dst[from:])
	if c.row++; c.row == c.info.Rows {
		return dst, c.s.from.Changed()
	}
	return dst, nil
}

// early says that a file has lost rows since they were counted.
func (c *precounted) early(err error) error {
	if errors.Is(err, io.EOF) {
		if err := c.s.from.Changed(); err != nil {
			return err
		}
		return &FormatError{File: c.s.name, Reason: fmt.Sprintf("it ends in row %d of %d", c.row, c.info.Rows)}
	}
	return err
}

// skip passes over rows.
func (c *precounted) skip(rows int, next func(dst []byte) ([]byte, error)) (err error) {
	for range min(rows, c.info.Rows-c.row) {
		if c.keep, err = next(c.keep[:0]); err != nil {
			return c.early(err)
		}
		c.row++
	}
	return nil
}

// pieces are the bytes of some rows, left to be parsed later.
type pieces struct {
	first int // row
	raw   []byte
	ends  []int
	lines []int // where each begins, from 1
}

// split takes the bytes of the next rows, as many as there is room for numbers. What it returns is to be given back to raw.
func (c *precounted) split(numbers int, next func(dst []byte) ([]byte, error)) (p pieces, err error) {
	n, err := reading.RowsIn(numbers, c.info.RowSize(), c.info.Rows-c.row)
	if err != nil {
		return p, err
	}
	p = pieces{c.row, c.raw.get(0), make([]int, n), make([]int, n)}
	for i := range n {
		if p.raw, err = c.take(p.raw, next); err != nil {
			return p, err
		}
		p.ends[i], p.lines[i] = len(p.raw), c.start
	}
	return p, nil
}

// rows returns how many they are.
func (p pieces) rows() int { return len(p.ends) }

// at returns the bytes of a piece.
func (p pieces) at(i int) []byte { return pieceAt(p.raw, p.ends, i) }
