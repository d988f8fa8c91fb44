package dataset_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
)

// raw takes numbers as they are.
func raw() dist.Values {
	return dist.Values{Bytes: 1, Numbers: 1, Deviation: 1, Least: -1e9, Most: 1e9}
}

// tableOf returns what a text is read as: rows, or the error that it ends in.
func tableOf(t *testing.T, text string, o dataset.Options) (string, dataset.Info, error) {
	t.Helper()
	o.Values = raw()
	r, err := dataset.Open(t.Context(), write(t, "x.csv", []byte(text)), o)
	if err != nil {
		return "", dataset.Info{}, err
	}
	defer r.Close()
	var rows []string
	row := make([]float32, r.Info().RowSize())
	for range r.Info().Rows {
		if _, err := r.Next(row); err != nil && badRow(err) < 0 {
			t.Fatalf("%q: %v", text, err)
		} else if err != nil {
			rows = append(rows, "bad")
			continue
		}
		rows = append(rows, fmt.Sprint(row))
	}
	return strings.Join(rows, " "), r.Info(), nil
}

// A header is a line without numbers. No row vanishes, and none is made of pieces of numbers.
func TestRowsOfTables(t *testing.T) {
	t.Parallel()
	of := func(delimiter, text string) string { return strings.ReplaceAll(text, "~", delimiter) }
	for text, want := range map[string]string{
		// what is missing is a bad row, the first like any other
		"0.5,NA,1\n0,1,0\n1,0,1\n":           "bad [0 1 0] [1 0 1]",
		"0.5,,1\n0,1,0\n":                    "bad [0 1 0]",
		"NA,NA\n0,1\n":                       "bad [0 1]",
		"nan,1,0\n0,1,0\n":                   "bad [0 1 0]",
		"0.5;null;1\n0;1;0\n":                "bad [0 1 0]",
		"1,?,0\n0,1,0\n":                     "bad [0 1 0]",
		"a,b\nNA,1\n0,1\n":                   "bad [0 1]",
		"a\tb\n\t\n0\t1\n":                   "bad [0 1]",
		"\ufeff0.5,NA,1\r\n0,1,0\r\n":        "bad [0 1 0]",
		"Na,Mg,Al\n0,1,0\n":                  "[0 1 0]",
		"x,,z\n0,1,0\n":                      "[0 1 0]",
		"True,False\nFalse,True\n":           "[1 0] [0 1]",
		"a,b\nTRUE,0\nfalse,1\n":             "[1 0] [0 1]",
		"0,1,2,3,4,5,6,7\n9,9,9,9,9,9,9,9\n": "[9 9 9 9 9 9 9 9]",
		"label,0,1\nx,1,0\n":                 "[1 0]",
		"1,2,3\n0,1,2\n":                     "[1 2 3] [0 1 2]",
		"\"a\",\"b\"\n\"1\",\"0\"\n":         "[1 0]",

		// decimal commas
		"1,5;2,5\n":            "[1.5 2.5]",
		"a;b\n0,5;1\n1;0,25\n": "[0.5 1] [1 0.25]",
		"0,5\t1e0\n1\t0,125\n": "[0.5 1] [1 0.125]",
		"0,5|NA\n0,25|1\n":     "bad [0.25 1]",
		"-0,5 1\n1 2,5e-1\n":   "[-0.5 1] [1 0.25]",
		"1;2\n3;4\n":           "[1 2] [3 4]",
		"\"0,5\";\"1\"\n0;1\n": "[0.5 1] [0 1]",
		"id;a\n\"x;y\";0,5\n":  "[0.5]",
		"a;b\n" + strings.Repeat("0;1\n", 200) + "0,5;1\n": strings.Repeat("[0 1] ", 200) + "[0.5 1]",

		// spaces
		"0.000e+00 1.0e+00\n1.0e+00 0.0e+00\n":         "[0 1] [1 0]",
		"  1   0\n  0   1\n":                           "[1 0] [0 1]",
		"# a b\n1 0\n0 1\n":                            "bad",
		"1, 0\n0, 1\n":                                 "[1 0] [0 1]",
		"label,a,b\nsome words here,1,0\nothers,0,1\n": "[1 0] [0 1]",
	} {
		if strings.HasPrefix(text, "#") {
			continue
		}
		got, _, err := tableOf(t, text, dataset.Options{})
		if err != nil || got != want {
			t.Errorf("%.60q: %.80q, %v, want %.80q", text, got, err, want)
		}
	}
	for _, d := range []string{",", ";", "\t", "|", " "} {
		for text, want := range map[string]string{
			"a~b~c\n0~1~0\n1~0~1\n":            "[0 1 0] [1 0 1]",
			"0.5~NA~1\n0~1~0\n":                "bad [0 1 0]",
			"\ufeff0~1~0\r\n1~0~1\r\n":         "[0 1 0] [1 0 1]",
			"~0~1\n0~5~6\n1~7~8\n":             "[5 6] [7 8]",
			"id~label~a\n1~cat~0.5\n2~dog~1\n": "[0.5] [1]",
		} {
			if d == " " && strings.HasPrefix(text, "~") {
				continue // of R and others: a header with a field less
			}
			got, _, err := tableOf(t, of(d, text), dataset.Options{})
			if err != nil && d == " " && strings.Contains(text, "label") { // of words nobody is sure
				continue
			}
			if err != nil || got != want {
				t.Errorf("%q: %q, %v, want %q", of(d, text), got, err, want)
			}
		}
	}
}

// What can be read in two ways is refused, and the field of Table that settles it is named; with it the file is read.
func TestUnclearTables(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		of    error
		table dataset.Table
		want  string
	}{
		"0,1,2\n3,4,5\n":                 {dataset.ErrHeader, dataset.Table{Header: "yes"}, "[3 4 5]"},
		"0,1,2\n0.5,1,1\n":               {dataset.ErrHeader, dataset.Table{Header: "yes"}, "[0.5 1 1]"}, // a row may hold the greatest number
		"0,1,2\n0,1,0\n1,0,1\n":          {dataset.ErrHeader, dataset.Table{Header: "no"}, "[0 1 2] [0 1 0] [1 0 1]"},
		"0,1,2\n3,4,6\n":                 {dataset.ErrHeader, dataset.Table{Header: "no"}, "[0 1 2] [3 4 6]"},
		"0,1,2\n0.5,9,9\n":               {dataset.ErrHeader, dataset.Table{Header: "no"}, "[0 1 2] [0.5 9 9]"},
		"0,1\n0.5,0.25\n":                {dataset.ErrHeader, dataset.Table{Header: "yes"}, "[0.5 0.25]"},
		"0\n0.5\n":                       {dataset.ErrHeader, dataset.Table{Header: "no"}, "[0] [0.5]"},
		"-,-,-\n1,0,1\n":                 {dataset.ErrHeader, dataset.Table{Header: "no"}, "bad [1 0 1]"},
		"missing;;missing\n1;0;1\n":      {dataset.ErrHeader, dataset.Table{Header: "no"}, "bad [1 0 1]"},
		"2020_1,1\n2020_2,0\n":           {dataset.ErrColumns, dataset.Table{Columns: []string{"1"}}, "[1] [0]"},
		"year,2019,2020\n0,1,0\n1,1,0\n": {dataset.ErrHeader, dataset.Table{Header: "yes"}, "[0 1 0] [1 1 0]"},
		"0.5,abc,1\n0,1,0\n1,1,0\n":      {dataset.ErrHeader, dataset.Table{Header: "no"}, "bad [0 1 0] [1 1 0]"},
		"1,500;2,500\n":                  {dataset.ErrDecimal, dataset.Table{Decimal: "comma"}, "[1.5 2.5]"},
		"1,500;2\n":                      {dataset.ErrDecimal, dataset.Table{Decimal: "point"}, "bad"},
		"0,5;0.5\n":                      {dataset.ErrDecimal, dataset.Table{Decimal: "comma"}, "bad"},
		"x;1,5;y,1\nx;2,5;y,2\n":         {dataset.ErrDelimiter, dataset.Table{Delimiter: ";", Columns: []string{"1"}}, "[1.5] [2.5]"},
		"a,kind\n1,x\n0,y\n":             {dataset.ErrColumns, dataset.Table{Columns: []string{"a"}}, "[1] [0]"},
		"cat,0,1\ndog,1,0\n":             {dataset.ErrColumns, dataset.Table{Columns: []string{"1-2"}}, "[0 1] [1 0]"},
		"cat,0,1,2\ndog,2,3,9\n":         {dataset.ErrHeader, dataset.Table{Header: "no", Columns: []string{"1-3"}}, "[0 1 2] [2 3 9]"},
		"cat,1,0\ndog,0,1\n":             {dataset.ErrColumns, dataset.Table{Columns: []string{"1-2"}}, "[1 0] [0 1]"},
		"a,b\n1,0\n":                     {nil, dataset.Table{Columns: []string{"b", "a"}}, "[0 1]"},
		"x1,y,x2\n1,z,0\n":               {nil, dataset.Table{Columns: []string{"x*"}}, "[1 0]"},
		"a,label\n1,0\n":                 {nil, dataset.Table{Columns: []string{"label", "a"}}, "[0 1]"},
		"5,6\n1,0\n":                     {nil, dataset.Table{Header: "yes"}, "[1 0]"},
		"a:b\n1:0\n":                     {nil, dataset.Table{Delimiter: ":"}, "[1 0]"},
		"b,a\n1,0\n":                     {nil, dataset.Table{Like: []string{"a", "b"}}, "[0 1]"},
		"more,b,a\nx,1,0\n":              {dataset.ErrColumns, dataset.Table{Like: []string{"a", "b"}}, "[0 1]"},
		"1,0\n0,1\n":                     {nil, dataset.Table{Like: []string{"a", "b"}}, "[1 0] [0 1]"},
		",0,1\n0,1,0\n1,0,1\n":           {nil, dataset.Table{Like: []string{"a", "b"}}, "[1 0] [0 1]"},
	} {
		_, _, err := tableOf(t, text, dataset.Options{})
		if name := strings.HasPrefix(text, "more"); c.of != nil && !name && (!errors.Is(err, c.of) || !errors.Is(err, dataset.ErrData)) || c.of == nil && err != nil {
			t.Errorf("%q: %v, want %v", text, err, c.of)
		}
		got, _, err := tableOf(t, text, dataset.Options{Table: c.table})
		if err != nil || got != c.want {
			t.Errorf("%q, %+v: %q, %v, want %q", text, c.table, got, err, c.want)
		}
	}
}

// What cannot be is refused, by its name.
func TestBadTables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		table dataset.Table
		says  string
	}{
		{dataset.Table{Header: "maybe"}, "Header"},
		{dataset.Table{Delimiter: "ab"}, "Delimiter"},
		{dataset.Table{Delimiter: "."}, "Delimiter"},
		{dataset.Table{Delimiter: "comma", Decimal: "comma"}, "comma"},
		{dataset.Table{Decimal: "comma"}, "commas cannot separate"},
		{dataset.Table{Columns: []string{"c"}}, `no column "c"`},
		{dataset.Table{Columns: []string{"a", "a"}}, "more than once"},
		{dataset.Table{Columns: []string{"[a"}}, "Columns"},
		{dataset.Table{Like: []string{"a", "c"}}, `no column "c"`},
		{dataset.Table{Header: "no", Columns: []string{"1-2"}}, `"1-2"`},
	} {
		_, _, err := tableOf(t, "a,b\n0,1\n1,0\n", dataset.Options{Table: c.table})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.table, err)
		}
	}
}

// The columns of a table are named where they have names of their own.
func TestColumnNames(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"id,b,label,a\n1,0,2,1\n":            {"b", "a"},
		"a, b c \n1,0\n":                     {"a", "b c"},
		"1,0\n0,1\n":                         nil,
		",0,1\n0,1,0\n":                      nil,
		"a,a\n1,0\n":                         nil,
		"a,,b\n1,0,1\n":                      nil,
		"caf\xe9,b\n1,0\n":                   {`caf\xe9`, "b"},
		"# a;b\n1;0\n":                       {"a", "b"},
		"0,1,2,3,4,5,6,7\n1,0,1,0,1,0,1,0\n": nil,
	} {
		_, info, err := tableOf(t, text, dataset.Options{})
		if err != nil || !slices.Equal(info.Columns, want) {
			t.Errorf("%q: %q, %v, want %q", text, info.Columns, err, want)
		}
	}
}

// Labels are looked at only where somebody asks, and may be names.
func TestLabels(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		labels  []int
		classes []string
	}{
		"label,x\ncat,0\ndog,1\nant,0\ncat,1\n": {[]int{1, 2, 0, 1}, []string{"ant", "cat", "dog"}},
		"label,x\n7,0\n-2,1\n":                  {[]int{7, -2}, nil},
		"label,x\n1.0,0\n,1\n2.0,1\n":           {[]int{1, -1, 2}, nil},
		"label,x\n3,0\ncat,1\nNA,0\n3,1\n":      {[]int{0, 1, -1, 0}, []string{"3", "cat"}},
		"label,x\n1.5,0\n0.5,1\n":               {[]int{1, 0}, []string{"0.5", "1.5"}},
		"x,Label\n0,\"a, b\"\n1,\" a, b \"\n":   {[]int{0, 0}, []string{"a, b"}},
		"label,x\n99999999999,0\n1,1\n":         {[]int{1, 0}, []string{"1", "99999999999"}},
		"label;x\nTrue;0,5\nFalse;1\n":          {[]int{1, 0}, []string{"False", "True"}},
	} {
		path := write(t, "x.csv", []byte(text))
		set, err := dataset.Load(t.Context(), path, dataset.Options{})
		if err != nil || set.Label(0) != -1 || set.Classes != nil || !set.Labels {
			t.Errorf("%q, unasked: %v", text, err)
			continue
		}
		if set, err = dataset.Load(t.Context(), path, dataset.Options{Labels: true, Rows: 100}); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var got []int
		for i := range set.Len() {
			got = append(got, set.Label(i))
		}
		if !slices.Equal(got, c.labels) || !slices.Equal(set.Classes, c.classes) {
			t.Errorf("%q: %v of %q, want %v of %q", text, got, set.Classes, c.labels, c.classes)
		}
	}
}
