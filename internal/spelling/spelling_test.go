package spelling

import "testing"

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"conv", "conv", 0}, {"covn", "conv", 2}, {"kitten", "sitting", 3}, {"dens", "dense", 1}} {
		if got := Distance(c.a, c.b); got != c.want || Distance(c.b, c.a) != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestSuggest(t *testing.T) {
	words := []string{"affine", "blur", "crop"}
	for name, want := range map[string]string{
		"afine": "did you mean affine? Use affine, blur or crop",
		"Crop":  "did you mean crop? Use affine, blur or crop",
		"xyzzy": "use affine, blur or crop",
		"":      "use affine, blur or crop",
	} {
		if got := Suggest(name, words); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
