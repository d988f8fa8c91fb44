package explore_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/catvae/catvae/cmd/internal/explore"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	"github.com/chromedp/chromedp"
)

// The page that stands alone is opened as a file, with the network off, and does for kinds of variables what the runtime does.
func TestAlone(t *testing.T) {
	b := newBrowser(t, chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"))
	for _, name := range []string{"bernoulli", "categorical", "gaussian", "hierarchical"} { // mixed ones have the shapes of hierarchical ones
		e, dir := explorer(t, pictures(kinds[name]))
		withCodes(t, e)
		b.open(alone(t, e, dir))
		b.quiet()
		if seen := value[int](b, `performance.getEntriesByType("resource").filter((r) => !/^(blob|data):/.test(r.name)).length`); seen != 0 {
			t.Errorf("%s: the page has fetched %d things", name, seen)
		}
		sameEncoding(t, b, name, e)
		samePrior(t, b, name, e)
		sameAtlas(t, b, name, e)
		nearestOfOwn(t, b, name)
		flipAlone(t, b, name, e)
	}
}

// flipAlone presses a bit, and compares the picture with what the runtime decodes: shades may differ by one, where one lies between two.
func flipAlone(t *testing.T, b *tab, name string, e *explore.Explorer) {
	t.Helper()
	b.do(chromedp.Click(chromedp.CSS(`#bits .bit`)))
	b.wait(`catvae.item.code[0] !== catvae.item.encoded[0] || catvae.latent.set(catvae.item.encoded, 0)`)
	b.wait(`document.querySelector("#bits .bit").getAttribute("aria-pressed") === String(catvae.latent.set(catvae.item.code, 0))`)
	code := value[[]float64](b, `Array.from(catvae.item.code)`)
	numbers := make([]float32, len(code))
	for i, x := range code {
		numbers[i] = float32(x)
	}
	want, got := shades(t, e, numbers), value[[]int](b, decodedPixels)
	for i := range want {
		if d := want[i] - got[i]; d > 1 || d < -1 {
			t.Fatalf("%s: pixel %d is %d after a bit was pressed, want %d", name, i, got[i], want[i])
		}
	}
}

// The engine of a served page does the same.
func TestServed(t *testing.T) {
	b := newBrowser(t)
	for name, latent := range kinds {
		e, _ := explorer(t, pictures(latent))
		withCodes(t, e)
		b.open(served(t, e))
		b.quiet()
		sameEncoding(t, b, name, e)
		samePrior(t, b, name, e)
		sameAtlas(t, b, name, e)
		nearestOfOwn(t, b, name)
	}
}

// sameEncoding compares codes, decoded rows, and codes between two rows.
func sameEncoding(t *testing.T, b *tab, name string, e *explore.Explorer) {
	t.Helper()
	ctx, rows, n := t.Context(), allRows(e.Rows), e.Rows.Len()
	codes, err1 := e.Model.Codes(ctx, nil, rows)
	logits, err2 := e.Model.Logits(ctx, nil, rows)
	decoded, err3 := e.Model.Decode(ctx, nil, codes)
	packed, err4 := e.Model.Encode(ctx, nil, rows)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			t.Fatal(err)
		}
	}
	all := fmt.Sprintf(`catvae.engine.rows(0, %d).then((r) => catvae.engine.encode(r, %d))`, n, n)
	near(t, name+": codes", value[[]float64](b, all+`.then((x) => Array.from(x.codes))`), codes, 1e-5)
	near(t, name+": logits", value[[]float64](b, all+`.then((x) => Array.from(x.logits))`), logits, 1e-5)
	near(t, name+": decoded", value[[]float64](b, all+fmt.Sprintf(`.then((x) => catvae.engine.decode(x.codes, %d)).then((x) => Array.from(x))`, n)), decoded, 1e-5)
	near(t, name+": codes of logits", value[[]float64](b, all+fmt.Sprintf(`.then((x) => catvae.engine.threshold(x.logits, %d)).then((x) => Array.from(x))`, n)), codes, 1e-5)
	bits := e.Model.Manifest().Latent.Bits()
	got := value[[]int](b, all+fmt.Sprintf(`.then((x) => Array.from({ length: %d }, (_, i) => Array.from(catvae.latent.pack(x.codes.slice(i * %d, (i + 1) * %d)))).flat())`, n, bits, bits))
	if quoted(got) != quoted(packed) {
		t.Errorf("%s: packed codes are %v, want %v", name, got, packed)
	}
}

// samePrior compares codes drawn from the prior.
func samePrior(t *testing.T, b *tab, name string, e *explore.Explorer) {
	t.Helper()
	for _, seed := range []uint64{0, 1, 7, 1<<32 + 5} {
		want, err := e.Model.SampleCodes(t.Context(), 20, seed)
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprintf("%s: samples of seed %d", name, seed), value[[]float64](b, fmt.Sprintf(`catvae.engine.sample(20, %d).then((x) => Array.from(x))`, seed)), want, 1e-5)
	}
}

// sameAtlas compares what bits do with differences that are made one by one.
func sameAtlas(t *testing.T, b *tab, name string, e *explore.Explorer) {
	t.Helper()
	l, size, n := e.Model.Manifest().Latent.Dist(), e.Model.Manifest().TargetSize(), 5
	codes, err := e.Model.Codes(t.Context(), nil, allRows(e.Rows)[:n*e.Rows.RowSize()])
	if err != nil {
		t.Fatal(err)
	}
	first, count := l.Variables-3, 3
	var want []float32
	for v := first; v < first+count; v++ {
		from, to := l.Variable(v)
		mean := func(numbers ...float32) []float64 { // of what is decoded where the variable has these numbers
			changed := append([]float32(nil), codes...)
			for row := range n {
				copy(changed[row*l.Bits()+from:], numbers)
			}
			decoded, err := e.Model.Decode(t.Context(), nil, changed)
			if err != nil {
				t.Fatal(err)
			}
			sums := make([]float64, size)
			for i, x := range decoded {
				sums[i%size] += float64(x) / float64(n)
			}
			return sums
		}
		if to-from == 1 {
			clear, set := l.Unpacked()
			without, with := mean(clear), mean(set)
			for i := range size {
				want = append(want, float32(with[i]-without[i]))
			}
			continue
		}
		var means [][]float64
		for k := range to - from {
			choice := make([]float32, to-from)
			choice[k] = 1
			means = append(means, mean(choice...))
		}
		for _, m := range means {
			for i := range size {
				middle := 0.0
				for _, other := range means {
					middle += other[i] / float64(len(means))
				}
				want = append(want, float32(m[i]-middle))
			}
		}
	}
	got := value[[]float64](b, fmt.Sprintf(`catvae.engine.rows(0, %d).then((r) => catvae.engine.encode(r, %d)).then((x) => catvae.engine.atlas(x.codes, %d, %d, %d)).then((x) => Array.from(x))`, n, n, n, first, count))
	near(t, name+": atlas", got, want, 1e-5)
}

// nearestOfOwn looks for a row's own code, which is the nearest, with the row that it was made of.
func nearestOfOwn(t *testing.T, b *tab, name string) {
	t.Helper()
	type found struct {
		Code, Distance, Row int
		Name                string
	}
	list := value[[]found](b, `catvae.engine.code(17).then((c) => catvae.engine.nearest(c, 12))`)
	if len(list) != 12 || list[0].Distance != 0 {
		t.Fatalf("%s: the nearest are %v", name, list)
	}
	own := false
	for i, f := range list {
		own = own || f.Code == 17 && f.Distance == 0 && f.Row == 17 && f.Name == "code 17"
		if i > 0 && (f.Distance < list[i-1].Distance || f.Distance == list[i-1].Distance && f.Code < list[i-1].Code) {
			t.Errorf("%s: the nearest are in no order: %v", name, list)
		}
	}
	if !own {
		t.Errorf("%s: the code itself is not found: %v", name, list)
	}
}

// Variables with learned logits draw what Go draws.
func TestLearnedPrior(t *testing.T) {
	b := newBrowser(t)
	e, _ := explorer(t, pictures(bits))
	b.open(served(t, e))
	for _, c := range []struct {
		kind, manifest string
		categories     int
	}{{dist.Bernoulli, `{"kind": "bernoulli", "variables": 12`, 0}, {dist.Categorical, `{"kind": "categorical", "variables": 4, "categories": 3`, 3}} {
		l, err := dist.NewLatent(c.kind, 12/max(1, c.categories), c.categories)
		if err != nil {
			t.Fatal(err)
		}
		logits := make([]float32, 12)
		noise.Stream{Seed: 3}.Uniform(logits, 0, 0)
		for i := range logits {
			logits[i] = 6*logits[i] - 3
		}
		var want []float32
		for row := range 50 {
			u, code := make([]float32, 12), make([]float32, 12)
			noise.Stream{Seed: 9, Purpose: noise.Prior}.Uniform(u, 0, uint32(row))
			l.Draw(code, logits, u)
			want = append(want, code...)
		}
		near(t, c.kind, value[[]float64](b, fmt.Sprintf(`new catvae.latent.constructor(%s, "prior": {"kind": "learned", "logits": [%s]}}).sample(50, 9).then((x) => Array.from(x))`, c.manifest, quotedList(logits))), want, 0)
	}
}

// near compares numbers.
func near(t *testing.T, what string, got []float64, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i, x := range want {
		if d := math.Abs(got[i] - float64(x)); !(d <= tolerance) {
			t.Fatalf("%s: number %d is %g, want %g", what, i, got[i], x)
		}
	}
}

// quotedList writes numbers with commas between them.
func quotedList[T any](list []T) string {
	words := make([]string, len(list))
	for i, x := range list {
		words[i] = fmt.Sprint(x)
	}
	return strings.Join(words, ",")
}

// quoted writes numbers as a text of JavaScript.
func quoted[T any](list []T) string { return `"` + quotedList(list) + `"` }
