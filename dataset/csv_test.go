package dataset_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
)

func TestCSV(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text   string
		divide float64
		want   string // rows with their labels
	}{
		"numbers":               {"0,0.5\n1,0.25\n", 0, "[0 0.5]-1 [1 0.25]-1"},
		"no end of line":        {"0,0.5\n1,0.25", 0, "[0 0.5]-1 [1 0.25]-1"},
		"one value":             {"1", 0, "[1]-1"},
		"header":                {"a,b\n0,0.5\n", 0, "[0 0.5]-1"},
		"label and id":          {"Id,a,LABEL,b\nx,0,-7,0.5\n\"y,\"\"z\n\",1,8,0\n", 0, "[0 0.5]-7 [1 0]8"},
		"label":                 {"a, Label ,b\n0, 3 ,0.5\n1,4,0\n", 0, "[0 0.5]3 [1 0]4"},
		"quotes":                {"\"a\",\"label\"\n\"0.5\",\"12\"\n", 0, "[0.5]12"},
		"quoted header of two":  {"\"a\nb\",c\n1,0\n", 0, "[1 0]-1"},
		"CRLF and blank lines":  {"\r\na,b\r\n\r\n0,1\r\n \r\n1,0\r\n\r\n", 0, "[0 1]-1 [1 0]-1"},
		"byte order mark":       {"\ufeff0,1\n1,0\n", 0, "[0 1]-1 [1 0]-1"},
		"mark before a header":  {"\ufefflabel,a\n5,0\n", 0, "[0]5"},
		"mark before a quote":   {"\ufeff\"0\",1\n", 0, "[0 1]-1"},
		"pixels":                {"0,255,51\n", 255, "[0 1 0.2]-1"},
		"exponents and spaces":  {" 1e-1 ,\t5E-1\n", 0, "[0.1 0.5]-1"},
		"lines over the buffer": {strings.Repeat("0,", 300_000) + "1\n" + strings.Repeat("1,", 300_000) + "0\n", 0, "long"},
		"long names":            {"a,b" + strings.Repeat("x", 5<<20) + ",label\n0,1,7\n", 0, "[0 1]7"},
	} {
		set, err := dataset.Load(t.Context(), write(t, "x.csv", []byte(c.text)), dataset.Options{Values: divided(c.divide), Labels: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		row := make([]float32, set.RowSize())
		for i := range set.Len() {
			set.Row(i, row)
			got = append(got, fmt.Sprint(row, set.Label(i)))
		}
		if c.want == "long" {
			if set.RowSize() != 300_001 || set.Len() != 2 {
				t.Errorf("%s: %v", name, set.Info)
			}
		} else if text := strings.ReplaceAll(strings.Join(got, " "), "] ", "]"); text != strings.ReplaceAll(c.want, "] ", "]") {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
	}
}

func isRow(err error, row int, parts ...string) bool {
	var bad *dataset.RowError
	var outside *dataset.ValueError
	if !errors.As(err, &bad) && !errors.As(err, &outside) || badRow(err) != row {
		return false
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			return false
		}
	}
	return true
}

// Every bad line is named, as an editor counts them, with what is wrong in it.
func TestBadLines(t *testing.T) {
	t.Parallel()
	for line, reason := range map[string]string{
		"1,0":        "another number of fields than the first line, which has 3",
		"1":          "another number of fields",
		"1,0,1,0":    "another number of fields",
		"1,0,1,0,1":  "another number of fields",
		"1,0,1,":     "another number of fields",
		"1,0,":       `column 2 is ""`,
		"1,0,x":      `column 2 is "x", which is not a number (its name: "b")`,
		"1,0,NaN":    "column 2 is NaN: values must lie in [0,1]",
		"1,0,inf":    "column 2 is inf: values",
		"1,-0.1,0":   "column 1 is -0.1, which becomes -0.05: values",
		"1,2.1,0":    "column 1 is 2.1, which becomes 1.05: values must lie in [0,1]",
		"1,1e999,0":  "column 1 is \"1e999\"",
		`1,"0,1",1`:  `column 1 is "0,1"`,
		`1,0"1,1`:    "it is no CSV",
		"1,\"0\n\",": `column 2 is ""`,
	} {
		text := "label,a,b\n1,0,1\n\n\r\n" + line + "\n\n2,0,2\n"
		bad := 5
		if strings.Contains(line, `0"1`) { // takes the rest of the file with it
			text = strings.TrimSuffix(text, "\n\n2,0,2\n") + "\"\n\n2,0,2\n"
		}
		for _, data := range [][]byte{[]byte(text), packed(t, []byte(text))} {
			r, err := dataset.Open(t.Context(), write(t, "x.csv", data), dataset.Options{Values: divided(2), Labels: true})
			if err != nil {
				t.Errorf("%q: %v", line, err)
				continue
			}
			row := make([]float32, 2)
			_, err1 := r.Next(row)
			_, err2 := r.Next(row)
			label, err3 := r.Next(row)
			_, err4 := r.Next(row)
			if err1 != nil || !isRow(err2, 1, fmt.Sprintf("line %d: ", bad), reason) || err3 != nil || label != 2 || row[1] != 1 || !errors.Is(err4, io.EOF) {
				t.Errorf("%q: %v, %v, %d %v %v, %v", line, err1, err2, label, row, err3, err4)
			}
			r.Close()
		}
	}
}

func TestNoCSV(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a,b\n", "label,id\n1,2\n", "\n\n", "some text", "\"a\n", strings.Repeat(",", 1<<24+2)} {
		if _, err := dataset.Open(t.Context(), write(t, "x.csv", []byte(text)), dataset.Options{}); !errors.Is(err, dataset.ErrData) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	for _, divide := range []float64{-1, inf, -inf, inf - inf} {
		if _, err := dataset.Open(t.Context(), "testdata/pandas.csv", dataset.Options{Values: divided(divide)}); err == nil {
			t.Errorf("divided by %g", divide)
		}
	}
}

var inf = math.Inf(1)
