package rivals

import (
	"context"
	"errors"
	"image"
	"math"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train/retrieval"
	"github.com/corona10/goimagehash"
)

// halves is a model whose 98 bits say which values, every eighth, are above 1/2.
type halves struct{}

const halfBits = 98

func (halves) Encode(_ context.Context, dst []byte, rows []float32) ([]byte, error) {
	var some []float32
	for i := 4; i < len(rows); i += 8 {
		some = append(some, rows[i])
	}
	return codes.Pack(dst, some, halfBits)
}

func glyphs(t *testing.T, split dataset.Split, rows int) *dataset.Set {
	t.Helper()
	set, err := dataset.Load(t.Context(), "glyphs", dataset.Options{Split: split, Rows: rows, Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Every rival is measured beside the model, and says the same on each run; the rows themselves are measured by labels only.
func TestCompare(t *testing.T) {
	t.Parallel()
	set := glyphs(t, dataset.Test, 300)
	o := Options{Queries: 50, Rivals: Names(), Metric: retrieval.Cosine, Seed: 3}
	c, err := Compare(t.Context(), halves{}, halfBits, []*dataset.Set{set}, glyphs(t, dataset.Train, 400), o)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range c.Rows {
		names = append(names, r.Name)
		if r.Precision == nil || !(*r.Precision > 0.05 && *r.Precision <= 1) || !(*r.MeanAP > 0.05 && *r.MeanAP <= 1) || !(*r.Accuracy > 0.1) {
			t.Errorf("%s: %v", r.Name, c.Cells(r))
		}
		if (r.Name == "floats") != (r.Recall == nil) || r.Recall != nil && !(*r.Recall > 0.03 && *r.Recall <= *r.RecallWithin) {
			t.Errorf("%s: %v", r.Name, c.Cells(r))
		}
	}
	if want := []string{"model", "dhash", "hyperplanes", "itq", "pca", "phash", "floats"}; !slices.Equal(names, want) {
		t.Errorf("compared are %v, want %v", names, want)
	}
	if bits := []int{c.Rows[1].Bits, c.Rows[3].Bits, c.Rows[5].Bits}; !slices.Equal(bits, []int{98, 98, 64}) {
		t.Errorf("dhash, itq and phash have %v bits", bits)
	}
	for _, want := range []string{"the first 50 rows search all 300 rows, the query itself left out", "random order (seed 3)", "400 rows of glyphs", "precision@100", "metric cosine"} {
		if !strings.Contains(c.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, c)
		}
	}
	again, err := Compare(t.Context(), halves{}, halfBits, []*dataset.Set{set}, glyphs(t, dataset.Train, 400), o)
	if err != nil || again.String() != c.String() {
		t.Errorf("the same again, %v:\n%s\n%s", err, c, again)
	}
}

// Queries against the others and the rows of another set; as many queries of each label.
func TestProtocols(t *testing.T) {
	t.Parallel()
	set, more := glyphs(t, dataset.Test, 300), glyphs(t, dataset.Train, 200)
	o := Options{Queries: 30, Which: EachLabel, Apart: true, Metric: retrieval.Euclidean}
	for i := range set.Len() { // labels of the same number of queries each
		if n := set.Label(i) + 1; n > o.Queries {
			o.Queries = n
		}
	}
	o.Queries *= 2
	c, err := Compare(t.Context(), halves{}, halfBits, []*dataset.Set{set, more}, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	if c.Base != 500-o.Queries || !strings.Contains(c.String(), "as many first rows of each label") || len(c.Rows) != 2 || c.Fitted != "" {
		t.Errorf("%s", c)
	}
	o.Which = RandomEach
	if c, err := Compare(t.Context(), halves{}, halfBits, []*dataset.Set{set, more}, nil, o); err != nil || !strings.Contains(c.String(), "as many random rows of each label") {
		t.Errorf("%v, %s", err, c)
	}
	o.Which = RandomRows
	if c, err := Compare(t.Context(), halves{}, halfBits, []*dataset.Set{set, more}, nil, o); err != nil || !strings.Contains(c.String(), "random rows search") {
		t.Errorf("%v, %s", err, c)
	}
	o.Queries, o.Which = 1_000_000, EachLabel
	if _, err := Compare(t.Context(), halves{}, halfBits, []*dataset.Set{set}, nil, o); err == nil {
		t.Error("more queries of each label than there are rows")
	}
	o.Which = FirstRows
	if c, err := Compare(t.Context(), halves{}, halfBits, []*dataset.Set{set}, nil, o); err != nil || c.Queries != 150 {
		t.Errorf("at most half of the rows are queries: %v, %v", c.Queries, err)
	}
}

// Rivals that cannot be are left out in words; others are errors.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	set := glyphs(t, dataset.Test, 40)
	in := input{rows: 1, width: 10, bits: 11, shape: []int{10}}
	for name, want := range map[string]string{"pca": "11 bits of rows of 10 values", "phash": "[10] are no pictures", "dhash": "[10] are no pictures", "itq": "", "hyperplanes": ""} {
		if got := table[name].unfit(in); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s is left out because %q, want %q", name, got, want)
		}
	}
	if why := table["itq"].unfit(input{bits: 513, width: 1000}); !strings.Contains(why, "above 512") {
		t.Errorf("ITQ of 513 bits: %q", why)
	}
	compare := func(ctx context.Context, sets []*dataset.Set, o Options) error {
		_, err := Compare(ctx, halves{}, halfBits, sets, nil, o)
		return err
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for want, err := range map[string]error{
		"use dhash, hyperplanes": compare(t.Context(), []*dataset.Set{set}, Options{Rivals: []string{"itp"}}),
		"give 3 or more":         compare(t.Context(), []*dataset.Set{set.Slice(0, 2)}, Options{Queries: 1, Metric: retrieval.Cosine}),
		"the metric":             compare(t.Context(), []*dataset.Set{set}, Options{Queries: 1}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	if err := compare(done, []*dataset.Set{set}, Options{Queries: 1, Metric: retrieval.Cosine}); !errors.Is(err, context.Canceled) {
		t.Errorf("a done context gives %v", err)
	}
}

// Hashes are the library's, bit for bit, of pictures in grey and in colours.
func TestHashes(t *testing.T) {
	t.Parallel()
	for _, shape := range [][]int{{20, 30}, {3, 20, 30}} {
		planes, pixels := 1, 600
		if len(shape) == 3 {
			planes = 3
		}
		values := make([]float32, planes*pixels)
		for i := range values {
			values[i] = float32(i*i%251) / 255
		}
		in := input{rows: 1, width: len(values), bits: 128, shape: shape, picture: func(_ int, dst []float32) { copy(dst, values) }}
		in.format.Height, in.format.Width, in.format.Planes = 20, 30, planes
		shade := func(i int) uint8 { return uint8(math.Round(255 * float64(values[i]))) }
		img := image.NewRGBA(image.Rect(0, 0, 30, 20))
		for i := range pixels {
			for c := range 3 {
				img.Pix[4*i+c] = shade(min(c, planes-1)*pixels + i)
			}
			img.Pix[4*i+3] = 255
		}
		p, err := goimagehash.PerceptionHash(img)
		if err != nil {
			t.Fatal(err)
		}
		d, err := goimagehash.ExtDifferenceHash(img, 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string][]uint64{"phash": {p.GetHash()}, "dhash": d.GetHash()} {
			packed, n, err := table[name].encode(t.Context(), in)
			if err != nil || name == "phash" && n != 64 || name == "dhash" && n != 128 {
				t.Fatal(name, n, err)
			}
			differ := 0
			for i, b := range packed {
				differ += bits.OnesCount8(b ^ byte(want[i/8]>>(56-8*(i%8))))
			}
			if differ > 0 {
				t.Errorf("%s of %v differs in %d bits from the library's", name, shape, differ)
			}
		}
	}
	for n, want := range map[int][2]int{64: {8, 8}, 98: {7, 14}, 128: {8, 16}, 144: {12, 12}, 200: {10, 20}, 256: {16, 16}} {
		if h, w := grid(n); [2]int{h, w} != want {
			t.Errorf("%d bits are a grid of %dx%d, want %v", n, h, w, want)
		}
	}
}

// Columns are standardised and counts are logarithms before they are compared; one mean and deviation leave angles as they are.
func TestSeen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		standard dist.Standard
		want     []float32
	}{
		{dist.Standard{}, []float32{3, 7}},
		{dist.Standard{Mean: []float64{1}, Deviation: []float64{2}}, []float32{3, 7}},
		{dist.Standard{Mean: []float64{1, 3}, Deviation: []float64{2, 4}}, []float32{1, 1}},
		{dist.Standard{Log: true}, []float32{float32(math.Log(4)), float32(math.Log(8))}},
	} {
		row := []float32{3, 7}
		if standardised(c.standard, row); !slices.Equal(row, c.want) {
			t.Errorf("%s: %v, want %v", c.standard.Kind(), row, c.want)
		}
	}
}

// Rivals take vectors as the model's graph prepares them; distances are those of the rows as they are, whole.
func TestVectors(t *testing.T) {
	t.Parallel()
	set := glyphs(t, dataset.Train, 40)
	r := concatenated([]*dataset.Set{set})
	s := dist.Standard{Vector: dist.Vector{Truncate: 300, Steps: []string{dist.Normalise}}}
	seen, measured, raw := make([]float32, 300), make([]float32, r.width), make([]float32, r.width)
	r.seen(s, 3, seen)
	r.measured(s, 3, measured)
	set.Row(3, raw)
	length := 0.0
	for _, x := range seen {
		length += float64(x) * float64(x)
	}
	if math.Abs(length-1) > 1e-5 || !slices.Equal(measured, raw) {
		t.Errorf("rivals see rows of the square length %g; distances are of the rows as they are: %t", length, slices.Equal(measured, raw))
	}
	c, err := Compare(t.Context(), halves{}, halfBits, []*dataset.Set{set}, nil, Options{Queries: 5, Rivals: []string{"itq", "pca"}, Metric: retrieval.Cosine, Standard: s, Recall: 3, Within: 10})
	if err != nil || len(c.Rows) != 4 {
		t.Errorf("%+v, %v", c, err)
	}
}

// ITQ of MNIST, 64 bits, the first 2,000 test images among all 10,000, was measured with NumPy before: 0.72 and 0.44.
func TestITQOfMNIST(t *testing.T) {
	t.Parallel()
	load := func(split dataset.Split) *dataset.Set {
		set, err := dataset.Load(t.Context(), ortest.MNIST(t), dataset.Options{Split: split, Labels: true})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	c, err := Compare(t.Context(), first64{}, 64, []*dataset.Set{load(dataset.Test)}, load(dataset.Train), Options{Queries: 2000, Rivals: []string{"itq"}, Metric: retrieval.Cosine, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if itq := c.Rows[1]; math.Abs(*itq.Precision-0.72) > 0.01 || math.Abs(*itq.MeanAP-0.44) > 0.012 {
		t.Errorf("ITQ has a precision@100 of %.4f and a mAP of %.4f", *itq.Precision, *itq.MeanAP)
	}
}

// first64 is a model of which nothing is asked: its bits are all 0.
type first64 struct{}

func (first64) Encode(_ context.Context, dst []byte, rows []float32) ([]byte, error) {
	return append(dst, make([]byte, 8*(len(rows)/784))...), nil
}
