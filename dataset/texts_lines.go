package dataset

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/internal/visible"
)

// Texts come as lines, each of them a text, or as JSON lines (https://jsonlines.org/), each of them an object one of whose keys has the text.

// lineTexts reads texts line by line.
type lineTexts struct {
	s     *stream
	info  Info
	parse func(line []byte) (text, label string, err error)
	o     Options
	blank bool // lines without anything are no rows
	row   int
	buf   []byte
}

// namedTextLines is lineTexts for rows that have names.
type namedTextLines struct {
	*lineTexts
	*reading.IDs
}

// newLines reads a file each of whose lines is a text.
func newLines(f *File, o Options) (TextReader, error) {
	return linesOf(f, o, false, func(line []byte) (string, string, error) { return string(line), "", nil }, nil)
}

// newTextJSON reads a file each of whose lines is an object with a text.
func newTextJSON(f *File, o Options) (TextReader, error) {
	id, label := "id", "label"
	if o.Texts.ID != "" {
		id = o.Texts.ID
	}
	if o.Texts.Label != "" {
		label = o.Texts.Label
	}
	parse := func(line []byte) (string, string, error) {
		var row map[string]json.RawMessage
		if err := json.Unmarshal(line, &row); err != nil {
			return "", "", fmt.Errorf("it is no object of JSON: %w", err)
		}
		var text *string
		if value, ok := row[o.Texts.Column]; !ok {
			return "", "", fmt.Errorf("it has no key %q", visible.Name(o.Texts.Column))
		} else if err := json.Unmarshal(value, &text); err != nil || text == nil {
			return "", "", fmt.Errorf("its key %q holds %s, which is no text", visible.Name(o.Texts.Column), clip(value))
		}
		return *text, plainJSON(row[label]), nil
	}
	name := func(line []byte) string {
		var row map[string]json.RawMessage
		if json.Unmarshal(line, &row) != nil {
			return ""
		}
		return plainJSON(row[id])
	}
	r, err := linesOf(f, o, true, parse, name)
	if err != nil {
		return nil, err
	}
	if named, ok := r.(namedTextLines); ok {
		named.info.IDs = id
	}
	return r, nil
}

// plainJSON returns a text or a number as it is, and nothing for what is neither.
func plainJSON(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var number json.Number
	if json.Unmarshal(value, &number) == nil {
		return number.String()
	}
	return ""
}

// linesOf counts the lines of a file, keeps their names, and reads it again from its start.
func linesOf(f *File, o Options, blank bool, parse func([]byte) (string, string, error), name func([]byte) string) (TextReader, error) {
	r := &lineTexts{parse: parse, o: o, blank: blank}
	ids := &reading.IDs{}
	if err := r.rewind(f); err != nil {
		return nil, err
	}
	rows := 0
	for ; ; rows++ {
		line, err := r.line()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if o.IDs && name != nil {
			ids.Add([]byte(name(line)))
		}
	}
	r.info = Info{Source: f.Name(), Rows: rows, Bytes: f.Bytes(), Labels: blank}
	if err := r.rewind(f); err != nil {
		return nil, err
	}
	if ids.Given() {
		return namedTextLines{r, ids}, nil
	}
	return r, nil
}

func (r *lineTexts) rewind(f *File) (err error) {
	if r.s, err = rewound(f); err != nil {
		return err
	}
	head, err := r.s.peek(len(byteOrderMark))
	if err == nil && string(head) == byteOrderMark {
		r.s.Discard(len(byteOrderMark)) // cannot fail: they are there
	}
	return err
}

// line returns the next line without its end.
func (r *lineTexts) line() ([]byte, error) {
	for {
		r.buf = r.buf[:0]
		var err error
		for more := true; more; more = errors.Is(err, bufio.ErrBufferFull) {
			var part []byte
			if part, err = r.s.ReadSlice('\n'); len(r.buf)+len(part) > maxTextRecord {
				return nil, &FormatError{File: r.s.name, Reason: fmt.Sprintf("row %d has more than %d bytes", r.row, maxTextRecord)}
			}
			r.buf = append(r.buf, part...)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, r.s.broken("it cannot be read", err)
		}
		if err != nil && len(r.buf) == 0 {
			return nil, io.EOF
		}
		if line := bytes.TrimRight(r.buf, "\r\n"); !r.blank || len(bytes.TrimSpace(line)) > 0 {
			return line, nil
		} else if err != nil {
			return nil, io.EOF
		}
	}
}

func (r *lineTexts) Info() Info   { return r.info }
func (r *lineTexts) Close() error { return r.s.Close() }

func (r *lineTexts) Next() (Text, error) {
	if r.row == r.info.Rows {
		return Text{}, io.EOF
	}
	line, err := r.line()
	if err != nil {
		return Text{}, errEarly(r.s.from, r.s.name, r.row, r.info.Rows, err)
	}
	row := r.row
	if r.row++; r.row == r.info.Rows {
		if err := r.s.from.Changed(); err != nil {
			return Text{}, err
		}
	}
	t := Text{Label: -1, Raw: line}
	if !utf8.Valid(line) {
		return t, &RowError{File: r.s.name, Row: row, Reason: "it is no UTF-8"}
	}
	text, label, err := r.parse(line)
	if err != nil {
		return t, &RowError{File: r.s.name, Row: row, Reason: err.Error()}
	}
	if t.Text = text; label != "" {
		t.Label = r.o.Label(label)
	}
	return t, nil
}
