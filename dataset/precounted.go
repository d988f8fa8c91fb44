package dataset

import (
	"bufio"
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

// begin returns a file's bytes from its start.
func begin(f *File) (*stream, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, f.Broken("it cannot be read", err)
	}
	return newStream(f)
}

// beginText is begin after the file's byte order mark.
func beginText(f *File) (*stream, error) {
	s, err := begin(f)
	if err != nil {
		return nil, err
	}
	head, err := s.peek(len(byteOrderMark))
	if err != nil {
		return nil, err
	}
	if string(head) == byteOrderMark {
		s.Discard(len(byteOrderMark)) // cannot fail: they are there
	}
	return s, nil
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

// line appends the next line of which strip leaves something, with an end. at is the number of the line that is next.
func (c *precounted) line(at *int, dst []byte, strip func(line []byte) []byte) ([]byte, error) {
	from := len(dst)
	for c.start = *at; ; {
		part, err := c.s.ReadSlice('\n')
		dst = append(dst, part...)
		if len(dst)-from > maxRecord {
			return dst, &FormatError{File: c.s.name, Reason: fmt.Sprintf("line %d has more than %d bytes", c.start, maxRecord)}
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return dst, c.s.broken(fmt.Sprintf("it cannot be read at line %d", *at), err)
		}
		*at++
		if line := strip(dst[from:]); len(line) > 0 {
			return append(append(dst[:from], line...), '\n'), nil // so that no two files of other rows have the same bytes
		}
		if dst = dst[:from]; err != nil {
			return dst, io.EOF
		}
		c.start = *at
	}
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
