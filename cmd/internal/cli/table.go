package cli

import "github.com/catvae/catvae/dataset"

// Table are the flags that say how the text of a table is read, and which of its columns are values.
type Table struct {
	Header      string   `help:"Of CSV: whether the first line names the columns; auto: it does where it has no numbers, or counts columns as pandas does." default:"auto" enum:"auto,yes,no"`
	Delimiter   string   `help:"Of CSV: what separates fields: comma, semicolon, tab, pipe, space or a character; auto finds out." default:"auto" placeholder:"CHAR"`
	Decimal     string   `help:"Of CSV: what comes before fractions; auto finds out." default:"auto" enum:"auto,point,comma"`
	FirstColumn string   `help:"Of LIBSVM's text: the number of the first column; auto: that of the training rows, else 0 where a column has that number, else 1." default:"auto" enum:"auto,0,1"`
	Columns     []string `help:"Of CSV and Parquet: the columns that are values, in this order, with commas between them: names, patterns such as 'pixel*', or where none have names numbers from 0 and ranges such as 1-784. Without it they are those that the model was trained on, by their names, or all except label and id." placeholder:"NAME,..."`
}

// Table returns the flags as package dataset has them.
func (t Table) Table() dataset.Table {
	o := dataset.Table{Columns: t.Columns}
	for _, f := range []struct {
		flag string
		to   *string
	}{{t.Header, &o.Header}, {t.Delimiter, &o.Delimiter}, {t.Decimal, &o.Decimal}, {t.FirstColumn, &o.FirstColumn}} {
		if f.flag != dataset.Auto {
			*f.to = f.flag
		}
	}
	return o
}
