package builder_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/gradcheck"
	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// termInputs are the inputs of a training graph with terms.
func termInputs(m builder.Model, batch int) map[string]*tensor.Dense {
	in := trainingInputs(m, batch)
	n := batch * m.Latent.Dist().Logits()
	in["view"] = dense64(uniforms(15, batch*m.Width()), m.InputShape(batch)...)
	in["contrast/1"] = dense64(uniforms(16, n), m.LatentShape(batch)...)
	in["contrast/2"] = dense64(uniforms(17, n), m.LatentShape(batch)...)
	return in
}

// only keeps the inputs of these names.
func only(in map[string]*tensor.Dense, names ...string) map[string]*tensor.Dense {
	out := map[string]*tensor.Dense{}
	for _, name := range names {
		out[name] = in[name]
	}
	return out
}

// wanted keeps the inputs that a training graph asks for.
func wanted(training builder.Training, in map[string]*tensor.Dense) map[string]*tensor.Dense {
	asked := map[string]bool{}
	for _, i := range training.Inputs {
		asked[i.Name] = true
	}
	out := maps.Clone(in)
	maps.DeleteFunc(out, func(name string, _ *tensor.Dense) bool { return !asked[name] })
	return out
}

// trainedOn returns a loss and the parts that are shown.
func trainedOn(t *testing.T, m builder.Model, p *builder.Params, batch int) []float64 {
	t.Helper()
	b := builder.New(p)
	training, err := m.Train(b, batch)
	if err != nil {
		t.Fatal(err)
	}
	out := onTape(t, b, wanted(training, termInputs(m, batch)), training.Loss, training.Reconstruction, training.KL)
	return []float64{out[0][0], out[1][0], out[2][0]}
}

// Every term differentiates, for every family and with the others.
func TestTermsDifferentiate(t *testing.T) {
	for name, terms := range map[string]builder.Terms{
		"contrast":   {Contrast: builder.Contrast{Weight: 2}},
		"redundancy": {Redundancy: builder.Redundancy{Weight: 0.5}},
		"free bits":  {FreeBits: 0.2},
		"all":        {FreeBits: 0.1, Contrast: builder.Contrast{Weight: 1, Temperature: 0.7}, Redundancy: builder.Redundancy{Weight: 1, Groups: 1}},
	} {
		for family, m := range models() {
			if !m.Latent.Dist().Discrete() {
				continue
			}
			t.Run(name+"/"+family, func(t *testing.T) {
				m.Terms = terms
				if m.Latent.Dist().Layered() || m.Cut.Lines > 0 { // which have no free bits
					m.Terms.FreeBits = 0
				}
				p := params64(t)
				b := builder.New(p)
				training, err := m.Train(b, 4)
				if err != nil {
					t.Fatal(err)
				}
				err = gradcheck.Check(p, wanted(training, termInputs(m, 4)), func(b *builder.Graph) *G.Node {
					training, err := m.Train(b, 4)
					if err != nil {
						t.Fatal(err)
					}
					return training.Loss
				}, gradcheck.Options{})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// The contrast of a batch is the one of loops over all pairs of codes.
func TestContrastAgainstALoop(t *testing.T) {
	const n = 5
	m := models()["bernoulli/uniform"]
	p := params64(t)
	plain := trainedOn(t, m, p, n)
	m.Terms.Contrast = builder.Contrast{Weight: 1, Temperature: 0.4}
	with := trainedOn(t, m, p, n)

	in := termInputs(m, n)
	codes := eval(t, p, only(in, "sample", "contrast/1"), func(b *builder.Graph) []*G.Node {
		first := m.Relax(b, m.Encode(b, b.Input("sample", m.InputShape(n)...)), b.Input("contrast/1", m.LatentShape(n)...), b.Number(1))
		return []*G.Node{first}
	})[0]
	codes = append(codes, eval(t, p, only(in, "view", "contrast/2"), func(b *builder.Graph) []*G.Node {
		return []*G.Node{m.Relax(b, m.Encode(b, b.Input("view", m.InputShape(n)...)), b.Input("contrast/2", m.LatentShape(n)...), b.Number(1))}
	})[0]...)
	k := m.Latent.Variables
	cosine := func(i, j int) float64 {
		var dot, a, b float64
		for v := range k {
			x, y := 2*codes[i*k+v]-1, 2*codes[j*k+v]-1
			dot, a, b = dot+x*y, a+x*x, b+y*y
		}
		return dot / math.Sqrt(a*b)
	}
	want := 0.0
	for i := range 2 * n {
		sum := 0.0
		for j := range 2 * n {
			if j != i {
				sum += math.Exp(cosine(i, j) / 0.4)
			}
		}
		want -= (cosine(i, (i+n)%(2*n))/0.4 - math.Log(sum)) / (2 * n)
	}
	if got := with[0] - plain[0]; math.Abs(got-want) > 1e-9 {
		t.Errorf("the contrast is %.12g, by loops %.12g", got, want)
	}
}

// The similarity of a batch is the one of loops over all pairs of rows and of their codes, and of codes and floats. Its gradient is that of the
// same loops where each bit is tanh of its logit and a constant.
func TestSimilarityAgainstALoop(t *testing.T) {
	const n = 6
	m := models()["bernoulli/uniform"]
	p := params64(t)
	in := termInputs(m, n)
	m.Terms.Similarity = builder.Similarity{Weight: 1, Temperature: 0.2, Query: 0.5}
	// trained returns the loss and its gradient by the bias of the logits.
	trained := func(m builder.Model) (loss float64, gradient []float64) {
		b := builder.New(p)
		training, err := m.Train(b, n)
		if err != nil {
			t.Fatal(err)
		}
		names, nodes := b.Parameters()
		grads, err := G.Grad(training.Loss, nodes[slices.Index(names, "encoder/logits/bias")])
		if err != nil {
			t.Fatal(err)
		}
		out := onTape(t, b, wanted(training, in), training.Loss, grads[0])
		return out[0][0], out[1]
	}
	loss, gradient := trained(m)
	m.Terms.Similarity = builder.Similarity{}
	plain, plainGradient := trained(m)

	rows := in["sample"].Data().([]float64)
	logits := eval(t, p, only(in, "sample"), func(b *builder.Graph) []*G.Node {
		return []*G.Node{m.Encode(b, b.Input("sample", m.InputShape(n)...))}
	})[0]
	k := m.Latent.Variables
	rest := make([]float64, len(logits)) // what bits are beside tanh
	for i, l := range logits {
		rest[i] = math.Copysign(1, l) - math.Tanh(l)
	}
	dot := func(x, y []float64) (sum float64) {
		for i := range x {
			sum += x[i] * y[i]
		}
		return sum
	}
	// softmax returns the logarithms of the shares of the others' scores.
	softmax := func(i int, score func(j int) float64) []float64 {
		sum := 0.0
		for j := range n {
			if j != i {
				sum += math.Exp(score(j))
			}
		}
		out := make([]float64, n)
		for j := range out {
			out[j] = score(j) - math.Log(sum)
		}
		return out
	}
	similarity := func(moved []float64) (sum float64) {
		var x, l, c [n][]float64
		for i := range n {
			x[i] = rows[i*len(rows)/n:][:len(rows)/n]
			for v := range k {
				logit := logits[i*k+v] + moved[v]
				l[i], c[i] = append(l[i], logit), append(c[i], math.Tanh(logit)+rest[i*k+v])
			}
		}
		scale := 1 / (float64(k) * 1.5 * 0.2)
		for i := range n {
			near := softmax(i, func(j int) float64 { return dot(x[i], x[j]) / math.Sqrt(dot(x[i], x[i])*dot(x[j], x[j])) / 0.2 })
			codes := softmax(i, func(j int) float64 { return dot(c[i], c[j]) * scale })
			query := softmax(i, func(j int) float64 { return dot(l[i], c[j]) * math.Sqrt(float64(k)/dot(l[i], l[i])) * scale })
			for j := range n {
				if j != i {
					sum -= math.Exp(near[j]) * (codes[j] + 0.5*query[j]) / n
				}
			}
		}
		return sum
	}
	moved := make([]float64, k)
	if want := similarity(moved); math.Abs(loss-plain-want) > 1e-9 {
		t.Errorf("the similarity is %.12g, by loops %.12g", loss-plain, want)
	}
	for v := range k {
		const h = 1e-5
		moved[v] = h
		up := similarity(moved)
		moved[v] = -h
		want := (up - similarity(moved)) / (2 * h)
		moved[v] = 0
		if got := gradient[v] - plainGradient[v]; math.Abs(got-want) > 1e-7 {
			t.Errorf("logit %d: the gradient is %.9g, by differences %.9g", v, got, want)
		}
	}
}

// The redundancy of two views is the one of loops over pairs of bits of a group.
func TestRedundancyAgainstALoop(t *testing.T) {
	const n = 6
	m := models()["bernoulli/uniform"]
	m.Latent.Variables = 6
	p := params64(t)
	plain := trainedOn(t, m, p, n)
	m.Terms.Redundancy = builder.Redundancy{Weight: 1, Groups: 2}
	with := trainedOn(t, m, p, n)
	in := termInputs(m, n)
	var views [2][]float64
	for i, name := range []string{"sample", "view"} {
		views[i] = eval(t, p, only(in, name), func(b *builder.Graph) []*G.Node {
			return []*G.Node{m.Probabilities(b, m.Encode(b, b.Input(name, m.InputShape(n)...)))}
		})[0]
		for v := range 6 { // to mean 0 and deviation 1
			mean, square := 0.0, 0.0
			for r := range n {
				mean += views[i][r*6+v] / n
			}
			for r := range n {
				d := views[i][r*6+v] - mean
				square += d * d / n
			}
			for r := range n {
				views[i][r*6+v] = (views[i][r*6+v] - mean) / math.Sqrt(square+1e-5)
			}
		}
	}
	want := 0.0
	for g := range 2 {
		for i := range 3 {
			for j := range 3 {
				c := 0.0
				for r := range n {
					c += views[0][r*6+3*g+i] * views[1][r*6+3*g+j] / n
				}
				if i == j {
					want += (1 - c) * (1 - c)
				} else {
					want += 0.005 * c * c
				}
			}
		}
	}
	if got := with[0] - plain[0]; math.Abs(got-want) > 1e-9 {
		t.Errorf("the redundancy is %.12g, by loops %.12g", got, want)
	}
}

// A detached reconstruction gives the encoder no gradient, and the decoder the same one.
func TestDetachedReconstruction(t *testing.T) {
	gradients := func(detached bool) map[string][]float64 {
		m := models()["bernoulli/uniform"]
		m.Terms.Detached = detached
		p := params64(t)
		b := builder.New(p)
		training, err := m.Train(b, 3)
		if err != nil {
			t.Fatal(err)
		}
		names, nodes := b.Parameters()
		in := wanted(training, termInputs(m, 3))
		in["kl_weight"] = number64(0) // the divergence has a gradient of its own
		grads, err := G.Grad(training.Loss, nodes...)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string][]float64{}
		for i, g := range onTape(t, b, in, grads...) {
			out[names[i]] = g
		}
		return out
	}
	joint, detached := gradients(false), gradients(true)
	for name, g := range detached {
		if strings.HasPrefix(name, "decoder/") && !slices.Equal(g, joint[name]) {
			t.Errorf("%s: the gradient is %v, of a joint objective %v", name, g, joint[name])
		}
		if strings.HasPrefix(name, "encoder/") && slices.ContainsFunc(g, func(x float64) bool { return x != 0 }) {
			t.Errorf("%s: the gradient is %v, want zeros", name, g)
		}
	}
}

// Free bits cost what lacks to them; the divergences of variables add up to the row's.
func TestFreeBits(t *testing.T) {
	for name, m := range models() {
		if !m.Latent.Dist().Discrete() || m.Latent.Dist().Layered() || m.Cut.Lines > 0 {
			continue
		}
		p := params64(t)
		randomise(t, p, m)
		plain := trainedOn(t, m, p, 4)
		m.Terms.FreeBits = 100 // above every divergence: max(KL, 100) of each variable
		variables := float64(m.Latent.Dist().Variables)
		with := trainedOn(t, m, p, 4)
		if got, want := with[0]-plain[0], 0.8*(100*variables-plain[2]); math.Abs(got-want) > 1e-9 { // 0.8 is kl_weight
			t.Errorf("%s: free bits of 100 nats add %.9g, want %.9g", name, got, want)
		}
		m.Terms.FreeBits = 1e-9
		if with := trainedOn(t, m, p, 4); math.Abs(with[0]-plain[0]) > 1e-8 {
			t.Errorf("%s: free bits of 1e-9 nats add %g", name, with[0]-plain[0])
		}
	}
}

// The controller moves the weight up where the divergence is above the rate, down where it is below, and changes nothing in the first step.
func TestRate(t *testing.T) {
	m := models()["bernoulli/uniform"]
	p := params64(t)
	randomise(t, p, m)
	plain := trainedOn(t, m, p, 4)
	for _, part := range []float64{0.5, 2} {
		m.Terms.Rate = plain[2] * part
		if m.Terms.Rate > m.MaxKL() {
			t.Fatal(m.Terms.Rate)
		}
		b := builder.New(p)
		training, err := m.Train(b, 4)
		if err != nil {
			t.Fatal(err)
		}
		updates := b.Updates()
		if len(updates) != 1 || updates[0].Buffer.Name() != "objective/rate" {
			t.Fatalf("the step carries %v", updates)
		}
		out := onTape(t, b, wanted(training, termInputs(m, 4)), training.Loss, updates[0].Next)
		if want := 0.02 * (1/part - 1); math.Abs(out[1][0]-want) > 1e-9 {
			t.Errorf("at a divergence of %g times the rate the logarithm moves by %g, want %g", 1/part, out[1][0], want)
		}
		if math.Abs(out[0][0]-plain[0]) > 1e-9 {
			t.Errorf("the first loss is %g, without a rate %g", out[0][0], plain[0])
		}
		if err := p.Set("objective/rate", []int{1}, []float64{math.Log(3)}); err != nil {
			t.Fatal(err)
		}
		if got := trainedOn(t, m, p, 4); math.Abs(got[0]-plain[0]-0.8*2*plain[2]) > 1e-9 {
			t.Errorf("at three times the weight the loss is %g, want %g", got[0], plain[0]+0.8*2*plain[2])
		}
		p = params64(t)
		randomise(t, p, models()["bernoulli/uniform"])
	}
}

// Terms that make no sense are refused by their keys.
func TestTermsRefuse(t *testing.T) {
	for want, change := range map[string]func(m *builder.Model){
		"objective.contrast.weight is -1":    func(m *builder.Model) { m.Terms.Contrast.Weight = -1 },
		"objective.redundancy.weight is NaN": func(m *builder.Model) { m.Terms.Redundancy.Weight = math.NaN() },
		"objective.contrast.temperature is":  func(m *builder.Model) { m.Terms.Contrast = builder.Contrast{Weight: 1, Temperature: -2} },
		"objective.redundancy.groups is 3":   func(m *builder.Model) { m.Terms.Redundancy = builder.Redundancy{Weight: 1, Groups: 3} },
		"objective.free_bits is":             func(m *builder.Model) { m.Terms.FreeBits = math.Inf(1) },
		"the variables carry at most":        func(m *builder.Model) { m.Terms.Rate = 1e6 },
		fmt.Sprintf("latent.kind %q", dist.Gaussian): func(m *builder.Model) {
			m.Latent, m.Terms.Contrast.Weight = builder.Latent{Kind: dist.Gaussian, Variables: 3, Prior: builder.PriorNormal}, 1
		},
	} {
		m := models()["bernoulli/uniform"]
		change(&m)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
}
