package train_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/engine"
	"gorgonia.org/tensor"
)

// The models that the engines are compared on are small, so that the tape machine keeps up; -full takes the catalogue's.
var full = flag.Bool("full", false, "compare the engines on models of full size")

func twoModels(a builder.Activation) map[string]builder.Model {
	hidden, variables := 64, 160
	if *full {
		hidden, variables = 400, 200
	}
	m := builder.Model{
		Input: []int{28, 28}, Activation: a, Encoder: builder.MLP{Hidden: []int{hidden}}, Decoder: builder.MLP{Hidden: []int{hidden}},
		Latent: builder.Latent{Kind: "bernoulli", Variables: variables, Prior: "uniform"},
	}
	c := m
	c.Latent = builder.Latent{Kind: "categorical", Variables: variables / 10, Categories: 10, Prior: "uniform"}
	return map[string]builder.Model{"bernoulli": m, "categorical": c}
}

// otherLatents are models with the families that are not among the two, small.
func otherLatents() map[string]builder.Model {
	m := builder.Model{
		Input: []int{28, 28}, Activation: builder.Tanh, Encoder: builder.MLP{Hidden: []int{32}}, Decoder: builder.MLP{Hidden: []int{32}},
		Latent: builder.Latent{Kind: "gaussian", Variables: 12, Prior: "normal"},
	}
	g := m
	g.Latent = builder.Latent{Kind: "mixed", Groups: builder.Groups{{Kind: "bernoulli", Variables: 9}, {Kind: "categorical", Variables: 4, Categories: 5}, {Kind: "bernoulli", Variables: 2}}, Prior: "learned"}
	h := m
	h.Latent = builder.Latent{Kind: "hierarchical", Groups: builder.Groups{{Kind: "bernoulli", Variables: 12}, {Kind: "categorical", Variables: 3, Categories: 4}}, Hidden: []int{10}, Prior: "learned"}
	p := m
	p.Latent = builder.Latent{Kind: "hierarchical", Groups: builder.Groups{{Kind: "bernoulli", Variables: 12}, {Kind: "categorical", Variables: 3, Categories: 4}}, Prior: "conditional"}
	p.Cut, p.Encoder, p.Decoder = dist.Cut{Lines: 14}, builder.MLP{}, builder.MLP{}
	return map[string]builder.Model{"gaussian": m, "mixed": g, "hierarchical": h, "predicted": p}
}

// So do models of the other latent families.
func TestEnginesAgreeOnLatents(t *testing.T) {
	t.Parallel()
	for name, m := range otherLatents() {
		t.Run(name, func(t *testing.T) {
			compareGradients(t, m, tensor.Float32, 20, 1e-5, 0)
			compareGradients(t, m, tensor.Float64, 5, 1e-8, 0)
		})
	}
}

// So do the estimators of discrete variables. A logit that rounds to either side of its noise makes another hard sample: a few steps in
// float32 may differ by more.
func TestEnginesAgreeOnEstimators(t *testing.T) {
	t.Parallel()
	discrete := twoModels(builder.Tanh)
	for _, name := range []string{"mixed", "hierarchical", "predicted"} {
		discrete[name] = otherLatents()[name]
	}
	for name, m := range discrete {
		for _, estimator := range builder.Estimators() {
			if estimator == builder.ReparametrisedEstimator || estimator == builder.CodebookEstimator {
				continue // the latter is of networks of their own: see TestEnginesAgreeOnCodebooks
			}
			if m.Latent.Dist().Layered() && (estimator == builder.ConcreteEstimator || estimator == builder.DisARMEstimator) {
				continue // neither is of layers
			}
			t.Run(name+"/"+estimator, func(t *testing.T) {
				m.Estimator = estimator
				compareGradients(t, m, tensor.Float32, 4, 5e-4, 1) // score functions multiply differences of likelihoods
				compareGradients(t, m, tensor.Float64, 3, 1e-8, 0)
			})
		}
	}
}

// So do models whose encoder searches codebooks. A choice between words of nearly the same cost may fall either way: such a step has
// another gradient.
func TestEnginesAgreeOnCodebooks(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]builder.Network{"rq": builder.RQ{Beam: 2}, "residual": builder.Residual{Beam: 3, Sweeps: 1, Norm: 2}} {
		t.Run(name, func(t *testing.T) {
			m := builder.Model{
				Input: []int{28, 28}, Activation: builder.ReLU, Encoder: n, Decoder: builder.Additive{}, Likelihood: dist.LikelihoodConfig{Kind: dist.Gaussian, Variance: dist.VarianceFixed},
				Latent: builder.Latent{Kind: dist.Categorical, Variables: 4, Categories: 16, Prior: builder.PriorUniform},
			}
			compareGradients(t, m, tensor.Float32, 10, 1e-4, 1)
			compareGradients(t, m, tensor.Float64, 4, 1e-4, 1) // the tape searches in float32
		})
	}
}

const agreeBatch, agreeSteps = 64, 200

// glyphBatch makes a step's batch of grey bytes: every engine gets the same numbers.
func glyphBatch(set *dataset.Set, m builder.Model, dt tensor.Dtype, step int) engine.Batch {
	pixels := make([]byte, 0, agreeBatch*784)
	for i := range agreeBatch {
		pixels = append(pixels, set.Bytes((step*agreeBatch+i)%set.Len())...)
	}
	u, tau, weight := make([]float64, agreeBatch*m.Latent.Dist().Logits()), 0.6, 1.0
	if m.Latent.Kind == "categorical" {
		tau = 1 // as in the catalogue
	}
	noise.Stream{Seed: 2, Purpose: noise.Latent}.Uniform64(u, uint32(step), 0)
	batch := engine.Batch{"sample": pixels, "noise": u, "temperature": []float64{tau}, "kl_weight": []float64{weight}}
	if dt == tensor.Float32 {
		narrow := make([]float32, len(u))
		for i, x := range u {
			narrow[i] = float32(x)
		}
		batch = engine.Batch{"sample": pixels, "noise": narrow, "temperature": []float32{float32(tau)}, "kl_weight": []float32{float32(weight)}}
	}
	switch m.EstimatorName() {
	case builder.ReparametrisedEstimator, builder.StraightThroughEstimator, builder.DisARMEstimator:
		delete(batch, "temperature")
	case builder.DeterministicEstimator, builder.CodebookEstimator:
		delete(batch, "temperature")
		delete(batch, "noise")
	case builder.RLOOEstimator, builder.VIMCOEstimator:
		delete(batch, "temperature")
		for i := 2; i <= 5 && (i == 2 || m.EstimatorName() == builder.VIMCOEstimator); i++ {
			batch[fmt.Sprintf("noise/%d", i)] = reversed(batch["noise"], i)
		}
	}
	return batch
}

// reversed is other noise: the numbers from place n on, turned around.
func reversed(noise any, n int) any {
	switch u := noise.(type) {
	case []float32:
		u = slices.Concat(u[n:], u[:n])
		slices.Reverse(u)
		return u
	default:
		u64 := slices.Concat(noise.([]float64)[n:], noise.([]float64)[:n])
		slices.Reverse(u64)
		return u64
	}
}

// pairOfEngines returns the tape and the compiled engine on equal weights.
func pairOfEngines(t *testing.T, m builder.Model, dt tensor.Dtype) (tape, compiled engine.Engine) {
	t.Helper()
	params, err := builder.NewParams(dt, 1)
	if err != nil {
		t.Fatal(err)
	}
	o := engine.Optimizer{Name: "adam", LearningRate: 1e-3}
	trace := train.TraceModel(m, params, train.GreyRows)
	a, err := engine.NewTape(t.Context(), trace, o, agreeBatch)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	b, err := engine.Compile(t.Context(), ortest.Backend(t), trace, o, agreeBatch, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return a, b
}

func glyphs(t *testing.T) *dataset.Set {
	t.Helper()
	set, err := dataset.Load(t.Context(), "glyphs", dataset.Options{Rows: 4000})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func step(t *testing.T, e engine.Engine, b engine.Batch) engine.Values {
	t.Helper()
	v, err := e.Step(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	return v[0]
}

// From one state, in each of 200 steps, both engines find the same gradients: Adam's first moment after a step from zero
// moments is the gradient itself. ReLU has a kink: an operand that rounds to either side of 0 changes the gradient by
// that row's whole share, so there a few steps may differ by more.
func TestEnginesFindTheSameGradients(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		activation builder.Activation
		dt         tensor.Dtype
		steps      int
		tolerance  float64
		kinks      int // steps that may pass the tolerance
	}{
		{builder.Tanh, tensor.Float32, agreeSteps, 1e-5, 0},
		{builder.Tanh, tensor.Float64, agreeSteps / 4, 1e-8, 0},
		{builder.ReLU, tensor.Float32, agreeSteps, 1e-5, 4},
	} {
		for name, m := range twoModels(c.activation) {
			t.Run(fmt.Sprint(name, "/", c.activation, "/", c.dt), func(t *testing.T) {
				compareGradients(t, m, c.dt, c.steps, c.tolerance, c.kinks)
			})
		}
	}
}

func compareGradients(t *testing.T, m builder.Model, dt tensor.Dtype, steps int, tolerance float64, kinks int) {
	set := glyphs(t)
	tape, compiled := pairOfEngines(t, m, dt)
	largest, passed := 0.0, 0
	for i := range steps {
		b := glyphBatch(set, m, dt, i)
		state := compiled.State()
		for _, e := range []engine.Engine{tape, compiled} {
			if err := e.Restore(withoutMoments(state)); err != nil {
				t.Fatal(err)
			}
		}
		va, vb := step(t, tape, b), step(t, compiled, b)
		worst := 0.0
		for j := range va {
			worst = max(worst, math.Abs(va[j]-vb[j])/max(math.Abs(va[j]), 1))
		}
		a, c := tape.State(), compiled.State()
		for j, g := range a.Tensors {
			if strings.HasPrefix(g.Name, "optimizer/m/") {
				worst = max(worst, distance(g.Data, c.Tensors[j].Data)/max(norm(g.Data), 1e-12)) // a gradient may be 0
			}
		}
		if !(worst <= tolerance) { // nor NaN
			passed++
		}
		largest = max(largest, worst)
		if err := compiled.Restore(state); err != nil {
			t.Fatal(err)
		}
		step(t, compiled, b) // the trajectory itself
	}
	t.Logf("largest difference of a gradient or loss part in %d steps, relative: %.2g; %d steps pass %.0g", steps, largest, passed, tolerance)
	if passed > kinks || !(largest <= 0.1) {
		t.Errorf("the engines differ by %.2g, in %d of %d steps by more than %.0g: %d are allowed", largest, passed, steps, tolerance, kinks)
	}
}

// Left to themselves for 200 steps the engines stay together: loss parts to 1e-4, weights to 1 % of the way they went.
func TestEnginesStayTogether(t *testing.T) {
	t.Parallel()
	set := glyphs(t)
	for name, m := range twoModels(builder.ReLU) {
		t.Run(name, func(t *testing.T) {
			tape, compiled := pairOfEngines(t, m, tensor.Float32)
			start := tape.State()
			parts := 0.0
			for i := range agreeSteps {
				b := glyphBatch(set, m, tensor.Float32, i)
				va, vb := step(t, tape, b), step(t, compiled, b)
				for j := range va {
					parts = max(parts, math.Abs(va[j]-vb[j])/max(math.Abs(va[j]), 1))
				}
			}
			a, c := tape.State(), compiled.State()
			apart, way := 0.0, 0.0
			for j, w := range a.Tensors {
				if !engine.IsMoment(w.Name) {
					apart += math.Pow(distance(w.Data, c.Tensors[j].Data), 2)
					way += math.Pow(distance(w.Data, start.Tensors[j].Data), 2)
				}
			}
			ratio := math.Sqrt(apart / way)
			t.Logf("loss parts within %.2g, |dw|/|w-w0| %.2g", parts, ratio)
			if !(parts <= 1e-4 && ratio <= 1e-2) {
				t.Errorf("loss parts differ by %.2g (1e-4 is allowed), weights by %.2g of their way (1e-2)", parts, ratio)
			}
		})
	}
}

func withoutMoments(s engine.State) engine.State {
	blank := engine.State{Tensors: append(s.Tensors[:0:0], s.Tensors...)}
	for i, t := range blank.Tensors {
		if engine.IsMoment(t.Name) {
			switch d := t.Data.(type) {
			case []float32:
				blank.Tensors[i].Data = make([]float32, len(d))
			case []float64:
				blank.Tensors[i].Data = make([]float64, len(d))
			}
		}
	}
	return blank
}

func wide(x any) []float64 {
	if d, ok := x.([]float64); ok {
		return d
	}
	out := make([]float64, len(x.([]float32)))
	for i, v := range x.([]float32) {
		out[i] = float64(v)
	}
	return out
}

func distance(x, y any) float64 {
	a, b, sum := wide(x), wide(y), 0.0
	for i := range a {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return math.Sqrt(sum)
}

func norm(x any) float64 {
	sum := 0.0
	for _, v := range wide(x) {
		sum += v * v
	}
	return math.Sqrt(sum)
}

// Several steps in one call, on a graph of full form, are single steps one after the other.
func TestStepsPerCall(t *testing.T) {
	set := glyphs(t)
	for name, m := range twoModels(builder.ReLU) {
		params, err := builder.NewParams(tensor.Float32, 1)
		if err != nil {
			t.Fatal(err)
		}
		trace := train.TraceModel(m, params, train.GreyRows)
		o := engine.Optimizer{Name: "adam", LearningRate: 1e-3, Clip: 100}
		var states []engine.State
		var losses []string
		for _, perCall := range []int{1, 8} {
			e, err := engine.Compile(t.Context(), ortest.Backend(t), trace, o, agreeBatch, engine.Options{StepsPerCall: perCall})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			var batches []engine.Batch
			for i := range 19 { // two calls of 8 and one of 3
				batches = append(batches, glyphBatch(set, m, tensor.Float32, i))
			}
			values, err := e.Step(context.Background(), batches...)
			if err != nil {
				t.Fatal(err)
			}
			states, losses = append(states, e.State()), append(losses, fmt.Sprintf("%.4v", values))
		}
		if losses[0] != losses[1] {
			t.Errorf("%s: losses are\n%s with 1 step a call,\n%s with 8", name, losses[0], losses[1])
		}
		for i, a := range states[0].Tensors {
			if d := distance(a.Data, states[1].Tensors[i].Data); !(d <= 1e-5*max(norm(a.Data), 1e-3)) {
				t.Errorf("%s: %s differs by %.2g of %.2g", name, a.Name, d, norm(a.Data))
			}
		}
	}
}
