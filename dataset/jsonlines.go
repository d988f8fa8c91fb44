package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/internal/visible"
)

// JSON lines are an object a line: https://jsonlines.org/. One field of each is an array of numbers, a row's values; those called label and id, in
// any case, are its label and its name.

// isJSONLines reports text that begins with an object.
func isJSONLines(head []byte) bool {
	return isText(head) && bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(head, []byte(byteOrderMark)), " \t\r\n"), []byte("{"))
}

// newJSONLines looks at the first line for the field of values, counts the lines, and reads them again from the start.
func newJSONLines(f *File, o Options) (Reader, error) {
	r, err := beginLines(f, o)
	if err != nil {
		return nil, err
	}
	first, err := r.line(nil)
	if err != nil {
		return nil, r.early(err)
	}
	field, width, err := arrayField(f.Name(), o.Member, first)
	if err != nil {
		return nil, err
	}
	if r, err = beginLines(f, o); err != nil {
		return nil, err
	}
	ids, labelled, named := &reading.IDs{}, false, ""
	rows, err := r.counted(func(line []byte) {
		id := []byte(nil)
		_ = forFields(line, func(key string, value []byte) bool {
			switch {
			case strings.EqualFold(key, "label"):
				labelled = true
			case strings.EqualFold(key, "id"):
				named, id = key, jsonText(value)
			}
			return o.IDs || !labelled
		})
		if o.IDs {
			ids.Add(id)
		}
	})
	if err != nil {
		return nil, err
	}
	if r, err = beginLines(f, o); err != nil {
		return nil, err
	}
	r.info = Info{Source: f.Name(), Rows: rows, Shape: []int{width}, DType: "float32", Bytes: r.s.size, Labels: labelled}
	r.tally = o.Tally(rows, "JSON lines", field, fmt.Sprint(width))
	r.number = func(row []float32, line []byte, at spot) error { return jsonRow(row, line, field, at, o) }
	if labelled && o.Labels {
		r.label = func(line []byte) (label int) {
			label = -1
			_ = forFields(line, func(key string, value []byte) bool {
				if strings.EqualFold(key, "label") {
					label = o.Label(string(jsonText(value)))
				}
				return true
			})
			return label
		}
	}
	if !ids.Given() {
		return r, nil
	}
	r.info.IDs = named
	return namedLines{r, ids}, nil
}

// arrayField returns the name of the field that holds values in the first line, and how many.
func arrayField(file, wanted string, line []byte) (field string, width int, err error) {
	var all, arrays []string
	widths := map[string]int{}
	err = forFields(line, func(key string, value []byte) bool {
		if !slices.Contains(all, key) {
			all = append(all, key)
		}
		if n, ok := arrayLength(value); ok {
			if widths[key] == 0 {
				arrays = append(arrays, key)
			}
			widths[key] = n
		}
		return true
	})
	if err != nil {
		return "", 0, &FormatError{File: file, Reason: "its first line is no JSON object", Cause: err}
	}
	if wanted == "" && len(arrays) == 1 {
		wanted = arrays[0]
	}
	if n := widths[wanted]; n > 0 {
		return wanted, n, nil
	}
	if wanted != "" {
		return "", 0, &UnsupportedError{File: file, Reason: fmt.Sprintf("%q of its first line is no array of numbers: its fields are %s", visible.Name(wanted), listed(all))}
	}
	if len(arrays) > 1 {
		return "", 0, &UnsupportedError{File: file, Reason: fmt.Sprintf("which of its arrays is meant? Its first line has %s: name one as %s:NAME", listed(arrays), file)}
	}
	return "", 0, &UnsupportedError{File: file, Reason: fmt.Sprintf("it is JSON whose first line has no array of numbers, only %s: write an object a line (JSON lines), each with an array of numbers", listed(all))}
}

// arrayLength returns how many numbers an array has, false where it is none, or one of other things.
func arrayLength(value []byte) (n int, ok bool) {
	err := forNumbers(value, func(text []byte) error {
		if _, ok := (layout{}).number(text); !ok {
			return errors.New("no number")
		}
		n++
		return nil
	})
	return n, err == nil && n > 0
}

// jsonRow writes the numbers of a line's field to a row.
func jsonRow(row []float32, line []byte, field string, at spot, o Options) error {
	var array []byte
	if err := forFields(line, func(key string, value []byte) bool {
		if key == field {
			array = value
		}
		return true
	}); err != nil {
		return at.bad("it is no JSON object: %v", err)
	}
	if array == nil {
		return at.bad("it has no field %q", visible.Name(field))
	}
	return numbersInto(row, array, at, o)
}

// numbersInto writes the numbers of a list such as [0.1, 2e-3] to a row.
func numbersInto(row []float32, list []byte, at spot, o Options) error {
	n := 0
	err := forNumbers(list, func(text []byte) error {
		x, ok := (layout{}).number(text)
		switch n++; {
		case !ok:
			return at.bad("value %d is %q, which is not a number", n-1, clip(text))
		case n > len(row):
			return nil
		}
		return at.value(row, n-1, x, text, o)
	})
	if errors.Is(err, errNoList) {
		return at.bad("%q is no list of numbers such as [0.1, 2e-3]", clip(list))
	}
	if err == nil && n != len(row) {
		return at.bad("it holds %d values, the first row has %d", n, len(row))
	}
	return err
}

var errNoList = errors.New("no list")

// forNumbers calls each with the text of every element of a list until it returns an error. [errNoList] says that it is none.
func forNumbers(list []byte, each func(text []byte) error) error {
	list = bytes.TrimSpace(list)
	if len(list) < 2 || list[0] != '[' || list[len(list)-1] != ']' {
		return errNoList
	}
	rest := list[1 : len(list)-1]
	if len(bytes.TrimSpace(rest)) == 0 {
		return nil
	}
	for more := true; more; {
		var text []byte
		text, rest, more = bytes.Cut(rest, []byte{','})
		if err := each(bytes.TrimSpace(text)); err != nil {
			return err
		}
	}
	return nil
}

// forFields calls each with the key and the value of every field of an object, in their order, until it returns false. It does not look into values
// further than to find their ends.
func forFields(line []byte, each func(key string, value []byte) bool) error {
	rest := bytes.TrimSpace(line)
	if len(rest) < 2 || rest[0] != '{' || rest[len(rest)-1] != '}' {
		return errors.New("it does not stand between { and }")
	}
	rest = rest[1 : len(rest)-1]
	if rest = bytes.TrimSpace(rest); len(rest) == 0 {
		return nil
	}
	for {
		n := stringEnd(rest)
		if n == 0 {
			return fmt.Errorf("%q stands where a key is wanted", clip(rest))
		}
		key, err := jsonKey(rest[:n])
		if err != nil {
			return fmt.Errorf("%q is no key: %w", clip(rest[:n]), err)
		}
		if rest = bytes.TrimLeft(rest[n:], " \t\r\n"); len(rest) == 0 || rest[0] != ':' {
			return fmt.Errorf("a colon is missing behind %q", visible.Name(key))
		}
		rest = bytes.TrimLeft(rest[1:], " \t\r\n")
		n, err = valueEnd(rest)
		if err != nil {
			return fmt.Errorf("%q: %w", visible.Name(key), err)
		}
		if !each(key, bytes.TrimSpace(rest[:n])) {
			return nil
		}
		if n == len(rest) {
			return nil
		}
		rest = bytes.TrimLeft(rest[n+1:], " \t\r\n")
	}
}

// jsonKey returns the text of a string in quotes.
func jsonKey(quoted []byte) (key string, err error) {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1]), nil
	}
	err = json.Unmarshal(quoted, &key)
	return key, err
}

// jsonText returns a value as text: without quotes where it is a string, nothing for null.
func jsonText(value []byte) []byte {
	switch {
	case string(value) == "null":
		return nil
	case len(value) > 0 && value[0] == '"':
		var text string
		if json.Unmarshal(value, &text) == nil {
			return []byte(text)
		}
		if text, err := strconv.Unquote(string(value)); err == nil {
			return []byte(text)
		}
	}
	return value
}

// stringEnd returns the bytes of the string that text begins with, quotes included; 0 where it begins with none, or where it does not end.
func stringEnd(text []byte) int {
	if len(text) == 0 || text[0] != '"' {
		return 0
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// valueEnd returns where a value ends: before the next comma outside of strings, lists and objects, or at the end.
func valueEnd(text []byte) (int, error) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			n := stringEnd(text[i:])
			if n == 0 {
				return 0, errors.New("a text does not end")
			}
			i += n - 1
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth < 0 {
				return 0, fmt.Errorf("%q closes what was not opened", text[i])
			}
		case ',':
			if depth == 0 {
				return i, nil
			}
		}
	}
	if depth > 0 {
		return 0, errors.New("a list or an object does not end")
	}
	return len(text), nil
}
