package builder_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"gorgonia.org/tensor"
)

func buildParams(t *testing.T, dtype tensor.Dtype, seed uint64, build func(b *builder.Graph)) *builder.Params {
	t.Helper()
	p, err := builder.NewParams(dtype, seed)
	if err != nil {
		t.Fatal(err)
	}
	b := builder.New(p)
	build(b)
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	return p
}

// The order is the one of first use, over all graphs on the set; every graph keeps its own.
func TestParameterOrder(t *testing.T) {
	m := models()["categorical/learned"]
	p := params64(t)
	first := builder.New(p)
	if m.Decode(first, first.Input("code", m.LatentShape(2)...)); first.Err() != nil {
		t.Fatal(first.Err())
	}
	second := builder.New(p)
	if _, err := m.Train(second, 3); err != nil {
		t.Fatal(err)
	}
	decoder := []string{"decoder/1/weight", "decoder/1/bias", "decoder/logits/weight", "decoder/logits/bias"}
	encoder := []string{"encoder/logits/weight", "encoder/logits/bias"}
	prior := []string{"prior/logits"}
	if want := slices.Concat(decoder, encoder, prior); !slices.Equal(p.Names(), want) {
		t.Errorf("the set's order is %v, want %v", p.Names(), want)
	}
	names, nodes := second.Parameters()
	if want := slices.Concat(encoder, decoder, prior); !slices.Equal(names, want) {
		t.Errorf("the training graph's order is %v, want %v", names, want)
	}
	count := 0
	for i, name := range names {
		if !slices.Equal(nodes[i].Shape(), p.Value(name).Shape()) {
			t.Errorf("%s has shape %v in the graph, %v in the set", name, nodes[i].Shape(), p.Value(name).Shape())
		}
		count += nodes[i].Shape().TotalSize()
	}
	if p.Count() != count {
		t.Errorf("the set has %d values, its tensors %d", p.Count(), count)
	}
	p.Names()[0] = "changed"
	if p.Names()[0] == "changed" || p.Value("changed") != nil {
		t.Error("Names gives the set's own slice away")
	}
}

// Graphs share the set's values: what Set writes, a machine that exists already computes with.
func TestSet(t *testing.T) {
	p := params64(t)
	b := builder.New(p)
	m, err := builder.NewMachine(b, b.Square(b.Parameter("w", builder.Zeros, 2)))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	values := []float64{2, 3}
	if err := p.Set("w", []int{2}, values); err != nil {
		t.Fatal(err)
	}
	values[0] = 100
	out, err := m.Run(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := builder.Floats(out[0]); !slices.Equal(got, []float64{4, 9}) {
		t.Errorf("after Set the graph computes %v, want [4 9]", got)
	}
	for name, c := range map[string]struct {
		name   string
		shape  []int
		values []float64
		want   string
	}{
		"another shape":   {"w", []int{1, 2}, []float64{1, 2}, "another model"},
		"another size":    {"w", []int{2}, []float64{1}, "1 values"},
		"a scalar":        {"s", nil, []float64{1}, "at least one dimension"},
		"nothing":         {"s", []int{0}, nil, "positive"},
		"negative":        {"s", []int{-1, -1}, []float64{1}, "positive"},
		"an overflow":     {"s", []int{1 << 32, 1 << 32}, nil, "at most"},
		"without a name":  {"", []int{1}, []float64{1}, "no name"},
		"weights too few": {"s", []int{2, 2}, []float64{1, 2}, "2 values"},
	} {
		if err := p.Set(c.name, c.shape, c.values); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q", name, err, c.want)
		}
	}
	if !slices.Equal(p.Names(), []string{"w"}) {
		t.Errorf("what was refused is in the set: %v", p.Names())
	}
}

// Initial values follow from the seed, the place in the order and nothing else; float32 has float64's, rounded.
func TestInitialValues(t *testing.T) {
	twoLayers := func(b *builder.Graph) { b.MLP(b.Input("x", 1, 20), []int{20}, builder.Tanh, 20) }
	wide := buildParams(t, tensor.Float64, 1, twoLayers)
	again, narrow, other := buildParams(t, tensor.Float64, 1, twoLayers), buildParams(t, tensor.Float32, 1, twoLayers), buildParams(t, tensor.Float64, 2, twoLayers)
	for _, name := range wide.Names() {
		w, n := builder.Floats(wide.Value(name)), builder.Floats(narrow.Value(name))
		if !slices.Equal(w, builder.Floats(again.Value(name))) {
			t.Errorf("%s: one seed gives two values", name)
		}
		for i := range w {
			if n[i] != float64(float32(w[i])) {
				t.Fatalf("%s[%d] is %g in float64 and %g in float32", name, i, w[i], n[i])
			}
		}
		if strings.HasSuffix(name, "bias") {
			if slices.Max(w) != 0 || slices.Min(w) != 0 {
				t.Errorf("%s starts at %v", name, w)
			}
		} else if w[0] == builder.Floats(other.Value(name))[0] {
			t.Errorf("%s: seeds 1 and 2 begin alike", name)
		}
	}
	if builder.Floats(wide.Value("1/weight"))[0] == builder.Floats(wide.Value("logits/weight"))[0] {
		t.Error("two layers of one shape begin alike")
	}
}

// The rules have the variance that they name: 2/in, 2/(in+out). 120,000 draws know it to a standard deviation of 0.4 %.
func TestInitialVariance(t *testing.T) {
	for name, c := range map[string]struct {
		init     builder.Init
		variance float64
	}{
		"He": {builder.HeNormal, 2.0 / 400}, "Glorot": {builder.GlorotNormal, 2.0 / 700},
		"ReLU": {builder.ReLU.Init(), 2.0 / 400}, "LeakyReLU": {builder.LeakyReLU.Init(), 2.0 / 400}, "tanh": {builder.Tanh.Init(), 2.0 / 700},
	} {
		p := buildParams(t, tensor.Float64, 1, func(b *builder.Graph) { b.Parameter("w", c.init, 400, 300) })
		mean, square := 0.0, 0.0
		w := builder.Floats(p.Value("w"))
		for _, x := range w {
			mean, square = mean+x/float64(len(w)), square+x*x/float64(len(w))
		}
		if math.Abs(square/c.variance-1) > 0.02 || math.Abs(mean) > 4*math.Sqrt(c.variance/float64(len(w))) {
			t.Errorf("%s: mean %g, variance %g, want 0 and %g", name, mean, square, c.variance)
		}
	}
}
