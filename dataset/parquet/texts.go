package parquet

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dataset/internal/reading"
)

// textReader reads one column of strings, and beside it those of ids and labels.
type textReader struct {
	file  *dataset.File
	table *pqarrow.FileReader
	info  dataset.Info
	o     dataset.Options
	rows  pqarrow.RecordReader
	batch arrow.RecordBatch
	text  int // column of a batch
	label int // column of a batch, -1 where there is none
	at    int // in batch
	row   int
}

// namedTexts is a textReader for rows that have names.
type namedTexts struct {
	*textReader
	*reading.IDs
}

// openTexts opens the column of a file that dataset.Options.Texts names.
func openTexts(f *dataset.File, o dataset.Options) (_ dataset.TextReader, err error) {
	defer recovered(f, &err)
	table, _, err := tableOf(f)
	if err != nil {
		return nil, err
	}
	r := &textReader{file: f, table: table, o: o, label: -1, info: dataset.Info{Source: f.Name(), Rows: int(table.ParquetReader().NumRows()), Bytes: f.Bytes()}}
	text, err := r.column(o.Texts.Column, "")
	if err != nil {
		return nil, err
	}
	if text == nil || !isText(text.Field.Type) {
		return nil, r.unsupported(fmt.Sprintf("its column %q holds no strings", o.Texts.Column))
	}
	id, err1 := r.column(o.Texts.ID, "id")
	label, err2 := r.column(o.Texts.Label, "label")
	if err := cmp.Or(err1, err2); err != nil {
		return nil, err
	}
	ids, err := r.ids(id)
	if err != nil {
		return nil, err
	}
	leaves := []int{text.ColIndex}
	if label != nil && label.ColIndex != text.ColIndex {
		if !isLabel(label.Field.Type) {
			return nil, r.unsupported(fmt.Sprintf("its label has the type %s: labels are numbers or texts", label.Field.Type))
		}
		r.info.Labels, r.label = true, 1
		if leaves = append(leaves, label.ColIndex); label.ColIndex < text.ColIndex { // a batch has its columns in the file's order
			r.text, r.label, leaves = 1, 0, []int{label.ColIndex, text.ColIndex}
		}
	}
	if r.rows, err = r.table.GetRecordReader(f.Context(), leaves, r.groups()); err != nil {
		return nil, f.Broken("its columns cannot be read", err)
	}
	if ids == nil {
		return r, nil
	}
	r.info.IDs = id.Field.Name
	return namedTexts{r, ids}, nil
}

func (r *textReader) unsupported(reason string) error {
	var names []string
	for _, f := range r.table.Manifest.Fields {
		names = append(names, fmt.Sprintf("%q (%s)", f.Field.Name, f.Field.Type))
	}
	return &dataset.UnsupportedError{File: r.info.Source, Of: dataset.ErrTexts, Reason: fmt.Sprintf("%s: it has %s", reason, strings.Join(names, ", "))}
}

// column returns a column that is wanted, or the usual one where none is, nil where there is none.
func (r *textReader) column(wanted, usual string) (*pqarrow.SchemaField, error) {
	for i, f := range r.table.Manifest.Fields {
		if name := f.Field.Name; f.IsLeaf() && (name == wanted || wanted == "" && usual != "" && strings.EqualFold(name, usual)) {
			return &r.table.Manifest.Fields[i], nil
		}
	}
	if wanted != "" {
		return nil, r.unsupported(fmt.Sprintf("it has no column %q", wanted))
	}
	return nil, nil
}

func isText(t arrow.DataType) bool { return t.ID() == arrow.STRING || t.ID() == arrow.LARGE_STRING }

// groups returns all row groups.
func (r *textReader) groups() []int {
	groups := make([]int, r.table.ParquetReader().NumRowGroups())
	for i := range groups {
		groups[i] = i
	}
	return groups
}

// ids reads the names of all rows, nil where they have none or nobody asks.
func (r *textReader) ids(column *pqarrow.SchemaField) (*reading.IDs, error) {
	if column == nil || !r.o.IDs {
		return nil, nil
	}
	ids, err := namesOf(r.file, r.table, column, r.info.Rows)
	if err != nil || !ids.Given() {
		return nil, err
	}
	return ids, nil
}

func (r *textReader) Info() dataset.Info { return r.info }

func (r *textReader) Close() error {
	if r.rows != nil {
		r.rows.Release()
		r.rows = nil
	}
	return r.file.Close()
}

// Next gives the next row's text.
func (r *textReader) Next() (t dataset.Text, err error) {
	if r.row == r.info.Rows {
		return t, io.EOF
	}
	defer recovered(r.file, &err)
	for r.batch == nil || r.at == int(r.batch.NumRows()) {
		if r.batch, err = r.rows.Read(); errors.Is(err, io.EOF) {
			return t, r.file.Broken(fmt.Sprintf("it ends in row %d of %d", r.row, r.info.Rows), nil)
		} else if err != nil {
			return t, r.file.Broken(fmt.Sprintf("it cannot be read from row %d on", r.row), err)
		}
		r.at = 0
	}
	row, at, column := r.row, r.at, r.batch.Column(r.text)
	if r.row, r.at = row+1, at+1; r.row == r.info.Rows {
		if err := r.file.Changed(); err != nil {
			return t, err
		}
	}
	t.Label = -1
	if r.label >= 0 {
		t.Label = labelOf(r.batch.Column(r.label), at, r.o)
	}
	if column.IsNull(at) {
		return t, &dataset.RowError{File: r.info.Source, Row: row, Reason: "its text is null"}
	}
	switch c := column.(type) {
	case *array.String:
		t.Text = c.Value(at)
	case *array.LargeString:
		t.Text = c.Value(at)
	}
	t.Text = strings.Clone(t.Text) // the batch goes
	t.Raw = []byte(t.Text)
	if !utf8.ValidString(t.Text) {
		return t, &dataset.RowError{File: r.info.Source, Row: row, Reason: "its text is no UTF-8"}
	}
	return t, nil
}
