// Package parquet adds Parquet files to the sources that package dataset opens. Import it for that:
//
//	import _ "github.com/catvae/catvae/dataset/parquet"
//
// A row's values are one column that holds them all (a list or fixed-size list of float, double or uint8, or binary of one
// byte a value), or all number columns in their order. A column called label is the label, one called id is no value. uint8 and
// binary columns are bytes, all others numbers: dataset.Options says what values they become.
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
	"sort"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/dist"
)

func init() {
	dataset.RegisterFormat(dataset.Format{
		Name: "Parquet", Magic: "PAR1", Mark: "begins with PAR1", Open: openFile, Spec: "https://parquet.apache.org/docs/file-format/",
		Rows: "one column of lists or binary, or a number a column; label and id as in CSV",
	})
}

// batchRows is how many rows are decoded at once.
const batchRows = 512

// reader streams a file's rows.
type reader struct {
	info   dataset.Info
	values dist.Values  // what numbers become
	pixel  [256]float32 // what bytes become
	file   *dataset.File
	table  *pqarrow.FileReader
	leaves []int // columns of the file that are read
	groups []int // first row of each row group
	rows   pqarrow.RecordReader
	holds  []column // those of values
	label  int      // column of batch, -1 where there is none
	row    int      // of the file, the next one
	come   int      // of the file, that at which the batch is
	batch  arrow.RecordBatch
	at     int // in batch
	bytes  bool
	pixels []byte
	tally  *dataset.Tally
	sums   map[int][]byte // of the row group that was reported last
}

// column is a column of a batch that holds values, and how many of them a row has.
type column struct {
	field int
	width int
}

// openFile reads a Parquet file.
func openFile(f *dataset.File, o dataset.Options) (_ dataset.Reader, err error) {
	defer recovered(f, &err)
	r, err := open(f, o)
	if err != nil {
		return nil, err
	}
	if r.bytes {
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
	mem := bounded{memory.DefaultAllocator}
	properties := parquet.NewReaderProperties(mem)
	properties.BufferedStreamEnabled, properties.BufferSize = true, 1<<16 // a column; else a row group's columns are read whole
	p, err := file.NewParquetReader(f, file.WithReadProps(properties))
	if err != nil {
		return nil, f.Broken("it is no Parquet file", err)
	}
	// Arrow's own schema, which some writers add, is not needed, and is trusted with what it says of its size.
	p.MetaData().FileMetaData.KeyValueMetadata = nil
	table, err := pqarrow.NewFileReader(p, pqarrow.ArrowReadProperties{BatchSize: batchRows}, mem)
	if err != nil {
		return nil, f.Broken("its schema cannot be read", err)
	}
	r := &reader{file: f, sums: map[int][]byte{}, table: table, values: o.Values, pixel: o.Values.Table(), label: -1, info: dataset.Info{Source: path, Rows: int(p.NumRows()), DType: "float32", Bytes: f.Bytes()}}
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
	if err := r.choose(path); err != nil {
		return nil, err
	}
	if err := r.from(0); err != nil {
		return nil, err
	}
	if err := r.measure(path); err != nil {
		return nil, err
	}
	foot, err := r.footer()
	if err != nil {
		return nil, f.Broken("its end cannot be read", err)
	}
	r.tally = o.Tally(r.info.Rows, "Parquet", foot, fmt.Sprint(r.info.Shape))
	return r, nil
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

// add adds a field to those that are read and returns the column of a batch that it becomes.
func (r *reader) add(f pqarrow.SchemaField, column int) int {
	if f.IsLeaf() {
		r.leaves = append(r.leaves, f.ColIndex)
	}
	for _, child := range f.Children {
		r.add(child, column)
	}
	return column
}

// choose settles which fields hold values.
func (r *reader) choose(path string) error {
	r.bytes = true
	wide, taken := 0, 0
	for _, field := range r.table.Manifest.Fields {
		f := field.Field
		switch strings.ToLower(f.Name) {
		case "label":
			if !arrow.IsInteger(f.Type.ID()) {
				return &dataset.UnsupportedError{File: path, Reason: fmt.Sprintf("its label has the type %s, labels are whole numbers", f.Type)}
			}
			r.label, r.info.Labels = r.add(field, taken), true
			taken++
			continue
		case "id":
			continue
		}
		if strings.HasPrefix(f.Name, "__index_level_") { // how pandas keeps an index
			continue
		}
		element := f.Type
		l, list := f.Type.(arrow.ListLikeType)
		if list {
			element = l.Elem()
			wide++
		}
		switch id := element.ID(); {
		case id == arrow.UINT8:
		case !list && (id == arrow.BINARY || id == arrow.FIXED_SIZE_BINARY || id == arrow.LARGE_BINARY):
			wide++
		case arrow.IsInteger(id) || id == arrow.FLOAT32 || id == arrow.FLOAT64:
			r.bytes = false
		default:
			return &dataset.UnsupportedError{File: path, Reason: fmt.Sprintf("its column %q has the type %s: numbers, lists of numbers and binary are values; only id and label are not", f.Name, f.Type)}
		}
		r.holds = append(r.holds, column{field: r.add(field, taken), width: 1})
		taken++
	}
	if len(r.holds) == 0 || wide > 0 && len(r.holds) > 1 {
		return &dataset.UnsupportedError{File: path, Reason: fmt.Sprintf("it has %d columns of values, %d of them with several: one column with all values, or a number a column is read", len(r.holds), wide)}
	}
	if r.bytes {
		r.info.DType = "uint8"
	}
	return nil
}

// measure takes the shape of rows from the first one that has values.
func (r *reader) measure(path string) error {
	if err := r.load(); err != nil {
		if errors.Is(err, io.EOF) {
			return r.file.Broken("it has no rows", nil)
		}
		return err
	}
	r.info.Shape = []int{len(r.holds)}
	if len(r.holds) > 1 {
		return nil
	}
	for i := range int(r.batch.NumRows()) {
		if n := width(r.batch.Column(r.holds[0].field), i); n > 0 {
			r.holds[0].width, r.info.Shape = n, []int{n}
			return nil
		}
	}
	return r.file.Broken("its first rows hold no values", nil)
}

// width returns the number of values that a column holds in a row.
func width(a arrow.Array, i int) int {
	if a.IsNull(i) {
		return 0
	}
	switch c := a.(type) {
	case array.ListLike:
		from, to := c.ValueOffsets(i)
		return int(to - from)
	case *array.Binary:
		return c.ValueLen(i)
	case *array.LargeBinary:
		return c.ValueLen(i)
	case *array.FixedSizeBinary:
		return c.DataType().(*arrow.FixedSizeBinaryType).ByteWidth
	}
	return 1
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
			a := r.batch.Column(c.field)
			if width(a, r.at) != c.width {
				return r.bad(number, fmt.Sprintf("column %q holds %d values, the first row has %d", r.batch.ColumnName(c.field), width(a, r.at), c.width))
			}
			from, values := 0, a
			if l, ok := a.(array.ListLike); ok {
				offset, _ := l.ValueOffsets(r.at)
				from, values = int(offset), l.ListValues()
			} else {
				from = r.at
			}
			for i := range c.width {
				x, ok := number64(values, from+i)
				if row[at] = r.values.Number(x); !ok || !r.values.Contains(row[at]) {
					return r.bad(number, fmt.Sprintf("value %d is %s", at, reading.Outside(values.ValueStr(from+i), x, row[at], r.values)))
				}
				at++
			}
		}
		return nil
	})
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
		x, ok := number64(r.batch.Column(r.label), r.at)
		if !ok {
			return -1, r.bad(r.row, "its label is null")
		}
		label = int(x)
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
