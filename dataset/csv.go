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
)

// CSV is RFC 4180: records of comma-separated fields, one a line, quotes around fields that hold commas, quotes or line
// ends. The first record is a header where it holds a field that is no number. Columns called label and id, in any case, are
// no values; label is the label. Every other column is one value of the row.

// byteOrderMark stands before the first record of some programs' files.
const byteOrderMark = "\ufeff"

// maxRecord bounds the bytes of a record.
const maxRecord = 64 << 20

// csvReader streams records: the reader splits them, whoever decodes parses the numbers.
type csvReader struct {
	s      *stream
	info   Info
	divide float64
	label  int   // column, -1 where there is none
	drop   []int // columns that are no values
	fields int
	row    int
	line   int // of the next byte, from 1
	start  int // line of the last record
	raw    pool
	keep   []byte
}

// newCSV counts the records of a file, and opens it again from its start.
func newCSV(path string, o Options) (Reader, error) {
	rows, header, first, err := scanCSV(path)
	if err != nil {
		return nil, err
	}
	s, err := openStream(path)
	if err != nil {
		return nil, err
	}
	r := &csvReader{s: s, divide: o.Divide, label: -1, line: 1, fields: len(first), info: Info{Source: path, Rows: rows, DType: "float32", Bytes: s.size}}
	if r.divide == 0 {
		r.divide = 1
	}
	if header {
		for i, name := range first {
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "label":
				r.label, r.drop, r.info.Labels = i, append(r.drop, i), true
			case "id":
				r.drop = append(r.drop, i)
			}
		}
		if _, err := r.record(nil); err != nil {
			s.Close()
			return nil, err
		}
	}
	r.info.Shape = []int{len(first) - len(r.drop)}
	return r, nil
}

// scanCSV counts records and looks at the first.
func scanCSV(path string) (rows int, header bool, first []string, err error) {
	s, err := openStream(path)
	if err != nil {
		return 0, false, nil, err
	}
	defer s.Close()
	r := &csvReader{s: s, line: 1}
	for record := []byte(nil); ; {
		if record, err = r.record(record[:0]); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, false, nil, err
		}
		if rows++; rows == 1 {
			if first, err = fieldsOf(bytes.TrimPrefix(record, []byte(byteOrderMark))); err != nil {
				return 0, false, nil, &FormatError{File: path, Reason: "its first line is no CSV", Cause: err}
			}
			header = slices.ContainsFunc(first, func(f string) bool {
				_, err := strconv.ParseFloat(strings.TrimSpace(f), 64)
				return err != nil
			})
		}
	}
	if header {
		rows--
	}
	if header && rows == 0 {
		return 0, false, nil, &UnsupportedError{File: path, Reason: "it is text without a line of numbers: IDX, NPY, NPZ, CSV and Parquet files, and PNG and JPEG pictures are read"}
	}
	return rows, header, first, nil
}

func fieldsOf(record []byte) ([]string, error) {
	if n := bytes.Count(record, []byte{','}); n > maxRow {
		return nil, fmt.Errorf("it has %d commas", n)
	}
	c := csv.NewReader(bytes.NewReader(record))
	c.FieldsPerRecord = -1
	return c.Read()
}

// record appends the next record's bytes, which may span lines inside quotes. Blank lines are passed over.
func (r *csvReader) record(dst []byte) ([]byte, error) {
	from, open := len(dst), false // inside quotes
	for r.start = r.line; ; {
		part, err := r.s.ReadSlice('\n')
		dst = append(dst, part...)
		open = open != (bytes.Count(part, []byte{'"'})%2 == 1)
		if len(dst)-from > maxRecord {
			return dst, &FormatError{File: r.s.name, Reason: fmt.Sprintf("the record of line %d has more than %d bytes", r.line, maxRecord)}
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return dst, &FormatError{File: r.s.name, Reason: fmt.Sprintf("it cannot be read at line %d", r.line), Cause: err}
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err == nil {
			r.line++
		}
		blank := len(bytes.TrimSpace(dst[from:])) == 0
		switch {
		case err != nil && blank:
			return dst[:from], io.EOF
		case err == nil && blank:
			dst, r.start = dst[:from], r.line
		case !open || err != nil:
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
	if r.keep, err = r.record(r.keep[:0]); err != nil {
		return -1, r.early(err)
	}
	r.row++
	return r.parse(row, r.keep, r.row-1, r.start)
}

// early says that a file has lost records since they were counted.
func (r *csvReader) early(err error) error {
	if errors.Is(err, io.EOF) {
		return &FormatError{File: r.s.name, Reason: fmt.Sprintf("it ends in row %d of %d", r.row, r.info.Rows)}
	}
	return err
}

// Floats splits the next records and leaves their numbers for later.
func (r *csvReader) Floats(dst []float32) (int, Decode, error) {
	size := r.info.RowSize()
	n := min(len(dst)/size, r.info.Rows-r.row)
	if n == 0 {
		return 0, nil, io.EOF
	}
	first, raw := r.row, r.raw.get(0)
	ends, lines := make([]int, n), make([]int, n)
	for i := range n {
		var err error
		if raw, err = r.record(raw); err != nil {
			return 0, nil, r.early(err)
		}
		ends[i], lines[i] = len(raw), r.start
		r.row++
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

// parse turns a record into a row and its label.
func (r *csvReader) parse(row []float32, record []byte, number, line int) (label int, err error) {
	bad := func(format string, args ...any) error {
		return &RowError{File: fmt.Sprintf("%s, line %d", r.s.name, line), Row: number, Reason: fmt.Sprintf(format, args...)}
	}
	label = -1
	record = bytes.TrimRight(record, "\r\n")
	if number == 0 {
		record = bytes.TrimPrefix(record, []byte(byteOrderMark))
	}
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
					return -1, bad("its label is %q, which is no whole number", field)
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
			return -1, bad("column %d is %q, which is no number", column, clip(field))
		}
		if row[at] = float32(x / r.divide); !(row[at] >= 0 && row[at] <= 1) {
			return -1, bad("column %d is %s: values must lie in [0,%g]", column, clip(field), r.divide)
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
