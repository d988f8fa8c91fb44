package augment_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/catvae/catvae/dataset/augment"
	"github.com/catvae/catvae/dist"
)

func listOf(t testing.TB, text string) augment.List {
	t.Helper()
	var l augment.List
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		t.Fatal(err)
	}
	return l
}

func pipeline(t testing.TB, text string, r augment.Rows) *augment.Pipeline {
	t.Helper()
	p, err := augment.New(listOf(t, text), r, 7, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func apply(t testing.TB, p *augment.Pipeline, row []float32, step, number uint32) []float32 {
	t.Helper()
	row = slices.Clone(row)
	if err := p.Apply(row, step, number); err != nil {
		t.Fatal(err)
	}
	return row
}

// picture returns a picture without symmetry, of values within [black, white], or of whole numbers.
func picture(r augment.Rows) []float32 {
	n := 1
	for _, d := range r.Shape {
		n *= d
	}
	black, white := r.Values.OrUnit().Shades()
	random := rand.New(rand.NewPCG(3, 4))
	row := make([]float32, n)
	for i := range row {
		row[i] = black + (white-black)*float32(random.IntN(256))/255
		if r.Values.Whole {
			row[i] = float32(math.Round(float64(row[i])))
		}
	}
	return row
}

// everything is a list with every augmentation, for pictures in colours.
const everything = `[{"affine": {"rotate": 30, "scale": 0.3, "shear": 0.3, "shift": 2, "outside": "edge"}}, {"elastic": {"strength": 1, "smooth": 3, "outside": "white"}},
	{"crop": {"cut": 0.5, "aspect": 0.5}}, {"flip": {"horizontal": 0.5, "vertical": 0.5}}, {"color": {"brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 90}},
	{"blur": 2}, {"erase": 0.5}, {"mask": {"part": 0.2, "patch": 2, "chance": 0.5}}, {"salt_pepper": 0.1}, {"noise": 0.2}, {"jpeg": 20}]`

var colours = augment.Rows{Shape: []int{3, 17, 12}}

func TestEverythingIsEverything(t *testing.T) {
	var names []string
	for _, s := range listOf(t, everything) {
		names = append(names, s.Name())
	}
	slices.Sort(names)
	if kinds := augment.Kinds(); !slices.Equal(names, kinds) {
		t.Errorf("the list of these tests has %v, the table %v", names, kinds)
	}
}

// A row of a step is the same whoever makes it, and in whatever order; another seed, step, row, view or place in the list draws other numbers.
func TestDraws(t *testing.T) {
	t.Parallel()
	row := picture(colours)
	for i, s := range listOf(t, everything) {
		s.Chance = 0
		list := augment.List{s}
		if s.Name() == "flip" { // else two draws are often equal
			list = listOf(t, `[{"noise": 0.1}, {"flip": 0.5}]`)
		}
		made := func(l augment.List, seed uint64, view int, step, number uint32) []float32 {
			p, err := augment.New(l, colours, seed, view)
			if err != nil {
				t.Fatal(err)
			}
			return apply(t, p, row, step, number)
		}
		want := made(list, 1, 0, 5, 9)
		if slices.Equal(want, row) {
			t.Errorf("%s changes nothing", s.Name())
		}
		if !slices.Equal(want, made(list, 1, 0, 5, 9)) {
			t.Errorf("%s makes two rows of one draw", s.Name())
		}
		for what, other := range map[string][]float32{
			"seed": made(list, 2, 0, 5, 9), "view": made(list, 1, 1, 5, 9), "step": made(list, 1, 0, 6, 9), "row": made(list, 1, 0, 5, 10),
			"place": made(append(listOf(t, `[{"affine": 0}]`), list...), 1, 0, 5, 9),
		} {
			if slices.Equal(want, other) {
				t.Errorf("%s draws the same for another %s", s.Name(), what)
			}
		}
		if only := pipeline(t, everything, colours).Only(i); s.Name() != "flip" && s.Name() != "mask" && s.Name() != "erase" && slices.Equal(apply(t, only, row, 5, 9), row) {
			t.Errorf("%s alone changes nothing", s.Name())
		}
	}
}

// Many goroutines that share a pipeline make what one makes.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	p, row := pipeline(t, everything, colours), picture(colours)
	var want [20][]float32
	for i := range want {
		want[i] = apply(t, p, row, 3, uint32(i))
	}
	var ended sync.WaitGroup
	for range 4 {
		ended.Go(func() {
			for i := range want {
				i = len(want) - 1 - i
				if got := slices.Clone(row); p.Apply(got, 3, uint32(i)) != nil || !slices.Equal(got, want[i]) {
					t.Errorf("row %d differs", i)
				}
			}
		})
	}
	ended.Wait()
}

// Strengths of zero change no bit, whatever the values are.
func TestZeroIsIdentity(t *testing.T) {
	t.Parallel()
	for _, values := range []dist.Values{{}, dist.Raw(), dist.Counts(), {Bytes: 255, Numbers: 255, One: true, Deviation: 1, Least: 0, Most: 1}} {
		r := augment.Rows{Shape: []int{3, 9, 8}, Values: values}
		var list augment.List
		for _, name := range augment.Kinds() {
			kind, _, _, err := augment.NewKind(name)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, augment.Spec{Kind: kind})
		}
		p, err := augment.New(list, r, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		row := picture(r)
		row[0] = 1e-30
		if got := apply(t, p, row, 1, 2); !slices.Equal(got, row) {
			t.Errorf("%v: zero strengths change a row", values)
		}
	}
	// A move that happens to be none looks pixels up where they are.
	gray := augment.Rows{Shape: []int{7, 6}}
	if got, row := apply(t, pipeline(t, `[{"affine": {"shift": 1e-12}}, {"elastic": 1e-12}, {"crop": 1e-12}]`, gray), picture(gray), 1, 2), picture(gray); !near(got, row, 1e-5) {
		t.Errorf("moves by almost nothing: %v of %v", got, row)
	}
}

func near(a, b []float32, tolerance float64) bool {
	for i := range a {
		if math.Abs(float64(a[i]-b[i])) > tolerance {
			return false
		}
	}
	return len(a) == len(b)
}

// Whatever is done, values stay in their range, and whole where the rule says so; nothing fails, however strong it is.
func TestRange(t *testing.T) {
	t.Parallel()
	levels := dist.Values{Bytes: 1, Numbers: 1, One: true, Whole: true, Deviation: 1, Least: 0, Most: 255}
	strong := `[{"affine": {"rotate": 180, "scale": 0.9, "shear": 4, "shift": 100000}}, {"affine": {"scale": 0.9, "outside": "edge"}}, {"elastic": {"strength": 1000, "smooth": 0.1}},
		{"crop": {"cut": 0.95, "aspect": 10}}, {"color": {"brightness": 1, "contrast": 1, "saturation": 1, "hue": 180}}, {"blur": 100}, {"noise": 1000}, {"jpeg": 1}]`
	for _, shape := range [][]int{{3, 17, 12}, {3, 1, 1}, {3, 1, 9}, {3, 40, 2}} {
		for _, values := range []dist.Values{{}, levels} {
			r := augment.Rows{Shape: shape, Values: values}
			row := picture(r)
			for _, text := range []string{everything, strong} {
				p := pipeline(t, text, r)
				for step := range uint32(50) {
					for i, x := range apply(t, p, row, step, 0) {
						if !r.Values.OrUnit().Contains(x) || values.Whole && x != float32(math.Trunc(float64(x))) {
							t.Fatalf("%v: value %d of step %d is %g", shape, i, step, x)
						}
					}
				}
			}
		}
	}
	// Places that no float32 holds.
	far := "[" + strings.TrimSuffix(strings.Repeat(`{"affine": {"scale": 0.9, "shift": 100000}}, {"elastic": 1000}, {"crop": 0.9},`, 60), ",") + "]"
	p := pipeline(t, far, colours)
	for step := range uint32(20) {
		apply(t, p, picture(colours), step, 1)
	}
}

// Rows that are no pictures, without bounds: noise has the deviation of each column, and what is dropped becomes its mean.
func TestColumns(t *testing.T) {
	t.Parallel()
	const draws = 20_000
	r := augment.Rows{Shape: []int{3}, Values: dist.Raw(), Standard: dist.Standard{Mean: []float64{10, -1000, 0.5}, Deviation: []float64{1, 50, 1.0 / 128}}}
	row := []float32{11, -900, 0.4}
	noise := pipeline(t, `[{"noise": 0.3}]`, r)
	drop := pipeline(t, `[{"mask": 0.25}]`, r)
	var mean, square, dropped [3]float64
	for step := range uint32(draws) {
		for j, x := range apply(t, noise, row, step, 1) {
			z := float64(x-row[j]) / r.Standard.Deviation[j]
			mean[j] += z / draws
			square[j] += z * z / draws
		}
		for j, x := range apply(t, drop, row, step, 1) {
			switch x {
			case float32(r.Standard.Mean[j]):
				dropped[j]++
			case row[j]:
			default:
				t.Fatalf("column %d becomes %g", j, x)
			}
		}
	}
	for j := range row {
		if math.Abs(mean[j]) > 5*0.3/math.Sqrt(draws) || math.Abs(math.Sqrt(square[j])/0.3-1) > 0.03 {
			t.Errorf("noise of column %d: mean %g, deviation %g, want 0 and 0.3", j, mean[j], math.Sqrt(square[j]))
		}
		if share := dropped[j] / draws; math.Abs(share-0.25) > 5*math.Sqrt(0.25*0.75/draws) {
			t.Errorf("column %d is dropped in %g of the rows, want 0.25", j, share)
		}
	}
	// Without a standard the range is the unit, or 1; what is dropped is the least value, or 0.
	for _, c := range []struct {
		values  dist.Values
		unit    float64
		nothing float32
	}{{dist.Unit(), 1, 0}, {dist.Raw(), 1, 0}, {dist.Values{Bytes: 1, Numbers: 1, One: true, Deviation: 1, Least: -2, Most: 8}, 10, -2}} {
		r := augment.Rows{Shape: []int{1000}, Values: c.values}
		row := make([]float32, 1000)
		for i := range row {
			row[i] = 0.5
		}
		square := 0.0
		for _, x := range apply(t, pipeline(t, `[{"noise": 0.01}]`, r), row, 1, 1) {
			square += float64((x - 0.5) * (x - 0.5))
		}
		if d := math.Sqrt(square / 1000); math.Abs(d/(0.01*c.unit)-1) > 0.15 {
			t.Errorf("%v: the deviation is %g, want %g", c.values, d, 0.01*c.unit)
		}
		if got := apply(t, pipeline(t, `[{"mask": 1}]`, r), row, 1, 1); got[7] != c.nothing {
			t.Errorf("%v: a dropped column is %g, want %g", c.values, got[7], c.nothing)
		}
	}
	patches := apply(t, pipeline(t, `[{"mask": {"part": 0.5, "patch": 4}}]`, augment.Rows{Shape: []int{40}}), slices.Repeat([]float32{1}, 40), 1, 1)
	for i, x := range patches {
		if x != patches[i/4*4] {
			t.Errorf("patches of 4 columns: %v", patches)
			break
		}
	}
}

// An augmentation is made of the share of rows that its chance says.
func TestChance(t *testing.T) {
	t.Parallel()
	const draws = 20_000
	r := augment.Rows{Shape: []int{2}}
	p := pipeline(t, `[{"mask": {"part": 1, "chance": 0.2}}]`, r)
	changed := 0.0
	for step := range uint32(draws) {
		if apply(t, p, []float32{1, 1}, step, 3)[0] == 0 {
			changed++
		}
	}
	if math.Abs(changed/draws-0.2) > 5*math.Sqrt(0.2*0.8/draws) {
		t.Errorf("%g of the rows are changed, want 0.2", changed/draws)
	}
}

// What a configuration says comes back as it was written, and the shortest way to say it is written.
func TestJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`[{"elastic": 0.5}]`:                              `[{"elastic":0.5}]`,
		`[{"elastic": {"strength": 0.5}}]`:                `[{"elastic":0.5}]`,
		`[{"elastic": {"strength": 0.5, "chance": 0.5}}]`: `[{"elastic":{"chance":0.5,"strength":0.5}}]`,
		`[{"affine": {"shift": 2, "outside": "edge"}}]`:   `[{"affine":{"outside":"edge","shift":2}}]`,
		`[{"jpeg": {}}, {"mask": {"patch": 3}}]`:          `[{"jpeg":{}},{"mask":{"patch":3}}]`,
		`[]`:                                              `[]`,
	} {
		l := listOf(t, text)
		got, err := json.Marshal(l)
		if err != nil || string(got) != want {
			t.Errorf("%s is written %s (%v), want %s", text, got, err, want)
		}
		if again := listOf(t, string(got)); !slices.Equal(again, l) {
			t.Errorf("%s comes back as %v", text, again)
		}
	}
}

// Paths change one augmentation, or one key.
func TestSetPath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, value, want string }{
		{"[0].affine.rotate", "30", `[{"affine":{"rotate":30,"shift":2}},{"mask":{"chance":0.5,"part":0.3}}]`},
		{"[0].affine.outside", "edge", `[{"affine":{"outside":"edge","shift":2}},{"mask":{"chance":0.5,"part":0.3}}]`},
		{"[1].mask.part", "0.1", `[{"affine":{"shift":2}},{"mask":{"chance":0.5,"part":0.1}}]`},
		{"[1].mask.chance", "0.9", `[{"affine":{"shift":2}},{"mask":{"chance":0.9,"part":0.3}}]`},
		{"[1].elastic", "0.5", `[{"affine":{"shift":2}},{"elastic":0.5}]`},
		{"[0]", `{"flip": 0.5}`, `[{"flip":0.5},{"mask":{"chance":0.5,"part":0.3}}]`},
	} {
		l := listOf(t, `[{"affine": {"shift": 2}}, {"mask": {"part": 0.3, "chance": 0.5}}]`)
		before := slices.Clone(l)
		err := l.SetPath(c.path, c.value)
		got, _ := json.Marshal(l)
		if err != nil || string(got) != c.want {
			t.Errorf("%s=%s gives %s (%v), want %s", c.path, c.value, got, err, c.want)
		}
		if before[0] != listOf(t, `[{"affine": {"shift": 2}}]`)[0] {
			t.Error("a list that shared memory was changed")
		}
	}
	for path, want := range map[string]string{
		"[2]": "there is no [2]", "[-1]": "there is no [-1]", "[x]": "no place", "[0].mask.part": "is affine, not mask", "[0].affine.rotates": "did you mean rotate", "[0].affin": "did you mean affine",
	} {
		l := listOf(t, `[{"affine": {"shift": 2}}]`)
		if err := l.SetPath(path, "1"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// What makes no sense is refused, by its place and key, with the way out.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"affine": 1}`:                    "a list of augmentations is JSON",
		`[3]`:                              "data.augment[0]: an augmentation is an object with one key",
		`[{}]`:                             "an augmentation is an object with one key",
		`[{"affine": 1}, {"elastik": 1}]`:  `data.augment[1]: no augmentation is called "elastik": did you mean elastic?`,
		`[{"affine": {}, "crop": 1}]`:      "the names affine and crop",
		`[{"affine": {"rotat": 1}}]`:       `affine: it has no key "rotat": did you mean rotate?`,
		`[{"affine": {"rotate": "much"}}]`: `rotate is "much": use a value`,
		`[{"jpeg": 2.5}]`:                  "quality is 2.5",
		`[{"flip": true}]`:                 "horizontal is true",
		`[{"flip": {"chance": 0}}]`:        "chance is 0: use a number above 0",
		`[{"flip": {"chance": "x"}}]`:      `chance is "x"`,
		`[{"flip": 0.5}, {"flip": {"horizontal": 0.5, "chance": 1.5}}]`: "",
	} {
		var l augment.List
		err := l.UnmarshalJSON([]byte(text))
		if want == "" {
			if err != nil || l.Check() == nil || l.Check().Error() != "[1].flip.chance is 1.5: use a number from 0, up to 1" {
				t.Errorf("%s: %v, %v", text, err, l.Check())
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		`[{"affine": 181}]`:                "[0].affine.rotate is 181: use a number from 0, up to 180",
		`[{"blur": 1}, {"elastic": -1}]`:   "[1].elastic.strength is -1",
		`[{"affine": {"outside": "edg"}}]`: `[0].affine.outside is "edg": did you mean edge?`,
		`[{"mask": {"patch": -1}}]`:        "[0].mask.patch is -1",
		`[{"jpeg": 101}]`:                  "[0].jpeg.quality is 101",
	} {
		if err := listOf(t, text).Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		if _, err := augment.New(listOf(t, text), colours, 1, 0); err == nil {
			t.Errorf("%s makes a pipeline", text)
		}
	}
	unbounded := augment.Rows{Shape: []int{5}, Values: dist.Raw()}
	for _, c := range []struct {
		text string
		rows augment.Rows
		want string
	}{
		{`[{"noise": 1}, {"affine": 1}]`, augment.Rows{Shape: []int{784}}, "[1].affine: it is for pictures, and the rows have the shape [784]"},
		{`[{"salt_pepper": 0.1}]`, unbounded, "[0].salt_pepper: it sets values to the ends of their range"},
		{`[{"jpeg": 30}]`, augment.Rows{Shape: []int{2, 4, 4}}, "with 2 channels"},
		{`[{"jpeg": 30}]`, augment.Rows{Shape: []int{70000, 1}}, "up to 65535 pixels"},
		{`[]`, augment.Rows{}, "give the shape of one row"},
		{`[]`, augment.Rows{Shape: []int{5}, Standard: dist.Standard{Mean: []float64{1, 2}, Deviation: []float64{1, 1}}}, "means"},
	} {
		if _, err := augment.New(listOf(t, c.text), c.rows, 1, 0); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %v: %v, want %q", c.text, c.rows.Shape, err, c.want)
		}
	}
	if err := pipeline(t, `[]`, colours).Apply(make([]float32, 3), 0, 0); err == nil || !strings.Contains(err.Error(), "612") {
		t.Errorf("a short row: %v", err)
	}
	for _, name := range augment.Kinds() {
		if _, short, doc, err := augment.NewKind(name); err != nil || doc == "" || !strings.Contains(fmt.Sprint(listOf(t, fmt.Sprintf(`[{%q: {%q: 1}}]`, name, short))), "1") {
			t.Errorf("%s: plain value %q, doc %q, %v", name, short, doc, err)
		}
	}
	if _, _, _, err := augment.NewKind("blurr"); err == nil || !strings.Contains(err.Error(), "did you mean blur?") {
		t.Errorf("an unknown name: %v", err)
	}
}
