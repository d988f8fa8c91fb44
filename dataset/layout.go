package dataset

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A layout is how the text of a table is read.
type layout struct {
	delimiter byte
	comma     bool // before fractions
	loose     bool // a quote inside of a field is text
}

// What is looked at to find a layout.
const (
	sampleBytes   = 4 << 20
	sampleRecords = 100
)

// maxCount is the number of columns from which on a first line of 0, 1, 2 … is never a row of values.
const maxCount = 8

// split returns the fields of a record.
func (l layout) split(record []byte) ([]string, error) {
	if n := bytes.Count(record, []byte{l.delimiter}); n > maxRow {
		return nil, fmt.Errorf("it has %d delimiters", n)
	}
	c := csv.NewReader(bytes.NewReader(record))
	c.FieldsPerRecord = -1
	c.Comma, c.LazyQuotes = rune(l.delimiter), l.loose
	fields, err := c.Read()
	if err != nil {
		return nil, err
	}
	if l.delimiter == ' ' {
		some := fields[:0]
		for _, f := range fields {
			if f != "" {
				some = append(some, f)
			}
		}
		fields = some
	}
	return fields, nil
}

// field returns a field of a record, nothing where the record has none.
func (l layout) field(record []byte, column int) []byte {
	record = bytes.TrimRight(record, "\r\n")
	if bytes.IndexByte(record, '"') >= 0 || l.delimiter == ' ' {
		fields, err := l.split(record)
		if err != nil || column >= len(fields) {
			return nil
		}
		return []byte(strings.TrimSpace(fields[column]))
	}
	for range column {
		i := bytes.IndexByte(record, l.delimiter)
		if i < 0 {
			return nil
		}
		record = record[i+1:]
	}
	field, _, _ := bytes.Cut(record, []byte{l.delimiter})
	return bytes.TrimSpace(field)
}

// blank reports a line without fields.
func (l layout) blank(line []byte) bool {
	if l.delimiter == '\t' {
		return len(bytes.Trim(line, " \r\n")) == 0
	}
	return len(bytes.TrimSpace(line)) == 0
}

// number parses a field: by strconv.ParseFloat, except that false and true are 0 and 1, that the fraction may come after a comma, and
// that a text such as 2024_1 is none.
func (l layout) number(field []byte) (float64, bool) {
	if l.comma {
		if i := bytes.IndexByte(field, ','); i >= 0 {
			if !decimalComma(string(field)) {
				return 0, false
			}
			field = bytes.Clone(field)
			field[i] = '.'
		} else if bytes.IndexByte(field, '.') >= 0 {
			return 0, false
		}
	}
	x, err := strconv.ParseFloat(string(field), 64)
	if err == nil {
		return x, bytes.IndexByte(field, '_') < 0
	}
	switch len(field) {
	case 4:
		return 1, bytes.EqualFold(field, []byte("true"))
	case 5:
		return 0, bytes.EqualFold(field, []byte("false"))
	}
	return 0, false
}

// isNumber reports a number in either way of writing fractions.
func isNumber(field string, delimiter byte) bool {
	field = strings.TrimSpace(field)
	if absent(field) { // NaN among them
		return false
	}
	_, ok := layout{}.number([]byte(field))
	return ok || delimiter != ',' && decimalComma(field)
}

// decimalComma reports digits, one comma, and digits, with a sign or an exponent or without.
func decimalComma(field string) bool {
	whole, fraction, ok := strings.Cut(strings.TrimLeft(field, "+-"), ",")
	if !ok || whole == "" || strings.Trim(whole, "0123456789") != "" || fraction == "" || fraction[0] < '0' || fraction[0] > '9' {
		return false
	}
	_, err := strconv.ParseFloat("0."+fraction, 64)
	return err == nil
}

// thousands reports a number whose comma may as well separate thousands, such as 1,500.
func thousands(field string) bool {
	whole, rest, _ := strings.Cut(strings.TrimLeft(field, "+-"), ",")
	return len(whole) <= 3 && whole[0] != '0' && len(rest) == 3 && strings.Trim(rest, "0123456789") == ""
}

// sampled returns the records at a file's start, as they are where a character separates their fields.
func sampled(text []byte, name string, from origin, delimiter byte) (records [][]string, err error) {
	l := layout{delimiter: delimiter}
	r := &csvReader{precounted: precounted{s: &stream{Reader: bufio.NewReader(bytes.NewReader(text)), name: name, from: from}}, layout: l, line: 1, limit: maxRecord}
	for record := []byte(nil); len(records) < sampleRecords; {
		if record, err = r.record(record[:0]); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		fields, err := l.split(record)
		if err != nil && len(records) == 0 {
			return nil, &FormatError{File: name, Reason: "its first line is no CSV", Cause: err}
		}
		if err == nil {
			records = append(records, fields)
		}
	}
	return records, nil
}

// sampleOf returns the whole lines at a file's start, one at least.
func sampleOf(f *File) ([]byte, error) {
	r, err := beginCSV(f)
	if err != nil {
		return nil, err
	}
	var text []byte
	for len(text) <= maxRecord {
		more, err := io.ReadAll(io.LimitReader(r.s, sampleBytes))
		if err != nil {
			return nil, r.s.broken("it cannot be read", err)
		}
		text = append(text, more...)
		if len(more) < sampleBytes {
			break
		}
		if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
			return text[:i+1], nil
		}
	}
	return text, nil
}

// findDelimiter tries what may separate fields. The text must not change its meaning with the choice: one that makes all fields
// numbers is taken where it is alone, else the one that makes the most.
func findDelimiter(text []byte, f *File) (byte, error) {
	var clean []byte
	best, most, tied := byte(','), 0, byte(0)
	for _, d := range delimiters {
		if bytes.IndexByte(text, d.is) < 0 {
			continue
		}
		records, err := sampled(text, f.name, f, d.is)
		if err != nil {
			continue // with another delimiter it may be one
		}
		numbers, all := numbersOf(records, d.is)
		if all {
			clean = append(clean, d.is)
		}
		switch {
		case d.is == ' ' && !all: // words have spaces
		case numbers > most:
			best, most, tied = d.is, numbers, 0
		case numbers == most && numbers > 0:
			tied = d.is
		}
	}
	if len(clean) == 1 {
		return clean[0], nil
	}
	if len(clean) > 1 {
		best, tied = clean[0], clean[1]
	}
	if tied != 0 {
		return 0, &UnsupportedError{File: f.name, Of: ErrDelimiter, Reason: fmt.Sprintf("its fields may be separated by %q or by %q: say by which", best, tied)}
	}
	return best, nil
}

// numbersOf counts the numbers in records of as many fields as the first, which may be a header, and reports whether these are most
// of the records and have nothing else in them.
func numbersOf(records [][]string, delimiter byte) (numbers int, all bool) {
	if len(records) == 0 || len(records[0]) < 2 {
		return 0, false
	}
	width, like := len(records[0]), 0
	rows := records[min(1, len(records)-1):]
	all = true
	for _, record := range rows {
		if len(record) != width {
			continue
		}
		like++
		for _, field := range record {
			if isNumber(field, delimiter) {
				numbers++
			} else if !absent(strings.TrimSpace(field)) {
				all = false
			}
		}
	}
	if 2*like <= len(rows) {
		return 0, false
	}
	return numbers, all && numbers > 0
}

// findHeader reports whether the first record names columns.
func (t Table) findHeader(records [][]string, delimiter byte, file string) (header bool, err error) {
	if !auto(t.Header) {
		return t.Header == Yes, nil
	}
	first := records[0]
	numbers, texts := 0, 0
	for _, field := range first {
		if field = strings.TrimSpace(field); isNumber(field, delimiter) {
			numbers++
		} else if !absent(field) {
			texts++
		}
	}
	refuse := func(format string, args ...any) (bool, error) {
		return false, &UnsupportedError{File: file, Of: ErrHeader, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case numbers == 0 && texts > 1 && len(first) > 2 && alike(first):
		return refuse("its first line has nothing but %q: that may name the columns, or be a row without values: say which", clipped(strings.TrimSpace(first[0])))
	case numbers == 0:
		return texts > 0, nil
	case counts(first):
		switch {
		case len(first) >= maxCount || apart(first):
			return true, nil
		case numbers > 2 || fractions(records[1:], delimiter):
			return refuse("its first line counts 0, 1, 2 …: it may name the columns, as pandas does, or be a row: say which")
		}
		return false, nil // 0, or 0 and 1, among whole numbers
	case texts == 0:
		return false, nil
	}
	for i, field := range first { // a text above numbers
		if field = strings.TrimSpace(field); absent(field) || isNumber(field, delimiter) {
			continue
		}
		under, of := 0, 0
		for _, record := range records[1:] {
			if len(record) == len(first) {
				of++
				if isNumber(record[i], delimiter) {
					under++
				}
			}
		}
		if 2*under > of {
			return refuse("its first line has numbers, and the text %q where other lines have numbers too: it may name the columns, or be a row: say which", clipped(field))
		}
	}
	return false, nil
}

// alike reports a record that has one text, once or more, and else nothing.
func alike(first []string) bool {
	return !slices.ContainsFunc(first, func(field string) bool {
		field = strings.TrimSpace(field)
		return !absent(field) && field != strings.TrimSpace(first[0])
	})
}

// counts reports a record whose numbers are 0, 1, 2 and so on, with nothing else than names of columns that are no values', or, of
// three or more, texts between them: names of columns as pandas writes them.
func counts(first []string) bool {
	next := 0
	for i, field := range first {
		switch field = strings.TrimSpace(field); {
		case field == strconv.Itoa(next):
			next++
		case field == "" && i == 0:
		case absent(field) || isNumber(field, ','):
			return false
		}
	}
	return next > 2 || next > 0 && (next == len(first) || apart(first))
}

// apart reports a record with the name of a column that is no value.
func apart(first []string) bool {
	return first[0] == "" || slices.ContainsFunc(first, func(field string) bool {
		field = strings.ToLower(strings.TrimSpace(field))
		return field == "label" || field == "id"
	})
}

// fractions reports whether some of the records' numbers have fractions.
func fractions(records [][]string, delimiter byte) bool {
	for _, record := range records {
		for _, field := range record {
			field = strings.TrimSpace(field)
			if !isNumber(field, delimiter) {
				continue
			}
			if n, ok := (layout{comma: decimalComma(field)}).number([]byte(field)); ok && n != math.Trunc(n) {
				return true
			}
		}
	}
	return false
}

// A decimals counts how numbers are written.
type decimals struct {
	commas, points, either int    // either: commas that may separate thousands
	comma, point           string // one of each
}

// add counts the numbers in columns of a record.
func (d *decimals) add(fields []string, columns []int) {
	for _, i := range columns {
		if i >= len(fields) {
			continue
		}
		field := strings.TrimSpace(fields[i])
		if decimalComma(field) {
			d.commas++
			d.comma = clipped(field)
			if thousands(field) {
				d.either++
			}
		} else if strings.Contains(field, ".") && isNumber(field, ',') {
			d.points++
			d.point = clipped(field)
		}
	}
}

// isComma settles what comes before fractions.
func (d *decimals) isComma(file string) (bool, error) {
	refuse := func(format string, args ...any) (bool, error) {
		return false, &UnsupportedError{File: file, Of: ErrDecimal, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case d.commas == 0:
		return false, nil
	case d.points > 0:
		return refuse("it has the numbers %q and %q: say whether a point or a comma comes before fractions", d.comma, d.point)
	case d.either == d.commas:
		return refuse("the comma of %q may come before a fraction or separate thousands: say which", d.comma)
	}
	return true, nil
}

// clipped is clip for texts.
func clipped(field string) string { return string(clip([]byte(field))) }
