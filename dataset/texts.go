package dataset

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/catvae/catvae/dataset/internal/reading"
)

// Texts says that rows are made of texts: of which, and by what.
type Texts struct {
	// Column holds the texts: a column of CSV or Parquet by its name, of CSV without a header by its number, or a key of JSON lines. "" means that
	// each line is a text.
	Column string
	ID     string // the column of ids; "" means one called id
	Label  string // the column of labels; "" means one called label

	Embedder Embedder
}

// An Embedder makes a row of numbers of a text, as runtime/embed does. It is safe for concurrent use.
type Embedder interface {
	// Width returns how many numbers a row has.
	Width() int
	// Embed puts a row for each text into dst, one after the other. It says of texts that have none why, by their number.
	Embed(ctx context.Context, texts []string, dst []float32) (bad map[int]string, err error)
}

// A TextReader streams the texts of a file. It is for one goroutine at a time.
type TextReader interface {
	// Info describes the file: all but Shape and DType.
	Info() Info
	// Next returns the next row's text and label, and the bytes it was read from, which are valid until the next call. The error of a bad row has a
	// method BadRow. It is io.EOF after the last row.
	Next() (t Text, err error)
	Close() error
}

// A Text is a row of a [TextReader].
type Text struct {
	Text  string
	Label int    // as [Reader] has it
	Raw   []byte // what it was read from
}

// ErrTexts is wrapped where the column of texts, of ids or of labels is not there. It wraps [ErrData].
var ErrTexts = fmt.Errorf("%w: Texts.Column", ErrData)

// maxTextRecord bounds the bytes of one text with what lies beside it.
const maxTextRecord = 16 << 20

// openTexts opens a file, or standard input, whose rows are texts.
func openTexts(ctx context.Context, source string, o Options) (_ Reader, err error) {
	f, err := textFile(ctx, source, o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	head, err := headOf(f)
	if err != nil {
		return nil, err
	}
	open := newLines
	registered, known := formatOf(f.name, head)
	isJSON := bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(head, []byte(byteOrderMark)), " \t\r\n"), []byte("{"))
	switch foreign := refuseForeign(f.name, head); {
	case isJSON && o.Texts.Column == "":
		return nil, &UnsupportedError{File: f.name, Of: ErrTexts, Reason: "it is JSON lines: name the key of the texts"}
	case isJSON:
		open = newTextJSON
	case foreign != nil:
		return nil, foreign
	case known && registered.Texts != nil:
		open = registered.Texts
	case known && (registered.Magic != "" || !isText(head)):
		return nil, &UnsupportedError{File: f.name, Reason: fmt.Sprintf("it is %s, which holds no texts: lines of text, CSV, JSON lines and Parquet do; rows of numbers need no embedder", registered.Name)}
	case o.Texts.Column == "":
	default:
		open = newTextCSV
	}
	r, err := open(f, o)
	if err != nil {
		return nil, err
	}
	return newTextRows(ctx, r, o), nil
}

// textFile opens a source as a file: what can be read once only is kept in a temporary one.
func textFile(ctx context.Context, source string, o Options) (*File, error) {
	var s *stream
	var err error
	if source == Stdin {
		in := o.Stdin
		if in == nil {
			in = os.Stdin
		}
		s, err = newPipe(ctx, "standard input", in, io.NopCloser(nil))
	} else {
		s, err = openStream(ctx, source)
	}
	if err != nil {
		return nil, err
	}
	if s.pipe {
		return keep(ctx, s, o.Keep)
	}
	return s.from.(*File), nil // what is no pipe is one
}

// headOf returns the first bytes of a file, unpacked.
func headOf(f *File) ([]byte, error) {
	s, err := rewound(f)
	if err != nil {
		return nil, err
	}
	head, err := s.peek(sniffed)
	if err == nil && len(head) == 0 {
		err = &FormatError{File: f.name, Reason: "it is empty"}
	}
	return bytes.Clone(head), err
}

// rewound returns the content of a file from its start, unpacked.
func rewound(f *File) (*stream, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, f.Broken("it cannot be read", err)
	}
	return newStream(f)
}

// aheadTexts is how many texts are read and embedded at once where rows are asked for one by one: texts of equal length go through a model together.
const aheadTexts = 2048

// textRows makes rows of texts.
type textRows struct {
	TextReader
	ctx   context.Context
	o     Options
	info  Info
	tally *Tally
	row   int // the next one that is read

	ahead struct { // rows that Next gives
		values []float32
		texts  []taken
		bad    []error
		at     int
	}
}

// textRowsNamed is textRows for a file whose rows have names.
type textRowsNamed struct {
	*textRows
	Identified
}

// taken is a text that was read, or why it was not.
type taken struct {
	Text
	err error
}

func newTextRows(ctx context.Context, from TextReader, o Options) Reader {
	r := &textRows{TextReader: from, ctx: ctx, o: o, info: from.Info()}
	r.info.Shape, r.info.DType = []int{o.Texts.Embedder.Width()}, "float32"
	r.tally = o.Tally(r.info.Rows, "texts", o.Texts.Column)
	if named, ok := from.(Identified); ok && r.info.IDs != "" {
		return textRowsNamed{r, named}
	}
	return r
}

func (r *textRows) Info() Info { return r.info }

// take reads the next text.
func (r *textRows) take() (taken, error) {
	t, err := r.TextReader.Next()
	if err != nil && !reading.IsBad(err) {
		return taken{}, err
	}
	r.tally.Rows(r.row, 1, t.Raw)
	r.row++
	t.Raw = nil
	return taken{t, err}, nil
}

// takeUpTo reads the next texts, at most n.
func (r *textRows) takeUpTo(n int) ([]taken, error) {
	all := make([]taken, n)
	for i := range all {
		var err error
		if all[i], err = r.take(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// embed puts the rows of texts into dst, zeros for bad ones. first is the number of the first.
func (r *textRows) embed(first int, all []taken, dst []float32) (bad []error, err error) {
	var texts []string
	var rows []int // of texts
	for i, t := range all {
		if t.err == nil {
			texts, rows = append(texts, t.Text.Text), append(rows, i)
		}
	}
	size := r.info.RowSize()
	values := make([]float32, len(texts)*size)
	why, err := r.o.Texts.Embedder.Embed(r.ctx, texts, values)
	if err != nil {
		return nil, err
	}
	clear(dst[:len(all)*size])
	errs := make([]error, len(all))
	for i, row := range rows {
		if reason := why[i]; reason != "" {
			errs[row] = &RowError{File: r.info.Source, Row: first + row, Reason: reason}
			continue
		}
		errs[row] = r.scaled(first+row, values[i*size:][:size], dst[row*size:][:size])
	}
	for i := range all {
		if err := cmp.Or(all[i].err, errs[i]); err != nil {
			bad = append(bad, err)
		}
	}
	return bad, nil
}

// scaled writes an embedding as the values that the rule makes of it.
func (r *textRows) scaled(row int, from, to []float32) error {
	for i, x := range from {
		if to[i] = r.o.Values.Number(float64(x)); !r.o.Values.Contains(to[i]) {
			err := &ValueError{File: r.info.Source, Row: row, Column: i, Value: float64(x), Becomes: to[i], Values: r.o.Values}
			clear(to)
			return err
		}
	}
	return nil
}

// Next gives rows that were embedded together.
func (r *textRows) Next(row []float32) (int, error) {
	a, size := &r.ahead, r.info.RowSize()
	if a.at == len(a.texts) {
		n := min(aheadTexts, r.info.Rows-r.row)
		if n == 0 {
			return -1, io.EOF
		}
		first := r.row
		texts, err := r.takeUpTo(n)
		if err != nil {
			return -1, err
		}
		a.values = slices.Grow(a.values[:0], n*size)[:n*size]
		if a.bad, err = r.embed(first, texts, a.values); err != nil {
			return -1, err
		}
		a.texts, a.at = texts, 0
	}
	at := a.at
	a.at++
	if len(a.bad) > 0 && rowOf(a.bad[0]) == r.row-len(a.texts)+at {
		err := a.bad[0]
		a.bad = a.bad[1:]
		return -1, err
	}
	copy(row, a.values[at*size:][:size])
	return a.texts[at].Label, nil
}

// Floats reads the next texts, and leaves their embedding for later.
func (r *textRows) Floats(dst []float32) (int, Decode, error) {
	n, err := reading.RowsIn(len(dst), r.info.RowSize(), r.info.Rows-r.row)
	if err != nil {
		return 0, nil, err
	}
	first := r.row
	texts, err := r.takeUpTo(n)
	if err != nil {
		return 0, nil, err
	}
	return n, func() ([]error, error) { return r.embed(first, texts, dst) }, nil
}

// Skip passes over rows, which are read as far as their ends.
func (r *textRows) Skip(rows int) error {
	for range min(rows, r.info.Rows-r.row) {
		if _, err := r.TextReader.Next(); err != nil && !reading.IsBad(err) {
			return err
		}
		r.row++
	}
	return nil
}

func (r *textRows) Scan(rows int) error {
	for range min(rows, r.info.Rows-r.row) {
		if _, err := r.take(); err != nil {
			return err
		}
	}
	return nil
}

// errEarly says that a file has lost rows since they were counted.
func errEarly(from origin, name string, row, rows int, err error) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	if err := from.Changed(); err != nil {
		return err
	}
	return &FormatError{File: name, Reason: fmt.Sprintf("it ends in row %d of %d", row, rows)}
}
