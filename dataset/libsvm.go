package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// LIBSVM's text, which svmlight has too: https://www.csie.ntu.edu.tw/~cjlin/libsvm/faq.html#f303. A line is a row: its label, and
// the numbers that are not 0, each after the number of its column:
//
//	LABEL [qid:N] COLUMN:NUMBER COLUMN:NUMBER … # comment
//
// The label is a number, or several with commas between them. Columns come in any order, each once. They count from 1, as the
// programs want it, or from 0: see [Table].FirstColumn.

// newLibSVM counts a file's rows and columns, and reads it again from its start.
func newLibSVM(f *File, o Options) (Reader, error) {
	r, err := beginLibSVM(f)
	if err != nil {
		return nil, err
	}
	rows, least, most := 0, -1, -1
	for line := []byte(nil); ; rows++ {
		if line, err = r.line(line[:0]); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		forColumns(line, func(column, _ []byte) bool {
			if c, err := strconv.ParseUint(string(column), 10, 31); err == nil {
				if most = max(most, int(c)); least < 0 || int(c) < least {
					least = int(c)
				}
			}
			return true
		})
	}
	if most < 0 {
		return nil, &FormatError{File: f.Name(), Reason: "none of its lines has a number"}
	}
	width := 0
	if len(o.Shape) > 0 {
		width = 1
		for _, d := range o.Shape {
			width *= d
		}
	}
	says := o.Table.FirstColumn
	if auto(says) {
		says = r.says
	}
	first, err := firstColumn(says, least, most, width, f.Name())
	if err != nil {
		return nil, err
	}
	if width == 0 {
		width = most + 1 - first
	}
	if r, err = beginLibSVM(f); err != nil {
		return nil, err
	}
	r.o, r.first = o, first
	r.info = Info{Source: f.Name(), Rows: rows, Shape: []int{width}, DType: "float32", Labels: true, Bytes: r.s.size, FirstColumn: strconv.Itoa(first)}
	r.tally = o.Tally(rows, "LIBSVM", fmt.Sprint(width, first))
	return r, nil
}

// firstComments are what scikit-learn writes above the rows, and the number of the first column that it says.
var firstComments = map[string]string{"Column indices are zero-based": "0", "Column indices are one-based": "1"}

// firstColumn returns the number of the first column: what the table or the file says, or what the numbers in use say, the least and the
// greatest. width is that of a model's rows, 0 where there is none.
func firstColumn(says string, least, most, width int, file string) (int, error) {
	switch {
	case says == "0", says == "1":
		return int(says[0] - '0'), nil
	case least == 0:
		return 0, nil
	case width == 0 || most >= width:
		return 1, nil
	}
	return 0, &UnsupportedError{File: file, Of: ErrFirstColumn, Reason: fmt.Sprintf("its columns have the numbers %d to %d, and the model's rows %d values: the first may be 0 or 1: say which", least, most, width)}
}

// libSVM streams lines: the reader splits them, whoever decodes parses the numbers.
type libSVM struct {
	precounted
	o     Options
	first int    // number of the first column
	says  string // what a comment above the rows says that it is
	at    int    // line of the next row, from 1
	pairs pairs
}

func beginLibSVM(f *File) (*libSVM, error) {
	s, err := begin(f)
	if err != nil {
		return nil, err
	}
	return &libSVM{precounted: precounted{s: s}, at: 1}, nil
}

// line appends the next row's bytes, without a comment. Lines of blanks and comments are no rows.
func (r *libSVM) line(dst []byte) ([]byte, error) {
	return r.precounted.line(&r.at, dst, func(row []byte) []byte {
		if i := bytes.IndexByte(row, '#'); i >= 0 {
			if first, ok := firstComments[string(bytes.TrimSpace(row[i+1:]))]; ok && i == 0 && r.says == "" {
				r.says = first
			}
			row = row[:i]
		}
		return bytes.TrimSpace(row)
	})
}

// forColumns calls each with every column and its number until it returns false. It returns the label, and false where some text is
// no such pair.
func forColumns(line []byte, each func(column, number []byte) bool) (label []byte, ok bool) {
	fields := bytes.FieldsSeq(line)
	for field := range fields {
		if label == nil {
			label = field
			continue
		}
		column, number, pair := bytes.Cut(field, []byte{':'})
		if !pair {
			return label, false
		}
		if string(column) != "qid" && !each(column, number) {
			return label, true
		}
	}
	return label, true
}

// parse takes a row apart, and returns its label.
func (r *libSVM) parse(p *pairs, line []byte, number, at int) (label int, err error) {
	bad := func(format string, args ...any) {
		err = &RowError{File: fmt.Sprintf("%s, line %d", r.s.name, at), Row: number, Reason: fmt.Sprintf(format, args...)}
	}
	p.columns, p.numbers = p.columns[:0], p.numbers[:0]
	text, pairs := forColumns(line, func(column, text []byte) bool {
		c, failed := strconv.ParseUint(string(column), 10, 31)
		if failed != nil || int(c) < r.first || int(c)-r.first >= r.info.RowSize() {
			bad("it has a number in column %q, and columns have the numbers %d to %d", clip(column), r.first, r.first+r.info.RowSize()-1)
			return false
		}
		x, ok := layout{}.number(text)
		if !ok {
			bad("column %d is %q, which is not a number", c, clip(text))
			return false
		}
		p.columns, p.numbers = append(p.columns, uint32(int(c)-r.first)), append(p.numbers, x)
		return true
	})
	switch n := len(p.columns); {
	case err != nil:
		return -1, err
	case !pairs:
		bad("it is no label with pairs of a column and a number, such as 1 3:0.5")
		return -1, err
	default:
		if p.merge(); len(p.columns) != n {
			bad("a column comes twice")
			return -1, err
		}
	}
	return r.o.Label(string(text)), nil
}

// next reads the next row's numbers.
func (r *libSVM) next() (int, error) {
	if r.row == r.info.Rows {
		return -1, io.EOF
	}
	var err error
	if r.keep, err = r.take(r.keep[:0]); err != nil {
		return -1, err
	}
	return r.parse(&r.pairs, r.keep, r.row-1, r.start)
}

// take appends the bytes of the next row.
func (r *libSVM) take(dst []byte) ([]byte, error) { return r.precounted.take(dst, r.line) }

func (r *libSVM) Next(row []float32) (int, error) {
	label, err := r.next()
	if err == nil {
		err = r.pairs.into(row, r.o, r.s.name, r.row-1)
	}
	if err != nil {
		return -1, err
	}
	return label, nil
}

// NextSparse is Next without the zeros.
func (r *libSVM) NextSparse(columns []uint32, values []float32) ([]uint32, []float32, int, error) {
	label, err := r.next()
	if err != nil {
		return columns, values, -1, err
	}
	columns, values, err = r.pairs.appended(columns, values, r.o, r.s.name, r.row-1)
	return columns, values, label, err
}

// Floats splits the next lines and leaves their numbers for later.
func (r *libSVM) Floats(dst []float32) (int, Decode, error) {
	size := r.info.RowSize()
	p, err := r.split(len(dst), r.line)
	if err != nil {
		return 0, nil, err
	}
	return p.rows(), func() (bad []error, _ error) {
		defer r.raw.put(p.raw)
		return new(pairs).decode(dst, size, p.rows(), p.first, r.o, r.s.name, func(to *pairs, i int) error {
			_, err := r.parse(to, p.at(i), p.first+i, p.lines[i])
			return err
		}), nil
	}, nil
}

func (r *libSVM) Skip(rows int) error { return r.skip(rows, r.line) }

func (r *libSVM) Scan(rows int) error {
	return scanRows(min(rows, r.info.Rows-r.row), &r.keep, r.take)
}

// isLibSVM reports text whose first lines are labels with pairs. The last line may end anywhere.
func isLibSVM(head []byte) bool {
	if !isText(head) {
		return false
	}
	pairs, cut := 0, len(head) >= sniffed
	for len(head) > 0 {
		line, rest, whole := bytes.Cut(head, []byte{'\n'})
		head = rest
		line, _, comment := bytes.Cut(line, []byte{'#'})
		fields := bytes.Fields(line)
		if cut && !whole && !comment && len(fields) > 0 {
			fields = fields[:len(fields)-1] // it may be cut
		}
		for i, field := range fields {
			column, number, pair := bytes.Cut(field, []byte{':'})
			switch {
			case i == 0 && !pair:
				for part := range bytes.SplitSeq(field, []byte{','}) {
					if _, err := strconv.ParseFloat(string(part), 64); err != nil {
						return false
					}
				}
			case i == 0, !pair:
				return false
			default:
				_, err1 := strconv.ParseUint(string(column), 10, 31)
				_, err2 := strconv.ParseFloat(string(number), 64)
				if err2 != nil || err1 != nil && string(column) != "qid" {
					return false
				}
				pairs++
			}
		}
	}
	return pairs > 0
}
