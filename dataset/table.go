package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/internal/visible"
)

// Table says how the text of a table is read, and which of its columns are values. The zero value finds out, and refuses what could
// be read in two ways. Parquet knows Columns, Like and LikeSum alone.
type Table struct {
	// Header says whether the first line names the columns: "yes", "no", or "auto", which "" means as well. By auto it does where no
	// field of it is a number, or where it counts eight columns or more from 0, as pandas calls columns that have no names. Where it
	// counts fewer it may be a row, and is refused.
	Header string `json:"header,omitempty"`
	// Delimiter is what separates fields: a character, one of the words comma, semicolon, tab, pipe and space, or "auto", which ""
	// means as well. Of spaces several in a row are one.
	Delimiter string `json:"delimiter,omitempty"`
	// Decimal is what comes before the fraction of a number: "point", "comma", or "auto", which "" means as well.
	Decimal string `json:"decimal,omitempty"`
	// Columns are the values, in this order: names, patterns of path.Match such as "pixel*", and, where no header names the columns,
	// numbers from 0 and ranges of them such as "1-784". None means all columns except label and id.
	Columns []string `json:"columns,omitempty"`
	// FirstColumn is the number of the first column in LIBSVM's text: "0", "1", or "auto", which "" means as well. By auto it is what a
	// comment of scikit-learn's says, 0 where a column has that number, and else 1, as LIBSVM has it; for a model, whose rows have more
	// values, it is refused.
	FirstColumn string `json:"first_column,omitempty"`
	// Like are the names that columns had elsewhere, such as in training. Where the columns of this table have names too, the values
	// are those of these names, in this order, and others are passed over. Columns go before it.
	Like []string `json:"-"`
	// LikeSum is the [SumOfNames] of names that are too many to be kept as Like. Where the columns of this table have names too, the
	// values must have these names, in this order. Columns go before it.
	LikeSum string `json:"-"`
}

// SumOfNames is the SHA-256 of the names of columns in their order.
func SumOfNames(names []string) string {
	h := sha256.New()
	for _, name := range names {
		fmt.Fprintf(h, "%d:%s,", len(name), name)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// The words of [Table].
const (
	Auto = "auto"
	Yes  = "yes"
	No   = "no"

	DecimalPoint = "point"
	DecimalComma = "comma"
)

// These errors are wrapped where a table can be read in two ways, or not in the way that was found: each names the field of [Table]
// that settles it. They wrap [ErrData].
var (
	ErrHeader      = fmt.Errorf("%w: Table.Header", ErrData)
	ErrDelimiter   = fmt.Errorf("%w: Table.Delimiter", ErrData)
	ErrDecimal     = fmt.Errorf("%w: Table.Decimal", ErrData)
	ErrFirstColumn = fmt.Errorf("%w: Table.FirstColumn", ErrData)
	ErrColumns     = fmt.Errorf("%w: Table.Columns", ErrData)
)

// delimiters are the words for what separates fields, in the order in which they are tried.
var delimiters = []struct {
	word string
	is   byte
}{{"comma", ','}, {"semicolon", ';'}, {"tab", '\t'}, {"pipe", '|'}, {"space", ' '}}

// Delimiters returns the words for what separates fields.
func Delimiters() (words []string) {
	for _, d := range delimiters {
		words = append(words, d.word)
	}
	return words
}

// Check reports words that no field has.
func (t Table) Check() error {
	if !slices.Contains([]string{"", Auto, Yes, No}, t.Header) {
		return fmt.Errorf("Table.Header is %q: use %s, %s or %s", t.Header, Auto, Yes, No)
	}
	if !slices.Contains([]string{"", Auto, DecimalPoint, DecimalComma}, t.Decimal) {
		return fmt.Errorf("Table.Decimal is %q: use %s, %s or %s", t.Decimal, Auto, DecimalPoint, DecimalComma)
	}
	if !slices.Contains([]string{"", Auto, "0", "1"}, t.FirstColumn) {
		return fmt.Errorf("Table.FirstColumn is %q: use %s, 0 or 1", t.FirstColumn, Auto)
	}
	d, err := t.delimiter()
	if err != nil {
		return err
	}
	if d == ',' && t.Decimal == DecimalComma {
		return errors.New("Table.Delimiter and Table.Decimal are both a comma: fields and fractions could not be told apart")
	}
	for _, c := range t.Columns {
		if _, err := path.Match(c, ""); err != nil {
			return fmt.Errorf("Table.Columns has %q: %w", c, err)
		}
	}
	return nil
}

// delimiter returns the character of Delimiter, 0 for auto.
func (t Table) delimiter() (byte, error) {
	if t.Delimiter == "" || t.Delimiter == Auto {
		return 0, nil
	}
	for _, d := range delimiters {
		if t.Delimiter == d.word {
			return d.is, nil
		}
	}
	if t.Delimiter == `\t` {
		return '\t', nil
	}
	if len(t.Delimiter) == 1 && (t.Delimiter[0] == '\t' || t.Delimiter[0] >= ' ' && t.Delimiter[0] < 0x7f) && !strings.ContainsAny(t.Delimiter, `"+-.0123456789`) {
		return t.Delimiter[0], nil
	}
	return 0, fmt.Errorf("Table.Delimiter is %q: use %s, a character, or one of the words %s", t.Delimiter, Auto, enumerate("and", Delimiters()))
}

// auto reports a word that leaves the decision to the reader.
func auto(word string) bool { return word == "" || word == Auto }

// Chosen says what the columns of a table are.
type Chosen struct {
	Values []int    // numbers of columns, in the order of a row's values
	Names  []string // of Values; nil where not all have names of their own
	Label  int      // the column of labels, -1 where there is none
	ID     int      // the column of ids, -1 where there is none
}

// IndexColumn is how the names begin that pandas gives to the columns of an index without a name.
const IndexColumn = "__index_level_"

// Choose chooses among columns by their names. Columns called label and id, in any case, are no values, and neither is an index as
// pandas writes it: a first column without a name, or one called __index_level_0__. numbered says that the names are numbers for
// want of others.
func (t Table) Choose(file string, names []string, numbered bool) (Chosen, error) {
	c := Chosen{Label: -1, ID: -1}
	var all []int
	for i, name := range names {
		switch name = strings.ToLower(strings.TrimSpace(name)); {
		case name == "label":
			c.Label = i
		case name == "id":
			c.ID = i
		case name == "" && i == 0 || strings.HasPrefix(name, IndexColumn):
			if c.ID < 0 {
				c.ID = i
			}
		default:
			all = append(all, i)
		}
	}
	refuse := func(of error, format string, args ...any) (Chosen, error) {
		return Chosen{}, &UnsupportedError{File: file, Of: of, Reason: fmt.Sprintf(format, args...)}
	}
	c.Values = all
	if len(t.Columns) > 0 {
		c.Values = nil
		for _, wanted := range t.Columns {
			found, err := columnsOf(names, all, wanted, numbered)
			if err != nil {
				return refuse(ErrColumns, "%v", err)
			}
			c.Values = append(c.Values, found...)
		}
		sorted := slices.Sorted(slices.Values(c.Values))
		if len(slices.Compact(sorted)) != len(c.Values) {
			return refuse(ErrColumns, "its columns are chosen more than once: give each once")
		}
		if slices.Contains(c.Values, c.Label) {
			c.Label = -1
		}
		if slices.Contains(c.Values, c.ID) {
			c.ID = -1
		}
	}
	c.Names = c.named(names, numbered)
	if len(t.Like) > 0 && len(t.Columns) == 0 && c.Names != nil {
		at := map[string]int{}
		for i, name := range c.Names {
			at[name] = c.Values[i]
		}
		values := make([]int, len(t.Like))
		for i, name := range t.Like {
			column, ok := at[name]
			if !ok {
				return refuse(ErrColumns, "it has no column %q, which the model was trained on: its columns are %s: name those that are meant, in the order of %s", visible.Name(name), listed(c.Names), listed(t.Like))
			}
			values[i] = column
		}
		c.Values, c.Names = values, t.Like
	}
	if t.LikeSum != "" && len(t.Columns) == 0 && c.Names != nil && SumOfNames(c.Names) != t.LikeSum {
		return refuse(ErrColumns, "its columns are not those that the model was trained on, in their order, whose names are too long to be kept: its columns are %s: name those that are meant, in the order of training", listed(c.Names))
	}
	return c, nil
}

// named returns the names of the chosen columns as UTF-8, nil where some have none or two the same.
func (c Chosen) named(names []string, numbered bool) []string {
	if numbered {
		return nil
	}
	seen := map[string]bool{"": true}
	var chosen []string
	for _, i := range c.Values {
		name := nameOf(names[i])
		if seen[name] {
			return nil
		}
		seen[name] = true
		chosen = append(chosen, name)
	}
	return chosen
}

// nameOf returns a column's name as UTF-8.
func nameOf(name string) string { return visible.EscapeID(strings.TrimSpace(name)) }

// columnsOf returns the columns that a name means, or a pattern among those that may be values, or a range of numbers.
func columnsOf(names []string, all []int, wanted string, numbered bool) (found []int, err error) {
	for i, name := range names {
		if nameOf(name) == strings.TrimSpace(wanted) {
			found = append(found, i)
		}
	}
	if len(found) > 1 {
		return nil, fmt.Errorf("it has %d columns called %q", len(found), visible.Name(wanted))
	}
	if from, to, ok := strings.Cut(wanted, "-"); ok && numbered {
		a, err1 := strconv.Atoi(strings.TrimSpace(from))
		b, err2 := strconv.Atoi(strings.TrimSpace(to))
		if err1 != nil || err2 != nil || a < 0 || b < a || b >= len(names) {
			return nil, fmt.Errorf("its columns are 0 to %d: %q are none of them", len(names)-1, visible.Name(wanted))
		}
		for i := a; i <= b; i++ {
			found = append(found, i)
		}
	}
	if len(found) == 0 && strings.ContainsAny(wanted, wild) {
		for _, i := range all {
			if fits, _ := path.Match(wanted, nameOf(names[i])); fits { // Check has tried the pattern
				found = append(found, i)
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("it has no column %q: its columns are %s", visible.Name(wanted), listed(names))
	}
	return found, nil
}

// listed quotes names for errors, the first and last of many.
func listed(names []string) string {
	const some = 5
	var quoted []string
	for i, name := range names {
		if len(names) > 2*some && i == some {
			quoted = append(quoted, "…")
		}
		if len(names) <= 2*some || i < some || i >= len(names)-1 {
			quoted = append(quoted, strconv.Quote(visible.Name(name)))
		}
	}
	return strings.Join(quoted, ", ")
}

// nothing are the texts, in lower case, that stand for a value that is missing: those that pandas takes for it.
var nothing = []string{"", "na", "n/a", "nan", "-nan", "null", "none", "<na>", "#n/a", "#na", "#n/a n/a", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "?"}

// absent reports a text that stands for no value.
func absent(field string) bool {
	return len(field) <= 8 && slices.Contains(nothing, strings.ToLower(field))
}
