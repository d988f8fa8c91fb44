package dataset

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/dataset/internal/reading"
)

// csvTexts reads the texts of one column of CSV.
type csvTexts struct {
	*csvReader
	columns int // of a record
	text    int // column
}

// namedTexts is csvTexts for rows that have names.
type namedTexts struct {
	csvTexts
	*reading.IDs
}

// newTextCSV finds a file's columns by its first line, counts its records, and reads it again from its start.
func newTextCSV(f *File, o Options) (TextReader, error) {
	text, err := sampleOf(f)
	if err != nil {
		return nil, err
	}
	header := o.Table.Header != No
	l, first, err := textLayout(text, f, o, header)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(first))
	for i := range names {
		names[i] = strconv.Itoa(i)
		if header {
			names[i] = nameOf(first[i])
		}
	}
	find := func(wanted, usual string) (int, error) {
		i := slices.IndexFunc(names, func(name string) bool {
			return name == wanted || wanted == "" && strings.EqualFold(name, usual)
		})
		if i < 0 && wanted != "" {
			return i, &UnsupportedError{File: f.name, Of: ErrTexts, Reason: fmt.Sprintf("it has no column %q: its columns are %s", clip([]byte(wanted)), listed(names))}
		}
		return i, nil
	}
	column, err1 := find(o.Texts.Column, "")
	id, err2 := find(o.Texts.ID, "id")
	label, err3 := find(o.Texts.Label, "label")
	if err := cmp.Or(err1, err2, err3); err != nil {
		return nil, err
	}
	ids := &reading.IDs{}
	count := counting{table: Table{Decimal: DecimalPoint}, id: -1, texts: true}
	if o.IDs && id >= 0 {
		count.id, count.ids, count.header = id, ids, header
	}
	rows, _, err := count.records(f, l)
	if err != nil {
		return nil, err
	}
	if header {
		rows--
	}
	o.Sums = nil // whoever reads texts reports them
	in, err := readCSV(f, o, l, header, first, rows, Chosen{Values: []int{column}, Label: label, ID: id})
	if err != nil {
		return nil, err
	}
	in.limit, in.info.Columns = maxTextRecord, nil
	r := csvTexts{in, len(first), column}
	if !ids.Given() {
		return r, nil
	}
	in.info.IDs = names[id]
	return namedTexts{r, ids}, nil
}

// textLayout finds what separates fields: what is asked for, or the first that gives the first line the columns that are.
func textLayout(text []byte, f *File, o Options, header bool) (l layout, first []string, err error) {
	split := func(delimiter byte) ([]string, error) {
		records, err := sampled(text, f.name, f, delimiter)
		if err == nil && len(records) == 0 {
			err = &FormatError{File: f.name, Reason: "it has no lines"}
		}
		if err != nil {
			return nil, err
		}
		return records[0], nil
	}
	l.loose = true                       // as texts have them
	l.delimiter, _ = o.Table.delimiter() // Open has looked
	if l.delimiter != 0 {
		first, err = split(l.delimiter)
		return l, first, err
	}
	if header {
		for _, d := range delimiters {
			fields, err := split(d.is)
			if err == nil && slices.ContainsFunc(fields, func(name string) bool { return nameOf(name) == o.Texts.Column }) {
				l.delimiter = d.is
				return l, fields, nil
			}
		}
	}
	l.delimiter = ','
	first, err = split(l.delimiter)
	return l, first, err
}

func (r csvTexts) Next() (Text, error) {
	if r.row == r.info.Rows {
		return Text{}, io.EOF
	}
	var err error
	if r.keep, err = r.take(r.keep[:0]); err != nil {
		return Text{}, err
	}
	t := Text{Label: -1, Raw: r.keep}
	fields, err := r.layout.split(bytes.TrimRight(r.keep, "\r\n"))
	bad := func(format string, args ...any) error {
		return &RowError{File: fmt.Sprintf("%s, line %d", r.s.name, r.start), Row: r.row - 1, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case err != nil:
		return t, bad("it is no CSV: %v", err)
	case len(fields) != r.columns:
		return t, bad("it has %d fields, the first line has %d", len(fields), r.columns)
	}
	if t.Text = fields[r.text]; r.label >= 0 {
		t.Label = r.o.Label(fields[r.label])
	}
	return t, nil
}
