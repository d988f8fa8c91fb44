package train

import (
	"encoding/json"
	"fmt"

	"github.com/catvae/catvae/dataset"
)

// Table says how the text of a table is read, and which of its columns are values: see [dataset.Table].
type Table struct {
	Header      string   `json:"header,omitempty" doc:"of CSV only: whether the first line names the columns; left out or auto: it does where it has no numbers" when:"whenever training says that it cannot tell" oneof:"headers"`
	Delimiter   string   `json:"delimiter,omitempty" doc:"of CSV only: what separates fields: comma, semicolon, tab, pipe, space or a character; left out or auto: found from the lines" when:"whenever training says that it cannot tell"`
	Decimal     string   `json:"decimal,omitempty" doc:"of CSV only: what comes before fractions: point or comma; left out or auto: found from the numbers" when:"whenever training says that it cannot tell" oneof:"decimals"`
	Columns     []string `json:"columns,omitempty" doc:"of CSV and Parquet only: the columns that are values, in this order: names, patterns such as pixel*, and where columns have no names numbers from 0 and ranges such as 1-784; left out: all except label and id" when:"where some columns are no values: texts, dates, targets"`
	FirstColumn string   `json:"first_column,omitempty" doc:"of LIBSVM's text only: the number of the first column; left out or auto: 0 where a column has that number, else 1; training writes it" when:"where the file counts from 0 and no row has a number in its first column" oneof:"first_columns"`
	Names       []string `json:"names,omitempty" doc:"what the columns of a row's values are called; training writes it, and infer and eval take columns by these names" when:"never by hand"`
	NamesSum    string   `json:"names_sha256,omitempty" doc:"SHA-256 of those names where they are too long to be kept: infer and eval then want the same columns in the same order" when:"never by hand"`
}

// mostNames bounds the bytes of the names that a configuration and a manifest keep, as JSON: 100,000 names of 30 characters fit.
const mostNames = 4 << 20

// indented is what a name has around it in a file.
const indented = 10

// options returns the table as package dataset has it.
func (t Table) options() dataset.Table {
	return dataset.Table{Header: t.Header, Delimiter: t.Delimiter, Decimal: t.Decimal, Columns: t.Columns, Like: t.Names, LikeSum: t.NamesSum, FirstColumn: t.FirstColumn}
}

// named returns the table with the names of the columns that a set was made of, or with their sum where they are too long.
func (t Table) named(set *dataset.Set) Table {
	size := 0
	for _, name := range set.Columns {
		text, _ := json.Marshal(name) // a text always can be
		size += len(text) + indented
	}
	if t.Names, t.NamesSum = set.Columns, ""; size > mostNames {
		t.Names, t.NamesSum = nil, dataset.SumOfNames(set.Columns)
	}
	return t
}

func (t Table) validate() error {
	if err := t.options().Check(); err != nil {
		return fmt.Errorf("train: data.table: %w: %w", err, ErrConfig)
	}
	return nil
}

// canonical is the table without what may be left out.
func (t Table) canonical() Table {
	for _, word := range []*string{&t.Header, &t.Delimiter, &t.Decimal, &t.FirstColumn} {
		if *word == dataset.Auto {
			*word = ""
		}
	}
	t.Names, t.NamesSum = nil, ""
	return t
}
