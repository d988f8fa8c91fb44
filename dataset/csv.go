package dataset

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/catvae/catvae/dataset/internal/reading"
)

// CSV is RFC 4180: records of fields, one a line, with commas between them, quotes around fields that hold commas, quotes or line
// ends. Other delimiters, decimal commas and headers are found out: see layout.go, and [Table], which also chooses columns. Columns
// called label and id, in any case, and a first one without a name, as pandas writes an index, are not values; label is the label.
// Every other column is one value of the row. One column that is asked for may hold lists such as [0.1, 0.2], each all values of a row.

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
	s, err := beginText(f)
	if err != nil {
		return nil, err
	}
	return &csvReader{precounted: precounted{s: s}, layout: layout{delimiter: ','}, line: 1, limit: maxRecord}, nil
}

// csvReader streams records: the reader splits them, whoever decodes parses the numbers.
type csvReader struct {
	precounted
	layout layout
	o      Options
	label  int   // column, -1 where there is none
	places []int // of columns in a row, -1 for those that are no values
	lists  bool  // the one column of values holds lists of them
	line   int   // of the next byte, from 1
	limit  int   // bytes of a record
}

// newCSV finds out how a file is to be read, counts its records, and reads it again from its start.
func newCSV(f *File, o Options) (Reader, error) {
	text, err := sampleOf(f)
	if err != nil {
		return nil, err
	}
	t := o.Table
	if o.Member != "" {
		t.Columns = []string{o.Member}
	}
	l := layout{comma: t.Decimal == DecimalComma}
	l.delimiter, _ = t.delimiter() // Open has looked
	if l.delimiter == 0 {
		if l.delimiter, err = findDelimiter(text, f); err != nil {
			return nil, err
		}
	}
	if l.comma && l.delimiter == ',' {
		return nil, &UnsupportedError{File: f.name, Of: ErrDelimiter, Reason: "commas cannot separate its fields and come before fractions: say what separates fields"}
	}
	sample, err := sampled(text, f.name, f, l.delimiter)
	if err != nil {
		return nil, err
	}
	if len(sample) == 0 {
		return nil, &FormatError{File: f.name, Reason: "it has no lines"}
	}
	header, err := t.findHeader(sample, l.delimiter, f.name)
	if err != nil {
		return nil, err
	}
	first, data := sample[0], sample
	names := make([]string, len(first))
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	counted := header && counts(first)
	if header {
		names, data = first, sample[1:]
		names[0] = strings.TrimLeft(names[0], "# ") // numpy.savetxt's comment
	}
	chosen, err := t.Choose(f.name, names, !header || counted)
	if err != nil {
		return nil, err
	}
	ids := &reading.IDs{}
	list := 0
	if o.Member != "" {
		list = listLength(data, chosen.Values)
	}
	count := counting{table: t, values: chosen.Values, id: -1, texts: list > 0}
	if o.IDs && header && chosen.ID >= 0 {
		count.id, count.ids, count.header = chosen.ID, ids, true
	}
	rows, comma, err := count.records(f, l)
	if err != nil {
		return nil, err
	}
	l.comma = comma
	if header {
		rows--
	}
	if header && rows == 0 {
		return nil, &UnsupportedError{File: f.name, Of: ErrHeader, Reason: "it is text without a line of numbers that commas, semicolons, tabs, bars or spaces separate: " + readable() + " are read"}
	}
	if list == 0 {
		if err := l.columnOfText(f.name, names, data, chosen.Values); err != nil {
			return nil, err
		}
	}
	r, err := readCSV(f, o, l, header, first, rows, chosen)
	if err != nil {
		return nil, err
	}
	if list > 0 {
		r.lists, r.limit, r.info.Shape, r.info.Columns = true, maxTextRecord, []int{list}, nil
	}
	if !ids.Given() {
		return r, nil
	}
	r.info.IDs = cmp.Or(nameOf(names[chosen.ID]), strconv.Itoa(chosen.ID))
	return namedCSV{r, ids}, nil
}

// namedCSV is a reader whose rows have names.
type namedCSV struct {
	*csvReader
	*reading.IDs
}

// readCSV returns a reader of a file whose layout is known.
func readCSV(f *File, o Options, l layout, header bool, first []string, rows int, chosen Chosen) (*csvReader, error) {
	r, err := beginCSV(f)
	if err != nil {
		return nil, err
	}
	r.layout, r.o, r.label, r.places = l, o, chosen.Label, make([]int, len(first))
	r.info = Info{Source: f.Name(), Rows: rows, Shape: []int{len(chosen.Values)}, DType: "float32", Bytes: r.s.size, Labels: chosen.Label >= 0, Columns: chosen.Names}
	for i := range r.places {
		r.places[i] = -1
	}
	plain := l == layout{delimiter: ','} && len(o.Table.Columns) == 0 && o.Member == "" && auto(o.Table.Header)
	for i, column := range chosen.Values {
		plain = plain && (i == 0 || column > chosen.Values[i-1])
		r.places[column] = i
	}
	says := ""
	if header {
		record, err := r.record(nil)
		if err != nil {
			return nil, r.early(err)
		}
		says = string(record)
	}
	head := []string{"CSV", says, fmt.Sprint(len(first))}
	if !plain {
		head = append(head, fmt.Sprint(l.delimiter, l.comma, chosen.Values))
	}
	r.limit, r.tally = recordLimit(first), o.Tally(rows, head...)
	return r, nil
}

// A counting is what is found out as records are counted.
type counting struct {
	table  Table
	values []int        // columns
	id     int          // column, -1 where it is not wanted
	ids    *reading.IDs // of the rows after the header
	texts  bool         // records may be long
	header bool         // the first record is none of a row
}

// records counts records, a header included, keeps their ids, and looks at how numbers are written where that is not known.
func (c counting) records(f *File, l layout) (rows int, comma bool, err error) {
	r, err := beginCSV(f)
	if err != nil {
		return 0, false, err
	}
	r.layout = l
	var d decimals
	looks := 10 * sampleRecords
	if !auto(c.table.Decimal) || l.delimiter == ',' {
		looks = 0
	}
	for record := []byte(nil); ; rows++ {
		if record, err = r.record(record[:0]); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, false, err
		}
		if rows == 0 {
			first, err := l.split(record)
			if err != nil {
				return 0, false, &FormatError{File: f.Name(), Reason: "its first line is no CSV", Cause: err}
			}
			if r.limit = recordLimit(first); c.texts {
				r.limit = maxTextRecord
			}
		}
		if c.id >= 0 && (rows > 0 || !c.header) {
			c.ids.Add(l.field(record, c.id))
		}
		if looks > 0 && (rows < sampleRecords || bytes.IndexByte(record, ',') >= 0) {
			looks--
			if fields, err := l.split(record); err == nil {
				d.add(fields, c.values)
			}
		}
	}
	if c.table.Decimal == DecimalComma {
		return rows, true, nil
	}
	comma, err = d.isComma(f.Name())
	return rows, comma, err
}

// listLength returns how many numbers the first list of a column has, 0 where it holds none.
func listLength(records [][]string, columns []int) int {
	for _, record := range records {
		for _, i := range columns {
			if i < len(record) {
				if n, ok := arrayLength([]byte(record[i])); ok {
					return n
				}
			}
		}
	}
	return 0
}

// columnOfText refuses a file with a column of values that holds none: it is meant to be something else.
func (l layout) columnOfText(file string, names []string, records [][]string, columns []int) error {
	for _, i := range columns {
		texts, text := 0, ""
		for _, record := range records {
			if len(record) != len(names) {
				continue
			}
			if isNumber(record[i], l.delimiter) {
				texts = 0
				break
			}
			if field := strings.TrimSpace(record[i]); !absent(field) {
				texts, text = texts+1, field
			}
		}
		if texts > 1 && strings.HasPrefix(text, "[") {
			return &UnsupportedError{File: file, Of: ErrColumns, Reason: fmt.Sprintf("its column %q holds lists such as %q: name it as FILE.csv:%s, so that they are rows", strings.TrimSpace(names[i]), clipped(text), strings.TrimSpace(names[i]))}
		}
		if texts > 1 {
			return &UnsupportedError{File: file, Of: ErrColumns, Reason: fmt.Sprintf("its column %q holds text such as %q: values are numbers: choose the columns that are values, or call it label or id", strings.TrimSpace(names[i]), clipped(text))}
		}
	}
	return nil
}

func recordLimit(first []string) int { return min(maxText+maxNumber*len(first), maxRecord) }

// A place is where in a record the scan for line ends is.
type place byte

const (
	fieldStart place = iota // where a quote opens a field
	bare                    // in a field without quotes; a quote in it is an error of its line, and of no other
	quoted                  // in quotes, where line ends belong to the field
	closing                 // after a quote in quotes: the field's end, or the first of two that mean one
)

// after returns the place after some bytes.
func (p place) after(part []byte, delimiter byte) place {
	for len(part) > 0 {
		switch p {
		case bare:
			i := bytes.IndexByte(part, delimiter)
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
			case delimiter:
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
			at, scanned = at.after(dst[scanned:], r.layout.delimiter), len(dst)
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
		blank := !spans && r.layout.blank(dst[from:])
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

// take appends the bytes of the next row.
func (r *csvReader) take(dst []byte) ([]byte, error) { return r.precounted.take(dst, r.record) }

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

// Floats splits the next records and leaves their numbers for later.
func (r *csvReader) Floats(dst []float32) (int, Decode, error) {
	size := r.info.RowSize()
	p, err := r.split(len(dst), r.record)
	if err != nil {
		return 0, nil, err
	}
	return p.rows(), func() (bad []error, _ error) {
		defer r.raw.put(p.raw)
		for i := range p.rows() {
			row := dst[i*size:][:size]
			if _, err := r.parse(row, p.at(i), p.first+i, p.lines[i]); err != nil {
				clear(row)
				bad = append(bad, err)
			}
		}
		return bad, nil
	}, nil
}

func (r *csvReader) Skip(rows int) error { return r.skip(rows, r.record) }

func (r *csvReader) Scan(rows int) error {
	return scanRows(min(rows, r.info.Rows-r.row), &r.keep, r.take)
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
		if fields, err = r.layout.split(record); err != nil {
			return -1, bad("it is no CSV: %v", err)
		}
	}
	if r.layout.delimiter == ' ' {
		record = bytes.Trim(record, " ")
	}
	column := 0
	for more := true; more; column++ {
		var field []byte
		if fields != nil {
			field, fields, more = []byte(fields[0]), fields[1:], len(fields) > 1
		} else {
			field, record, more = bytes.Cut(record, []byte{r.layout.delimiter})
			if r.layout.delimiter == ' ' {
				record = bytes.TrimLeft(record, " ")
			}
		}
		if column == len(r.places) {
			column++ // one too many
			break
		}
		field = bytes.TrimSpace(field)
		place := r.places[column]
		if column == r.label {
			label = r.o.Label(string(field))
		}
		if place < 0 {
			continue
		}
		if r.lists {
			if err := numbersInto(row, field, spot{r.s.name, line, number}, r.o); err != nil {
				return -1, err
			}
			continue
		}
		x, ok := r.layout.number(field)
		if !ok {
			return -1, bad("column %d is %q, which is not a number%s", column, clip(field), r.called(place))
		}
		if row[place] = r.o.Values.Number(x); !r.o.Values.Contains(row[place]) {
			return -1, &ValueError{File: fmt.Sprintf("%s, line %d", r.s.name, line), Row: number, Column: column, Text: string(clip(field)), Value: x, Becomes: row[place], Values: r.o.Values}
		}
	}
	if column != len(r.places) {
		return -1, bad("it has another number of fields than the first line, which has %d", len(r.places))
	}
	return label, nil
}

// called gives the name of a value's column to an error, where it has one.
func (r *csvReader) called(place int) string {
	if place < len(r.info.Columns) {
		return fmt.Sprintf(" (its name: %q)", r.info.Columns[place])
	}
	return ""
}

// clip shortens what is quoted in an error.
func clip(field []byte) []byte { return field[:min(len(field), 40)] }
