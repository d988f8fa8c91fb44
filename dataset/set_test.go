package dataset_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/datatest"
)

// floatsNPY returns a file of float32 rows.
func floatsNPY(t *testing.T, values []float32, shape ...int) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := dataset.NewNPYWriter(&buf, "float32", shape...)
	if err == nil {
		err = errors.Join(w.WriteFloats(values), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// bytesNPY returns a file of uint8 rows.
func bytesNPY(t *testing.T, values []byte, shape ...int) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := dataset.NewNPYWriter(&buf, "uint8", shape...)
	if err == nil {
		err = errors.Join(w.WriteBytes(values), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// csvOf returns rows as text.
func csvOf[T byte | float32](values []T, width int) []byte {
	var b strings.Builder
	for i, x := range values {
		fmt.Fprint(&b, x)
		b.WriteString(map[bool]string{true: "\n", false: ","}[i%width == width-1])
	}
	return []byte(b.String())
}

// Equal rows are equal sets whatever type the file has: the same bytes, the same values, the same fingerprint, and the same bad
// rows.
func TestContainersAgree(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values  []float32 // of rows of three
		divisor float64
	}{
		"terms":          {[]float32{0, 1, 1, 0, 0, 0, 1, 0, 1}, 1},
		"pixels":         {[]float32{0, 255, 7, 128, 1, 2, 99, 0, 254}, 255},
		"counts":         {[]float32{0, 1, 7, 3, 1, 2, 0, 0, 5}, 7},
		"no whole":       {[]float32{0, 1, 7, 3, 1, 2, 0, 0, 5}, 7.3},
		"out of range":   {[]float32{0, 1, 7, 3, 1, 2, 0, 0, 5}, 5},
		"large divisor":  {[]float32{0, 1, 7, 3, 1, 2, 0, 0, 5}, 1 << 25},
		"negative zeros": {[]float32{0, 1, 1, float32(math.Copysign(0, -1)), 0, 0, 1, 0, 1}, 1},
	} {
		var raw []byte
		for _, x := range c.values {
			raw = append(raw, byte(x))
		}
		rule := dist.Unit().Alike(c.divisor, true)
		var want *dataset.Set
		for _, file := range []struct {
			name string
			data []byte
		}{
			{"x.npy", bytesNPY(t, raw, 3, 3)}, {"f.npy", floatsNPY(t, c.values, 3, 3)}, {"x.csv", csvOf(c.values, 3)}, {"x.idx", datatest.IDX(raw, 3, 3)},
		} {
			path := write(t, file.name, file.data)
			set, err := dataset.Load(t.Context(), path, dataset.Options{Values: rule, MaxBad: 0.5})
			if err != nil {
				t.Fatalf("%s, %s: %v", name, file.name, err)
			}
			if later, err := dataset.Load(t.Context(), path, dataset.Options{Values: dist.Raw(), MaxBad: 0.5}); err != nil {
				t.Fatal(err)
			} else if later, err = later.Scaled(rule); err != nil || later.Fingerprint() != set.Fingerprint() || !slices.Equal(valuesOf(later), valuesOf(set)) {
				t.Errorf("%s, %s: scaled later it is another set (%v)", name, file.name, err)
			}
			if want == nil {
				want = set
			}
			if set.Bytes(0) == nil || set.Fingerprint() != want.Fingerprint() || !slices.Equal(valuesOf(set), valuesOf(want)) || len(set.Bad()) != len(want.Bad()) || set.Origin(set.Len()-1) != want.Origin(want.Len()-1) {
				t.Errorf("%s, %s: %v, bad %v, want %v, bad %v", name, file.name, valuesOf(set), set.Bad(), valuesOf(want), want.Bad())
			}
			r, err := dataset.Open(t.Context(), path, dataset.Options{Values: rule})
			if err != nil {
				t.Fatal(err)
			}
			row := make([]float32, 3)
			for i := range set.Len() + len(set.Bad()) {
				_, err := r.Next(row)
				if j := slices.IndexFunc(set.Bad(), func(e error) bool { return badRow(e) == i }); j >= 0 {
					if badRow(err) != i || !strings.HasSuffix(err.Error(), set.Bad()[j].Error()[strings.Index(set.Bad()[j].Error(), "row"):]) {
						t.Errorf("%s, %s: %v, the set says %v", name, file.name, err, set.Bad()[j])
					}
				} else if err != nil {
					t.Errorf("%s, %s: %v", name, file.name, err)
				}
			}
			r.Close()
		}
	}
}

func valuesOf(s *dataset.Set) (rows []float32) {
	row := make([]float32, s.RowSize())
	for i := range s.Len() {
		s.Row(i, row)
		rows = append(rows, row...)
	}
	return rows
}

// Floats and text of the same numbers agree, too: a number is a float32 before it is divided.
func TestFloatsAgree(t *testing.T) {
	t.Parallel()
	values := []float32{0, 0.1, 0.7, 1.0 / 3, 0.9, 0.2}
	rule := dist.Unit().Alike(3, false)
	a, err := dataset.Load(t.Context(), write(t, "f.npy", floatsNPY(t, values, 2, 3)), dataset.Options{Values: rule})
	if err != nil {
		t.Fatal(err)
	}
	b, err := dataset.Load(t.Context(), write(t, "x.csv", csvOf(values, 3)), dataset.Options{Values: rule})
	if err != nil {
		t.Fatal(err)
	}
	if a.Fingerprint() != b.Fingerprint() || a.Bytes(0) != nil {
		t.Errorf("%v and %v", valuesOf(a), valuesOf(b))
	}
}

// The extent is that of the numbers in the file, and names the first place of each.
func TestExtent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values []float32
		want   dataset.Extent
	}{
		"whole":     {[]float32{3, 0, 9, 9}, dataset.Extent{Most: 9, LeastAt: dataset.Place{0, 1}, MostAt: dataset.Place{1, 0}, Whole: true}},
		"fractions": {[]float32{1, 0.5, -2, 0.25}, dataset.Extent{Least: -2, LeastAt: dataset.Place{1, 0}, Most: 1, Fraction: 0.5, FractionAt: dataset.Place{0, 1}}},
	} {
		set, err := dataset.Load(t.Context(), write(t, "x.csv", csvOf(c.values, 2)), dataset.Options{Values: dist.Raw()})
		if err != nil {
			t.Fatal(err)
		}
		if got := set.Extent(); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// Fractions are bad rows where the rule divides whole numbers, and only there; numbers that are none always are.
func TestWholeNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule dist.Values
		text string
		want string // of the error, "" for none
	}{
		{dist.Unit().Alike(255, true), "0,255\n0.5,1\n", "row 1, column 0 is 0.5, a fraction: numbers are divided by 255, and values must lie in [0,1]: the model was trained on whole numbers"},
		{dist.Unit().Alike(255, false), "0,255\n0.5,1\n", ""},
		{dist.Unit().Alike(1, true), "1,0\n0.5,1\n", ""},
		{dist.Unit().Alike(1, true), "0,1\n0,255\n", "row 1, column 1 is 255: numbers are divided by 1, and values must lie in [0,1]: pixels of 0 to 255 are divided by 255"},
		{dist.Unit().Alike(7, true), "0,1\n0,8\n", "row 1, column 1 is 8, which becomes 1.1428572: numbers are divided by 7"},
		{dist.Unit().Alike(255, true), "0,1\n0,-1\n", "row 1, column 1 is -1, which becomes -0.003921569"},
		{dist.Raw(), "0,1\n0,inf\n", "row 1, column 1 is inf: values must be finite numbers"},
		{dist.Raw(), "0,1\n0,1e300\n", "values must be finite numbers"},
		{dist.Raw(), "0,1\n0,NaN\n", "row 1, column 1 is NaN: values must be finite numbers"},
	} {
		for _, file := range []string{"x.csv", "x.npy"} {
			data := []byte(c.text)
			if file == "x.npy" {
				if strings.ContainsAny(c.text, "eN") {
					continue
				}
				var values []float32
				for _, word := range strings.Fields(strings.ReplaceAll(c.text, ",", " ")) {
					var x float32
					fmt.Sscan(word, &x)
					values = append(values, x)
				}
				data = floatsNPY(t, values, 2, 2)
			}
			_, err := dataset.Load(t.Context(), write(t, file, data), dataset.Options{Values: c.rule})
			want := c.want
			if file == "x.npy" {
				want = strings.ReplaceAll(want, "inf", "+Inf")
			}
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || badRow(err) != 1) {
				t.Errorf("%s: %q: %v, want %q", file, c.text, err, want)
			}
		}
	}
}

// Rows that are chosen have the values, labels and origins that they had; chosen again, too.
func TestSelect(t *testing.T) {
	t.Parallel()
	text := "label,a,b\n0,0,1\n1,NA,1\n2,1,0\n3,1,1\n4,2,2\n5,0,0\n"
	set, err := dataset.Load(t.Context(), write(t, "x.csv", []byte(text)), dataset.Options{Values: dist.Unit().Alike(1, true), MaxBad: 0.34, Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	if set.Len() != 4 || len(set.Bad()) != 2 || badRow(set.Bad()[0]) != 1 || badRow(set.Bad()[1]) != 4 {
		t.Fatalf("%d rows, bad %v", set.Len(), set.Bad())
	}
	some := set.Select([]int{3, 1, 2}).Slice(1, 3)
	if some.Len() != 2 || some.Label(0) != 2 || some.Origin(0) != 2 || some.Origin(1) != 3 || !slices.Equal(valuesOf(some), []float32{1, 0, 1, 1}) || !slices.Equal(some.Bytes(0), []byte{1, 0}) {
		t.Errorf("%+v", some)
	}
	if set.Select([]int{0, 1, 2, 3}).Fingerprint() != set.Fingerprint() || set.Slice(0, 3).Fingerprint() == set.Fingerprint() {
		t.Error("the fingerprint is of something other than the rows")
	}
}

// Bad rows are passed over up to the ratio that is given, and end the reading beyond it.
func TestMaxBad(t *testing.T) {
	t.Parallel()
	path := write(t, "x.csv", []byte("0,1\nx,1\n1,0\n1,y\n0,0\n"))
	for _, c := range []struct {
		ratio float64
		want  string
	}{
		{0, `row 1: column 0 is "x"`}, {0.2, "more than 1 bad rows, of which so many may be passed over, the first: "}, {0.4, ""}, {1, ""}, {1.5, "use 0 to 1"}, {math.NaN(), "use 0 to 1"},
	} {
		for _, rule := range []dist.Values{{}, dist.Raw()} {
			set, err := dataset.Load(t.Context(), path, dataset.Options{MaxBad: c.ratio, Values: rule})
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%g: %v, want %q", c.ratio, err, c.want)
				}
				continue
			}
			if err != nil || set.Len() != 3 || set.Origin(1) != 2 || set.Origin(2) != 4 || len(set.Bad()) != 2 {
				t.Errorf("%g: %+v, %v", c.ratio, set, err)
			}
		}
	}
	if _, err := dataset.Load(t.Context(), write(t, "y.csv", []byte("x,1\ny,1\n")), dataset.Options{MaxBad: 1}); err == nil {
		t.Error("a set without rows is loaded")
	}
}
