package engine_test

import (
	"math"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/train/engine"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// running is the regression of x + average to y, where the average of the outputs' means is carried along: it takes half of each
// step's from before the step.
func running(params *builder.Params) engine.Trace {
	return func(g *G.ExprGraph, batch int) (engine.Objective, error) {
		b := builder.Over(g, params)
		b.ForTraining()
		x, y := b.Input("x", batch, features), b.Input("y", batch, outputs)
		average := b.Buffer("average", builder.Zeros, outputs)
		out := b.Linear("layer", x, outputs, builder.GlorotNormal)
		mean := b.Div(b.Sum(out, 0), b.Number(float64(batch)))
		half := b.Number(0.5)
		b.Update(average, b.Add(b.Mul(half, average), b.Mul(half, mean)))
		diff := b.Sub(b.Add(out, b.ExpandLike(average, out, 0)), y)
		o := engine.Objective{Loss: b.Sum(b.Square(diff)), Inputs: G.Nodes{x, y}, Updates: b.Updates()}
		_, o.Parameters = b.Parameters()
		return o, b.Err()
	}
}

// A buffer follows its update on every engine, has no moments, and is part of the state.
func TestBuffers(t *testing.T) {
	params, err := builder.NewParams(tensor.Float64, 3)
	if err != nil {
		t.Fatal(err)
	}
	const steps = 8
	var ends []engine.State
	for name, e := range engines(t, running(params), engine.Optimizer{Name: "adam", LearningRate: 0.05}, rows) {
		want := make([]float64, outputs)
		for step := range steps {
			s := e.State()
			w, bias := tensorOf(t, s, "layer/weight"), tensorOf(t, s, "layer/bias")
			x, y := data(step)
			for j := range outputs {
				mean := bias[j]
				for r := range rows {
					for k := range features {
						mean += x[r*features+k] * w[k*outputs+j] / rows
					}
				}
				want[j] = want[j]/2 + mean/2
			}
			if _, err := e.Step(t.Context(), engine.Batch{"x": x, "y": y}); err != nil {
				t.Fatal(err)
			}
			for j, got := range tensorOf(t, e.State(), "average") {
				if math.Abs(got-want[j]) > 1e-12 {
					t.Fatalf("%s, step %d: the average is %g, want %g", name, step, got, want[j])
				}
			}
		}
		s := e.State()
		for _, tensor := range s.Tensors {
			if engine.IsMoment(tensor.Name) && strings.Contains(tensor.Name, "average") {
				t.Errorf("%s: the optimiser keeps %s", name, tensor.Name)
			}
		}
		ends = append(ends, s)
	}
	for _, s := range ends[1:] {
		for j, got := range tensorOf(t, s, "layer/weight") {
			if want := tensorOf(t, ends[0], "layer/weight")[j]; math.Abs(got-want) > 1e-12 {
				t.Errorf("engines differ: %g and %g", got, want)
			}
		}
	}
}

func tensorOf(t *testing.T, s engine.State, name string) []float64 {
	t.Helper()
	x, ok := s.Tensor(name)
	if !ok {
		t.Fatalf("the state lacks %s", name)
	}
	return floats(x.Data)
}

func TestBadUpdates(t *testing.T) {
	params, err := builder.NewParams(tensor.Float64, 3)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(o *engine.Objective)
		want   string
	}{
		"no next value": {func(o *engine.Objective) { o.Updates[0].Next = nil }, "next value of the buffer"},
		"no buffer":     {func(o *engine.Objective) { o.Updates[0].Buffer = nil }, "not a node of the graph"},
		"other shape":   {func(o *engine.Objective) { o.Updates[0].Next = o.Loss }, "of shape (3)"},
		"a parameter":   {func(o *engine.Objective) { o.Updates[0].Buffer = o.Parameters[1] }, "twice"},
	} {
		trace := func(g *G.ExprGraph, batch int) (engine.Objective, error) {
			o, err := running(params)(g, batch)
			c.change(&o)
			return o, err
		}
		if _, err := engine.NewTape(t.Context(), trace, engine.Optimizer{Name: "adam", LearningRate: 1}, rows); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}
