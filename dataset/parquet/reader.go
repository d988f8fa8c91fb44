// Package parquet adds Parquet files to the sources that package dataset opens. Import it for that:
//
//	import _ "github.com/catvae/catvae/dataset/parquet"
//
// A row's values are one column that holds them all (a list of numbers, a list of such lists, or binary of one byte a value), or all
// number columns in their order. A binary column may hold pictures, also as Hugging Face's datasets have them. Numbers are integers, floats of any width, decimals, and booleans, which are 0 and 1. A column called
// label is the label, one called id is no value; dataset.Table chooses columns by name. uint8 and binary columns are bytes, all others
// numbers: dataset.Options says what values they become.
//
// Rows are read in batches, only the columns that are needed, and skipped by row groups. The format:
// https://parquet.apache.org/docs/file-format/. The package exports nothing; the readers that dataset.Open returns are for one
// goroutine at a time, as all are.
package parquet

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/picture"
)

func init() {
	dataset.RegisterFormat(dataset.Format{
		Name: "Parquet", Magic: "PAR1", Mark: "begins with PAR1", Ends: []string{".parquet", ".pq"}, Member: "a column", Open: openFile, Texts: openTexts, Spec: "https://parquet.apache.org/docs/file-format/",
		Rows: "one column of lists, lists of lists, binary or pictures, as FILE.parquet:NAME where others are values too, or a number a column, of any type of numbers; label and id as in CSV",
	})
}

// batchRows is how many rows are decoded at once.
const batchRows = 512

// reader streams a file's rows.
type reader struct {
	info   dataset.Info
	o      dataset.Options
	pixel  [256]float32 // what bytes become
	file   *dataset.File
	table  *pqarrow.FileReader
	leaves []int // columns of the file that are read
	summed []int // those that sums are of: labels too that nobody wants
	groups []int // first row of each row group
	rows   pqarrow.RecordReader
	holds  []column                    // those of values
	chosen string                      // the columns of values, "" where they are all, in their order
	label  int                         // column of batch, -1 where there is none
	names  *naming                     // of rows, nil where there are none or nobody asks
	paths  map[int]pqarrow.SchemaField // of pictures, by the field that holds them
	row    int                         // of the file, the next one
	come   int                         // of the file, that at which the batch is
	batch  arrow.RecordBatch
	at     int // in batch
	bytes  bool
	images bool         // rows are pictures
	fit    picture.Rule // by which they become rows
	pixels []byte
	tally  *dataset.Tally
	sums   map[int][]byte // of the row group that was reported last
}

// column is a column of a batch that holds values, and how many of them a row has in each dimension: none of a number.
type column struct {
	field int
	shape []int
}

// openFile reads a Parquet file.
func openFile(f *dataset.File, o dataset.Options) (_ dataset.Reader, err error) {
	defer recovered(f, &err)
	r, err := open(f, o)
	if err != nil {
		return nil, err
	}
	ids, err := r.readNames()
	if err != nil {
		return nil, err
	}
	switch {
	case ids != nil && r.bytes:
		return namedBytes{byteReader{r}, ids}, nil
	case ids != nil:
		return named{r, ids}, nil
	case r.bytes:
		return byteReader{r}, nil
	}
	return r, nil
}

// recovered turns a panic of the library, which broken files cause, into an error.
func recovered(f *dataset.File, err *error) {
	if p := recover(); p != nil {
		*err = f.Broken(fmt.Sprintf("it cannot be read: %v", p), nil)
	}
}

func open(f *dataset.File, o dataset.Options) (*reader, error) {
	path := f.Name()
	table, frame, err := tableOf(f)
	if err != nil {
		return nil, err
	}
	p := table.ParquetReader()
	r := &reader{file: f, sums: map[int][]byte{}, table: table, o: o, pixel: o.Values.Table(), label: -1, info: dataset.Info{Source: path, Rows: int(p.NumRows()), DType: "float32", Bytes: f.Bytes()}}
	rows := 0
	for i := range p.NumRowGroups() {
		r.groups = append(r.groups, rows)
		n := p.MetaData().RowGroup(i).NumRows()
		if n < 0 || n > p.NumRows()-int64(rows) {
			return nil, f.Broken(fmt.Sprintf("row group %d claims %d rows", i, n), nil)
		}
		rows += int(n)
	}
	if rows != r.info.Rows {
		return nil, f.Broken(fmt.Sprintf("its row groups have %d rows, its end says %d", rows, r.info.Rows), nil)
	}
	r.flatten()
	if err := r.choose(path, frame); err != nil {
		return nil, err
	}
	if err := r.from(0); err != nil {
		return nil, err
	}
	if err := r.measure(); err != nil {
		return nil, err
	}
	foot, err := r.footer()
	if err != nil {
		return nil, f.Broken("its end cannot be read", err)
	}
	head := []string{"Parquet", foot, fmt.Sprint(r.info.Shape)}
	if r.chosen != "" {
		head = append(head, r.chosen)
	}
	if r.images {
		head = append(head, fmt.Sprintf("%+v", r.fit))
	}
	r.tally = o.Tally(r.info.Rows, head...)
	return r, nil
}

// tableOf returns the table of a file, and what pandas says of its index.
func tableOf(f *dataset.File) (*pqarrow.FileReader, index, error) {
	mem := bounded{memory.DefaultAllocator}
	properties := parquet.NewReaderProperties(mem)
	properties.BufferedStreamEnabled, properties.BufferSize = true, 1<<16 // a column; else a row group's columns are read whole
	p, err := file.NewParquetReader(f, file.WithReadProps(properties))
	if err != nil {
		return nil, index{}, f.Broken("it is no Parquet file", err)
	}
	frame := indexOf(p.MetaData().KeyValueMetadata())
	// Arrow's own schema, which some writers add, is not needed, and is trusted with what it says of its size.
	p.MetaData().FileMetaData.KeyValueMetadata = nil
	table, err := pqarrow.NewFileReader(p, pqarrow.ArrowReadProperties{BatchSize: batchRows}, mem)
	if err != nil {
		return nil, index{}, f.Broken("its schema cannot be read", err)
	}
	return table, frame, nil
}

// from reads on at the start of a row group. Only the columns that are needed are read, in this goroutine: Arrow's own
// ways to seek and to read structures start others, whose panics nobody could catch.
func (r *reader) from(group int) error {
	if r.rows != nil {
		r.rows.Release()
	}
	groups := make([]int, len(r.groups)-group)
	for i := range groups {
		groups[i] = group + i
	}
	rows, err := r.table.GetRecordReader(r.file.Context(), r.leaves, groups)
	if err != nil {
		r.rows = nil
		return r.file.Broken("its columns cannot be read", err)
	}
	r.rows, r.batch, r.at = rows, nil, 0
	if len(r.groups) > 0 {
		r.come = r.groups[group]
	}
	return nil
}

// leavesOf returns the columns of the file that a field is.
func leavesOf(f pqarrow.SchemaField) (leaves []int) {
	if f.IsLeaf() {
		leaves = append(leaves, f.ColIndex)
	}
	for _, child := range f.Children {
		leaves = append(leaves, leavesOf(child)...)
	}
	return leaves
}

// choose settles which fields hold values. An index of pandas is one of rows, whatever it is called, unless it is asked for.
func (r *reader) choose(path string, frame index) error {
	var names []string
	fields := r.table.Manifest.Fields
	for _, f := range fields {
		name := f.Field.Name
		if frame.columns[name] && !slices.Contains(r.o.Table.Columns, name) {
			name = dataset.IndexColumn
		}
		names = append(names, name)
	}
	if r.o.Member != "" {
		r.o.Table.Columns = []string{r.o.Member}
	}
	table := r.o.Table
	table.Like, table.LikeSum = nil, ""
	chosen, err := table.Choose(path, names, false)
	if err != nil {
		return err
	}
	wide, numbers, last, named := 0, 0, 0, ""
	for _, i := range chosen.Values {
		switch t := fields[i].Field.Type; {
		case several(t):
			wide, last, named = wide+1, i, cmp.Or(named, visible.Name(path+":"+names[i]))
		case isNumber(t):
			numbers++
		}
	}
	if wide == 1 && numbers == 0 && len(table.Columns) == 0 { // the others are texts and the like
		chosen.Values = []int{last}
	}
	if len(chosen.Values) == 0 || wide > 0 && len(chosen.Values) > 1 {
		return &dataset.UnsupportedError{File: path, Of: dataset.ErrColumns, Reason: fmt.Sprintf("it has %d columns of values, %d of them with several: one column with all values, or a number a column is read: name one, such as %s, or choose the columns that are values", len(chosen.Values), wide, cmp.Or(named, "FILE:NAME"))}
	}
	if wide == 0 {
		if chosen, err = r.o.Table.Choose(path, names, false); err != nil {
			return err
		}
		r.info.Columns = chosen.Names
	}
	if len(r.o.Table.Columns) > 0 || !slices.IsSorted(chosen.Values) {
		r.chosen = fmt.Sprint(chosen.Values)
	}
	r.chooseNames(chosen, frame)
	r.bytes = true
	at := map[int]int{} // columns of a batch, by field
	for i, f := range fields {
		if i == chosen.Label {
			r.info.Labels = true
			if r.summed = append(r.summed, leavesOf(f)...); !r.o.Labels {
				continue
			}
			if !isLabel(f.Field.Type) {
				return &dataset.UnsupportedError{File: path, Of: dataset.ErrColumns, Reason: fmt.Sprintf("its label has the type %s: labels are numbers or texts", f.Field.Type)}
			}
			r.label = len(at)
		} else if !slices.Contains(chosen.Values, i) {
			continue
		} else {
			r.summed = append(r.summed, leavesOf(f)...)
		}
		at[i] = len(at)
		r.leaves = append(r.leaves, leavesOf(f)...)
	}
	for _, i := range chosen.Values {
		f := fields[i].Field
		element := elementOf(f.Type)
		switch id := element.ID(); {
		case id == arrow.UINT8 || isBinary(f.Type):
		case isNumber(element):
			r.bytes = false
		default:
			return &dataset.UnsupportedError{File: path, Of: dataset.ErrColumns, Reason: fmt.Sprintf("its column %q has the type %s: numbers, lists of numbers and binary are values: choose the columns that are, or call it label or id", f.Name, f.Type)}
		}
		r.holds = append(r.holds, column{field: at[i]})
	}
	if r.bytes {
		r.info.DType = "uint8"
	}
	return nil
}

// measure takes the shape of rows from the first one that has values.
func (r *reader) measure() error {
	if err := r.load(); err != nil {
		if errors.Is(err, io.EOF) {
			return r.file.Broken("it has no rows", nil)
		}
		return err
	}
	var err error
	if r.images, err = r.findPictures(); err != nil {
		return err
	}
	if r.images {
		r.info.Shape, r.info.Pictures = r.fit.Shape(), true
		r.table.Props.BatchSize = pictureRows
		return r.from(0)
	}
	r.info.Shape = []int{len(r.holds)}
	if len(r.holds) > 1 {
		return nil
	}
	a := r.batch.Column(r.holds[0].field)
	if !several(a.DataType()) {
		return nil
	}
	for i := range int(r.batch.NumRows()) {
		if shape := shapeOf(a, i); shape != nil {
			r.holds[0].shape, r.info.Shape = shape, shape
			return nil
		}
	}
	return r.file.Broken("its first rows hold no values", nil)
}

// load reads the next batch where the last one is used up.
func (r *reader) load() (err error) {
	defer recovered(r.file, &err)
	for r.left() == 0 {
		if r.batch, err = r.rows.Read(); errors.Is(err, io.EOF) {
			return io.EOF
		} else if err != nil {
			return r.file.Broken(fmt.Sprintf("it cannot be read from row %d on", r.come), err)
		}
		r.at = 0
	}
	return nil
}

func (r *reader) Info() dataset.Info { return r.info }

func (r *reader) Close() error {
	if r.rows != nil {
		r.rows.Release()
		r.rows = nil
	}
	return r.file.Close()
}

// Skip passes over rows. Those that follow are looked for when they are read.
func (r *reader) Skip(rows int) error {
	r.row += min(rows, r.info.Rows-r.row)
	return nil
}

// seek passes over whole row groups unread, and reads on inside one.
func (r *reader) seek() (err error) {
	defer recovered(r.file, &err)
	group := sort.SearchInts(r.groups, r.row+1) - 1 // the last that begins at the row or before
	if r.groups[group] > r.come+r.left() {
		if err := r.from(group); err != nil {
			return err
		}
	}
	for r.come < r.row {
		if err := r.load(); err != nil {
			return r.early(err)
		}
		n := min(r.left(), r.row-r.come)
		r.at, r.come = r.at+n, r.come+n
	}
	return nil
}

// left returns how many rows of the batch are still to come.
func (r *reader) left() int {
	if r.batch == nil {
		return 0
	}
	return int(r.batch.NumRows()) - r.at
}

// early says that a file has fewer rows than it claims.
func (r *reader) early(err error) error {
	if errors.Is(err, io.EOF) {
		return r.file.Broken(fmt.Sprintf("it ends in row %d of %d", r.come, r.info.Rows), nil)
	}
	return err
}

// Next reads a row of numbers.
func (r *reader) Next(row []float32) (int, error) {
	if r.bytes {
		label, err := r.nextBytes(r.scratch())
		for i, b := range r.pixels {
			row[i] = r.pixel[b]
		}
		return label, err
	}
	return r.next(func(number int) error {
		at := 0
		for _, c := range r.holds {
			values, from, to, reason := span(r.batch.Column(c.field), r.at, c.shape)
			if reason != "" {
				return r.bad(number, r.inColumn(c, reason))
			}
			for i := from; i < to; i++ {
				x, ok := number64(values, i)
				if !ok {
					return r.bad(number, r.inColumn(c, fmt.Sprintf("value %d is %s, which is no number", at, values.ValueStr(i))))
				}
				if row[at] = r.o.Values.Number(x); !r.o.Values.Contains(row[at]) {
					return &dataset.ValueError{File: r.info.Source, Row: number, Column: at, Text: values.ValueStr(i), Value: x, Becomes: row[at], Values: r.o.Values}
				}
				at++
			}
		}
		return nil
	})
}

// inColumn says in which of several columns something is wrong.
func (r *reader) inColumn(c column, reason string) string {
	if len(r.holds) == 1 {
		return reason
	}
	return fmt.Sprintf("column %q: %s", r.batch.ColumnName(c.field), reason)
}

// next passes over a row that take looks at, and returns its label.
func (r *reader) next(take func(number int) error) (label int, err error) {
	if r.row == r.info.Rows {
		return -1, io.EOF
	}
	if err := r.seek(); err != nil {
		return -1, err
	}
	if err := r.load(); err != nil {
		return -1, r.early(err)
	}
	if err := r.report(1); err != nil {
		return -1, err
	}
	defer recovered(r.file, &err)
	defer func() {
		if r.row == r.info.Rows {
			err = cmp.Or(r.file.Changed(), err)
		}
	}()
	defer func() { r.at, r.row, r.come = r.at+1, r.row+1, r.come+1 }()
	label = -1
	if r.label >= 0 {
		label = labelOf(r.batch.Column(r.label), r.at, r.o)
	}
	return label, take(r.row)
}

func (r *reader) bad(number int, reason string) error {
	return &dataset.RowError{File: r.info.Source, Row: number, Reason: reason}
}

// Floats reads rows of numbers. Arrow decodes columns as it reads, so that little is left for later.
func (r *reader) Floats(dst []float32) (int, dataset.Decode, error) {
	return reading.Rowwise(dst, r.info.RowSize(), r.Next)
}
