package configkey

import (
	"math"
	"testing"
)

func TestRange(t *testing.T) {
	for _, c := range []struct {
		text string
		in   []float64
		out  map[float64]string
	}{
		{"[0,1]", []float64{0, 0.5, 1}, map[float64]string{-0.1: "is -0.1: use a number from 0, up to 1", 1.5: "is 1.5: use a number from 0, up to 1"}},
		{"(0,1)", []float64{0.5}, map[float64]string{0: "is 0: use a number above 0, below 1", 1: "is 1: use a number above 0, below 1"}},
		{"[-1,1e12]", []float64{-1, 1e12}, map[float64]string{math.Inf(1): "is +Inf: use a number from -1, up to 1e+12"}},
	} {
		r, ok := ParseRange(c.text)
		if !ok {
			t.Fatalf("%s cannot be read", c.text)
		}
		for _, x := range append(c.in, r.Least+(r.Most-r.Least)/3) {
			if err := r.Check(x); err != nil {
				t.Errorf("%s: %v", c.text, err)
			}
		}
		for x, want := range c.out {
			if err := r.Check(x); err == nil || err.Error() != want {
				t.Errorf("%s: %v, want %s", c.text, err, want)
			}
		}
		if r.Check(math.NaN()) == nil {
			t.Errorf("%s takes what is no number", c.text)
		}
	}
	for _, text := range []string{"", "[1]", "[a,b]"} {
		if _, ok := ParseRange(text); ok {
			t.Errorf("%q is a range", text)
		}
	}
}

func TestIndex(t *testing.T) {
	for path, want := range map[string]struct {
		index int
		rest  string
	}{"layers[1].conv.kernel": {1, "conv.kernel"}, "layers[0]": {0, ""}, "layers[-1].x": {-1, "x"}} {
		if index, rest, err := Index("layers", path); err != nil || index != want.index || rest != want.rest {
			t.Errorf("%s: %d, %q, %v", path, index, rest, err)
		}
	}
	for _, path := range []string{"", "layers", "layers[", "layers[a]", "layer[0]", "layers[0]x"} {
		if _, _, err := Index("layers", path); err == nil {
			t.Errorf("%q is a place", path)
		}
	}
}

func TestJSON(t *testing.T) {
	for text, want := range map[string]string{"3": "3", "true": "true", `{"a":1}`: `{"a":1}`, "3,5": "[3,5]", "3x5": "[3,5]", "edge": `"edge"`, "": "[]", "a\"b": `"a\"b"`} {
		if got := string(JSON(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
