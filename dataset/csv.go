package dataset

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/dist"
)

// CSV is RFC 4180: records of comma-separated fields, one a line, quotes around fields that hold commas, quotes or line
// ends. The first record is a header where it holds a field that is not a number. Columns called label and id, in any case,
// and a first one without a name, as pandas writes an index, are not values; label is the label. Every other column is one
// value of the row.

// byteOrderMark comes before the first record in files of some programs.
const byteOrderMark = "\ufeff"

// What bounds the bytes of a record: the first one, which says how many fields there are, and then each.
const (
	maxRecord = 64 << 20
	maxText   = 64 << 10 // apart from maxNumber for each field
	maxNumber = 64
)

// beginCSV returns the records of a file from its start, after its byte order mark.
func beginCSV(f *File) (*csvReader, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, f.Broken("it cannot be read", err)
	}
	s, err := newStream(f)
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
	return &csvReader{s: s, label: -1, line: 1, limit: maxRecord}, nil
}

// csvReader streams records: the reader splits them, whoever decodes parses the numbers.
type csvReader struct {
	s      *stream
	info   Info
	values dist.Values
	label  int   // column, -1 where there is none
	drop   []int // columns that are no values
	fields int
	row    int
	line   int // of the next byte, from 1
	start  int // line of the last record
	limit  int // bytes of a record
	raw    pool
	keep   []byte
	tally  *Tally
}

// newCSV counts the records of a file, and reads it again from its start.
func newCSV(f *File, o Options) (Reader, error) {
	rows, header, first, err := scanCSV(f)
	if err != nil {
		return nil, err
	}
	r, err := beginCSV(f)
	if err != nil {
		return nil, err
	}
	r.values, r.fields, r.info = o.Values, len(first), Info{Source: f.Name(), Rows: rows, DType: "float32", Bytes: r.s.size}
	says := ""
	if header {
		for i, name := range first {
			switch name = strings.ToLower(strings.TrimSpace(name)); {
			case name == "label":
				r.label, r.drop, r.info.Labels = i, append(r.drop, i), true
			case name == "id" || name == "" && i == 0:
				r.drop = append(r.drop, i)
			}
		}
		record, err := r.record(nil)
		if err != nil {
			return nil, r.early(err)
		}
		says = string(record)
	}
	r.limit, r.tally = recordLimit(first), o.Tally(rows, "CSV", says, fmt.Sprint(len(first)))
	r.info.Shape = []int{len(first) - len(r.drop)}
	return r, nil
}

// scanCSV counts records and looks at the first.
func scanCSV(f *File) (rows int, header bool, first []string, err error) {
	r, err := beginCSV(f)
	if err != nil {
		return 0, false, nil, err
	}
	for record := []byte(nil); ; {
		if record, err = r.record(record[:0]); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, false, nil, err
		}
		if rows++; rows == 1 {
			if first, err = fieldsOf(record); err != nil {
				return 0, false, nil, &FormatError{File: f.Name(), Reason: "its first line is no CSV", Cause: err}
			}
			header, r.limit = isHeader(first), recordLimit(first)
		}
	}
	if header {
		rows--
	}
	if header && rows == 0 {
		return 0, false, nil, &UnsupportedError{File: f.Name(), Reason: "it is text without a line of numbers that commas separate: " + readable() + " are read"}
	}
	return rows, header, first, nil
}

func recordLimit(first []string) int { return min(maxText+maxNumber*len(first), maxRecord) }

// isHeader reports a record with a field that is no number, or with the numbers 0, 1, 2 and so on, by which pandas calls
// columns that have no names.
func isHeader(record []string) bool {
	counted := len(record) > 2
	for i, field := range record {
		if _, err := strconv.ParseFloat(strings.TrimSpace(field), 64); err != nil {
			return true
		}
		counted = counted && field == strconv.Itoa(i)
	}
	return counted
}

func fieldsOf(record []byte) ([]string, error) {
	if n := bytes.Count(record, []byte{','}); n > maxRow {
		return nil, fmt.Errorf("it has %d commas", n)
	}
	c := csv.NewReader(bytes.NewReader(record))
	c.FieldsPerRecord = -1
	return c.Read()
}

// A place is where in a record the scan for line ends is.
type place byte

const (
	fieldStart place = iota // where a quote opens a field
	bare                    // in a field without quotes; a quote in it is an error of its line, and of no other
	quoted                  // in quotes, where line ends belong to the field
	closing                 // after a quote in quotes: the field's end, or the first of two that mean one
)

// after returns the place after some bytes.
func (p place) after(part []byte) place {
	for len(part) > 0 {
		switch p {
		case bare:
			i := bytes.IndexByte(part, ',')
			if i < 0 {
				return bare
			}
			part, p = part[i+1:], fieldStart
		case quoted:
			i := bytes.IndexByte(part, '"')
			if i < 0 {
				return quoted
			}
			part, p = part[i+1:], closing
		default: // at the start a quote opens, after a quote it is the second of two
			c := part[0]
			part = part[1:]
			switch c {
			case '"':
				p = quoted
			case ',':
				p = fieldStart
			default:
				p = bare
			}
		}
	}
	return p
}

// record appends the next record's bytes, which may span lines inside quotes. Blank lines are passed over.
func (r *csvReader) record(dst []byte) ([]byte, error) {
	from, at := len(dst), fieldStart
	scanned, quotes, spans := from, false, false
	for r.start = r.line; ; {
		part, err := r.s.ReadSlice('\n')
		dst = append(dst, part...)
		if quotes = quotes || bytes.IndexByte(part, '"') >= 0; quotes { // else the line is the record
			at, scanned = at.after(dst[scanned:]), len(dst)
		}
		if len(dst)-from > r.limit {
			return dst, &FormatError{File: r.s.name, Reason: fmt.Sprintf("the record of line %d has more than %d bytes: is the end of a quote missing?", r.start, r.limit)}
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return dst, r.s.broken(fmt.Sprintf("it cannot be read at line %d", r.line), err)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err == nil {
			r.line++
		}
		blank := !spans && len(bytes.TrimSpace(dst[from:])) == 0
		spans = true
		switch {
		case err != nil && blank:
			return dst[:from], io.EOF
		case err == nil && blank:
			dst, r.start, spans = dst[:from], r.line, false
		case at != quoted || err != nil:
			return dst, nil
		}
	}
}

func (r *csvReader) Info() Info   { return r.info }
func (r *csvReader) Close() error { return r.s.Close() }

func (r *csvReader) Next(row []float32) (int, error) {
	if r.row == r.info.Rows {
		return -1, io.EOF
	}
	var err error
	if r.keep, err = r.take(r.keep[:0]); err != nil {
		return -1, err
	}
	return r.parse(row, r.keep, r.row-1, r.start)
}

// take appends the bytes of the next row.
func (r *csvReader) take(dst []byte) ([]byte, error) {
	from := len(dst)
	dst, err := r.record(dst)
	if err != nil {
		return dst, r.early(err)
	}
	r.tally.Rows(r.row, 1, dst[from:])
	if r.row++; r.row == r.info.Rows {
		return dst, r.s.from.Changed()
	}
	return dst, nil
}

// early says that a file has lost records since they were counted.
func (r *csvReader) early(err error) error {
	if errors.Is(err, io.EOF) {
		if err := r.s.from.Changed(); err != nil {
			return err
		}
		return &FormatError{File: r.s.name, Reason: fmt.Sprintf("it ends in row %d of %d", r.row, r.info.Rows)}
	}
	return err
}

// Floats splits the next records and leaves their numbers for later.
func (r *csvReader) Floats(dst []float32) (int, Decode, error) {
	size := r.info.RowSize()
	n, err := reading.RowsIn(len(dst), size, r.info.Rows-r.row)
	if err != nil {
		return 0, nil, err
	}
	first, raw := r.row, r.raw.get(0)
	ends, lines := make([]int, n), make([]int, n)
	for i := range n {
		var err error
		if raw, err = r.take(raw); err != nil {
			return 0, nil, err
		}
		ends[i], lines[i] = len(raw), r.start
	}
	return n, func() (bad []error, _ error) {
		defer r.raw.put(raw)
		from := 0
		for i := range n {
			row := dst[i*size:][:size]
			if _, err := r.parse(row, raw[from:ends[i]], first+i, lines[i]); err != nil {
				clear(row)
				bad = append(bad, err)
			}
			from = ends[i]
		}
		return bad, nil
	}, nil
}

func (r *csvReader) Skip(rows int) error {
	for range min(rows, r.info.Rows-r.row) {
		var err error
		if r.keep, err = r.record(r.keep[:0]); err != nil {
			return r.early(err)
		}
		r.row++
	}
	return nil
}

func (r *csvReader) Scan(rows int) error {
	for range min(rows, r.info.Rows-r.row) {
		var err error
		if r.keep, err = r.take(r.keep[:0]); err != nil {
			return err
		}
	}
	return nil
}

// parse turns a record into a row and its label.
func (r *csvReader) parse(row []float32, record []byte, number, line int) (label int, err error) {
	bad := func(format string, args ...any) error {
		return &RowError{File: fmt.Sprintf("%s, line %d", r.s.name, line), Row: number, Reason: fmt.Sprintf(format, args...)}
	}
	label = -1
	record = bytes.TrimRight(record, "\r\n")
	var fields []string
	if bytes.IndexByte(record, '"') >= 0 {
		if fields, err = fieldsOf(record); err != nil {
			return -1, bad("it is no CSV: %v", err)
		}
	}
	column, at := 0, 0
	for more := true; more; column++ {
		var field []byte
		if fields != nil {
			field, fields, more = []byte(fields[0]), fields[1:], len(fields) > 1
		} else {
			field, record, more = bytes.Cut(record, []byte{','})
		}
		field = bytes.TrimSpace(field)
		if slices.Contains(r.drop, column) {
			if column == r.label {
				if label, err = strconv.Atoi(string(field)); err != nil {
					return -1, bad("its label is %q, which is not a whole number", field)
				}
			}
			continue
		}
		if at == len(row) {
			column = r.fields // one too many
			continue
		}
		x, err := strconv.ParseFloat(string(field), 64)
		if err != nil {
			return -1, bad("column %d is %q, which is not a number", column, clip(field))
		}
		if row[at] = r.values.Number(x); !r.values.Contains(row[at]) {
			return -1, bad("column %d is %s", column, reading.Outside(string(clip(field)), x, row[at], r.values))
		}
		at++
	}
	if column != r.fields || at != len(row) {
		return -1, bad("it has another number of fields than the first line, which has %d", r.fields)
	}
	return label, nil
}

// clip shortens what is quoted in an error.
func clip(field []byte) []byte { return field[:min(len(field), 40)] }
