package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/catvae/catvae/dataset/internal/reading"
)

// lines streams text of a row a line: the reader splits the text, whoever decodes parses the numbers. Lines of blanks are no rows.
type lines struct {
	precounted
	o      Options
	number lineParser
	label  func(line []byte) int // nil where rows have none
	at     int                   // line of the next row, from 1
}

// A lineParser writes the numbers of a line to a row. What is wrong with it is an error of the spot.
type lineParser func(row []float32, line []byte, at spot) error

// A spot is where a row stands.
type spot struct {
	file      string
	line, row int
}

// bad returns the error of the row at a spot.
func (p spot) bad(format string, args ...any) error {
	return &RowError{File: p.String(), Row: p.row, Reason: fmt.Sprintf(format, args...)}
}

func (p spot) String() string { return fmt.Sprintf("%s, line %d", p.file, p.line) }

// value writes a number to a row by the rule for values.
func (p spot) value(row []float32, i int, x float64, text []byte, o Options) error {
	if row[i] = o.Values.Number(x); !o.Values.Contains(row[i]) {
		return &ValueError{File: p.String(), Row: p.row, Column: i, Text: string(clip(text)), Value: x, Becomes: row[i], Values: o.Values}
	}
	return nil
}

// namedLines is lines whose rows have names.
type namedLines struct {
	*lines
	*reading.IDs
}

// beginLines returns the lines of a file from its start, after its byte order mark.
func beginLines(f *File, o Options) (*lines, error) {
	s, err := beginText(f)
	if err != nil {
		return nil, err
	}
	return &lines{precounted: precounted{s: s}, o: o, at: 1}, nil
}

// counted counts the lines that are left, and calls see with each.
func (r *lines) counted(see func(line []byte)) (rows int, err error) {
	for line := []byte(nil); ; rows++ {
		if line, err = r.line(line[:0]); errors.Is(err, io.EOF) {
			return rows, nil
		} else if err != nil {
			return 0, err
		}
		see(line)
	}
}

// line appends the next line that is not blank, with its end.
func (r *lines) line(dst []byte) ([]byte, error) {
	return r.precounted.line(&r.at, dst, func(line []byte) []byte { return bytes.Trim(line, asciiSpace) })
}

// take appends the bytes of the next row.
func (r *lines) take(dst []byte) ([]byte, error) { return r.precounted.take(dst, r.line) }

func (r *lines) Next(row []float32) (int, error) {
	if r.row == r.info.Rows {
		return -1, io.EOF
	}
	var err error
	if r.keep, err = r.take(r.keep[:0]); err != nil {
		return -1, err
	}
	if err := r.number(row, r.keep, spot{r.s.name, r.start, r.row - 1}); err != nil {
		return -1, err
	}
	if r.label == nil {
		return -1, nil
	}
	return r.label(r.keep), nil
}

// Floats splits the next lines and leaves their numbers for later.
func (r *lines) Floats(dst []float32) (int, Decode, error) {
	size := r.info.RowSize()
	p, err := r.split(len(dst), r.line)
	if err != nil {
		return 0, nil, err
	}
	return p.rows(), func() (bad []error, _ error) {
		defer r.raw.put(p.raw)
		for i := range p.rows() {
			row := dst[i*size:][:size]
			if err := r.number(row, p.at(i), spot{r.s.name, p.lines[i], p.first + i}); err != nil {
				clear(row)
				bad = append(bad, err)
			}
		}
		return bad, nil
	}, nil
}

func (r *lines) Skip(rows int) error { return r.skip(rows, r.line) }

func (r *lines) Scan(rows int) error {
	return scanRows(min(rows, r.info.Rows-r.row), &r.keep, r.take)
}
