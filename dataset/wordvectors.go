package dataset

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/catvae/catvae/dataset/internal/reading"
)

// Word vectors are text of a word and its numbers a line, as GloVe (https://nlp.stanford.edu/projects/glove/), word2vec and fastText write them.
// The last two begin with a line of how many words there are, and how many numbers each. A word may hold blanks: the numbers are the last of a
// line.

// leastWordNumbers is how many numbers behind a word tell such text from other tables.
const leastWordNumbers = 8

// isWordVectors reports text whose first line, after one of two numbers, is a word and eight numbers or more. The line may end anywhere.
func isWordVectors(head []byte) bool {
	if !isText(head) {
		return false
	}
	line, rest, whole := bytes.Cut(bytes.TrimPrefix(head, []byte(byteOrderMark)), []byte{'\n'})
	_, _, counted := wordCounts(line)
	if counted && whole {
		line, _, whole = bytes.Cut(rest, []byte{'\n'})
	}
	fields := wordFields(line)
	if !whole && len(head) >= sniffed && len(fields) > 0 {
		fields = fields[:len(fields)-1] // it may be cut
	}
	if len(fields) == 0 {
		return false
	}
	if _, number := (layout{}).number(fields[0]); number && !counted {
		return false
	}
	for _, field := range fields[1:] {
		if _, number := (layout{}).number(field); !number {
			return false
		}
	}
	return len(fields) > leastWordNumbers
}

// asciiSpace are the blanks between a word and its numbers. Others, such as one that does not break, are parts of words.
const asciiSpace = " \t\r\n"

func wordFields(line []byte) [][]byte {
	return bytes.FieldsFunc(line, func(c rune) bool { return strings.ContainsRune(asciiSpace, c) })
}

// lastNumbers returns how many numbers a line ends with, behind a word that may look like one.
func lastNumbers(line []byte) (n int) {
	fields := wordFields(line)
	for n < len(fields)-1 {
		if _, ok := (layout{}).number(fields[len(fields)-1-n]); !ok {
			break
		}
		n++
	}
	return n
}

// wordCounts takes a line of two whole numbers apart.
func wordCounts(line []byte) (words, width int, ok bool) {
	fields := wordFields(line)
	if len(fields) != 2 {
		return 0, 0, false
	}
	words, err1 := strconv.Atoi(string(fields[0]))
	width, err2 := strconv.Atoi(string(fields[1]))
	return words, width, err1 == nil && err2 == nil && words > 0 && width > 0 && width <= maxRow
}

// newWordVectors takes the numbers of a row from the first lines, counts them all, and reads them again.
func newWordVectors(f *File, o Options) (Reader, error) {
	begin := func() (r *lines, words, width int, err error) {
		if r, err = beginLines(f, o); err != nil {
			return nil, 0, 0, err
		}
		line, err := r.line(nil)
		if err != nil {
			return nil, 0, 0, r.early(err)
		}
		var counted bool
		if words, width, counted = wordCounts(line); counted {
			return r, words, width, nil
		}
		width = lastNumbers(line)
		r, err = beginLines(f, o)
		return r, 0, width, err
	}
	r, words, width, err := begin()
	if err != nil {
		return nil, err
	}
	ids := &reading.IDs{}
	rows, err := r.counted(func(line []byte) {
		if o.IDs {
			word, _ := cutWord(line, width)
			ids.Add(word)
		}
	})
	if err != nil {
		return nil, err
	}
	if words > 0 && rows != words {
		return nil, &FormatError{File: f.Name(), Reason: fmt.Sprintf("it has %d lines of words, its first line promises %d: it may have been cut short", rows, words)}
	}
	if r, _, _, err = begin(); err != nil {
		return nil, err
	}
	r.info = Info{Source: f.Name(), Rows: rows, Shape: []int{width}, DType: "float32", Bytes: r.s.size}
	r.tally = o.Tally(rows, "word vectors", fmt.Sprint(width))
	r.number = func(row []float32, line []byte, at spot) error { return wordRow(row, line, at, o) }
	if !ids.Given() {
		return r, nil
	}
	r.info.IDs = "word"
	return namedLines{r, ids}, nil
}

// cutWord takes a line apart, into what comes before its last numbers, and these.
func cutWord(line []byte, numbers int) (word, rest []byte) {
	end := len(line)
	for range numbers {
		end = len(bytes.TrimRight(line[:end], asciiSpace))
		end = bytes.LastIndexAny(line[:end], " \t") + 1
	}
	return bytes.Trim(line[:end], asciiSpace), line[end:]
}

// wordRow writes the numbers of a line to a row.
func wordRow(row []float32, line []byte, at spot, o Options) error {
	word, rest := cutWord(line, len(row))
	i := 0
	for _, text := range wordFields(rest) {
		x, ok := (layout{}).number(text)
		if !ok {
			return at.bad("value %d is %q, which is not a number: a word and %d numbers are wanted", i, clip(text), len(row))
		}
		if err := at.value(row, i, x, text, o); err != nil {
			return err
		}
		i++
	}
	if len(word) == 0 {
		return at.bad("it has %d values, and no word before them: a word and %d numbers are wanted", i, len(row))
	}
	return nil
}
