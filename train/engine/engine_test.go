package engine_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train/engine"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestMain leaves the example out where onnxruntime cannot be had: examples cannot skip themselves.
func TestMain(m *testing.M) {
	flag.Parse()
	if _, err := onnxruntime.EnsureLibrary(context.Background(), onnxruntime.InstallOptions{}); err != nil && os.Getenv("CATVAE_NO_SKIP") != "1" {
		flag.Set("test.run", "^Test")
	}
	os.Exit(m.Run())
}

const features, outputs, rows = 5, 3, 7

// regression is mean((x W + b - y)²), whose gradient can be written by hand.
func regression(dt tensor.Dtype) engine.Trace {
	return func(g *G.ExprGraph, batch int) (engine.Objective, error) {
		w := G.NewMatrix(g, dt, G.WithName("w"), G.WithValue(dense(dt, weights(0), features, outputs)))
		b := G.NewMatrix(g, dt, G.WithName("b"), G.WithValue(dense(dt, weights(1)[:outputs], 1, outputs)))
		x := G.NewMatrix(g, dt, G.WithName("x"), G.WithShape(batch, features))
		y := G.NewMatrix(g, dt, G.WithName("y"), G.WithShape(batch, outputs))
		out := G.Must(G.BroadcastAdd(G.Must(G.Mul(x, w)), b, nil, []byte{0}))
		loss := G.Must(G.Mean(G.Must(G.Square(G.Must(G.Sub(out, y))))))
		norm := G.Must(G.Sum(G.Must(G.Square(w))))
		return engine.Objective{Loss: loss, Parameters: G.Nodes{w, b}, Inputs: G.Nodes{x, y}, Metrics: []export.Named{{Name: "norm", Node: norm}}}, nil
	}
}

func weights(row uint32) []float64 {
	x := make([]float64, features*outputs)
	noise.Stream{Seed: 4}.Normal(x, 0, row)
	return x
}

func dense(dt tensor.Dtype, x []float64, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(as(dt, x)))
}

func as(dt tensor.Dtype, x []float64) any {
	if dt == tensor.Float64 {
		return append([]float64(nil), x...)
	}
	f := make([]float32, len(x))
	for i, v := range x {
		f[i] = float32(v)
	}
	return f
}

func floats(data any) []float64 {
	switch d := data.(type) {
	case []float64:
		return d
	case []float32:
		x := make([]float64, len(d))
		for i, v := range d {
			x[i] = float64(v)
		}
		return x
	}
	return nil
}

// data returns the rows of a step.
func data(step int) (x, y []float64) {
	x, y = make([]float64, rows*features), make([]float64, rows*outputs)
	noise.Stream{Seed: 5}.Normal(x, uint32(step), 0)
	noise.Stream{Seed: 6}.Normal(y, uint32(step), 0)
	return x, y
}

// byHand is the loss and its gradient by w and b.
func byHand(w, b, x, y []float64) (loss float64, gw, gb []float64) {
	gw, gb = make([]float64, len(w)), make([]float64, len(b))
	for r := range rows {
		for o := range outputs {
			d := b[o] - y[r*outputs+o]
			for f := range features {
				d += x[r*features+f] * w[f*outputs+o]
			}
			loss += d * d / (rows * outputs)
			d *= 2.0 / (rows * outputs)
			gb[o] += d
			for f := range features {
				gw[f*outputs+o] += d * x[r*features+f]
			}
		}
	}
	return loss, gw, gb
}

// engines makes every engine for a trace.
func engines(t *testing.T, trace engine.Trace, o engine.Optimizer, batch int) map[string]engine.Engine {
	t.Helper()
	made := map[string]engine.Engine{}
	tape, err := engine.NewTape(t.Context(), trace, o, batch)
	if err != nil {
		t.Fatal(err)
	}
	made["tape"] = tape
	on := ortest.Backend(t)
	for name, steps := range map[string]int{"compiled": 0, "scan of 4": 4} {
		if made[name], err = engine.Compile(t.Context(), on, trace, o, batch, engine.Options{StepsPerCall: steps}); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range made {
		t.Cleanup(func() { e.Close() })
	}
	return made
}

// Every optimiser, as nodes on every engine, follows its published rule written as a loop in float64.
func TestOptimizersAgainstALoop(t *testing.T) {
	const steps = 50
	for name, o := range map[string]engine.Optimizer{
		"adam":              {Name: "adam", LearningRate: 0.01},
		"adam, clipped":     {Name: "adam", LearningRate: 0.01, Clip: 0.05},
		"adamw":             {Name: "adamw", LearningRate: 0.01, WeightDecay: 0.1},
		"adagrad":           {Name: "adagrad", LearningRate: 0.05},
		"rmsprop":           {Name: "rmsprop", LearningRate: 0.01, Rho: 0.9},
		"rmsprop, clipped":  {Name: "rmsprop", LearningRate: 0.001, Clip: 0.05},
		"sgd":               {Name: "sgd", LearningRate: 0.05},
		"sgd with momentum": {Name: "sgd", LearningRate: 0.02, Momentum: 0.9, Clip: 1},
		"adamw by a cosine": {Name: "adamw", LearningRate: 0.02, WeightDecay: 0.1, Schedule: engine.CosineRate, ScheduleSteps: 40, Warmup: 10},
		"sgd warming up":    {Name: "sgd", LearningRate: 0.05, Warmup: 20},
		"adagrad, a cosine": {Name: "adagrad", LearningRate: 0.05, Schedule: engine.CosineRate, ScheduleSteps: 50},
		"adam, averaged":    {Name: "adam", LearningRate: 0.02, Average: 0.9},
		"rmsprop, constant": {Name: "rmsprop", LearningRate: 0.01, Rho: 0.9, Schedule: engine.ConstantRate, Warmup: 5},
	} {
		for dt, tolerance := range map[tensor.Dtype]float64{tensor.Float32: 3e-6, tensor.Float64: 1e-12} {
			for which, e := range engines(t, regression(dt), o, rows) {
				t.Run(fmt.Sprintf("%s/%v/%s", name, dt, which), func(t *testing.T) {
					w, b := weights(0), weights(1)[:outputs]
					loop := newLoop(o, w, b)
					var batches []engine.Batch
					var losses []float64
					for step := range steps {
						x, y := data(step)
						batches = append(batches, engine.Batch{"x": as(dt, x), "y": as(dt, y)})
						losses = append(losses, loop.step(x, y))
					}
					values, err := e.Step(context.Background(), batches...)
					if err != nil {
						t.Fatal(err)
					}
					if len(values) != steps {
						t.Fatalf("%d values for %d steps", len(values), steps)
					}
					for i, v := range values {
						if math.Abs(v[0]-losses[i]) > tolerance*losses[i] {
							t.Fatalf("the loss of step %d is %.9g, the loop has %.9g", i+1, v[0], losses[i])
						}
					}
					s := e.State()
					if s.Steps != steps {
						t.Errorf("the state has taken %d steps", s.Steps)
					}
					if o.Average > 0 {
						parameters := engine.State{Tensors: s.Parameters()}
						for i, name := range []string{"w", "b"} {
							got, _ := parameters.Tensor(name)
							for j, x := range floats(got.Data) {
								if want := loop.average[i][j]; math.Abs(x-want) > tolerance*max(1, math.Abs(want)) {
									t.Fatalf("the average of %s[%d] is %.9g, the loop has %.9g", name, j, x, want)
								}
							}
						}
					}
					for i, name := range []string{"w", "b"} {
						got, ok := s.Tensor(name)
						if !ok {
							t.Fatalf("the state lacks %s", name)
						}
						for j, x := range floats(got.Data) {
							if want := [][]float64{loop.w, loop.b}[i][j]; math.Abs(x-want) > tolerance*max(1, math.Abs(want)) {
								t.Fatalf("%s[%d] is %.9g, the loop has %.9g", name, j, x, want)
							}
						}
					}
				})
			}
		}
	}
}

// loop is the reference: Kingma and Ba's algorithm 1, Loshchilov and Hutter's algorithm 2, momentum as PyTorch has it.
type loop struct {
	o    engine.Optimizer
	w, b []float64
	m, v map[int][]float64
	t    int

	average [2][]float64
}

func newLoop(o engine.Optimizer, w, b []float64) *loop {
	return &loop{o: o, w: w, b: b,
		m: map[int][]float64{0: make([]float64, len(w)), 1: make([]float64, len(b))},
		v: map[int][]float64{0: make([]float64, len(w)), 1: make([]float64, len(b))}}
}

func (l *loop) step(x, y []float64) float64 {
	loss, gw, gb := byHand(l.w, l.b, x, y)
	l.t++
	norm := 0.0
	for _, g := range append(append([]float64(nil), gw...), gb...) {
		norm += g * g
	}
	rate := l.o.LearningRate
	if l.t < l.o.Warmup {
		rate *= float64(l.t) / float64(l.o.Warmup)
	}
	if after := l.t - 1 - l.o.Warmup; l.o.Schedule == engine.CosineRate && after > 0 { // a half wave, then nothing
		angle := math.Pi * float64(after) / float64(l.o.ScheduleSteps-l.o.Warmup)
		rate *= math.Pow(math.Cos(min(angle, math.Pi)/2), 2)
	}
	scale := 1.0
	if l.o.Clip > 0 {
		scale = l.o.Clip / max(l.o.Clip, math.Sqrt(norm))
	}
	for i, w := range [][]float64{l.w, l.b} {
		for j, g := range [][]float64{gw, gb}[i] {
			g *= scale
			m, v := &l.m[i][j], &l.v[i][j]
			rho := l.o.Rho
			if rho == 0 {
				rho = 0.999
			}
			switch l.o.Name {
			case "sgd":
				*m = l.o.Momentum**m + g
				w[j] -= rate * *m
				continue
			case "adagrad":
				*v += g * g
				w[j] -= rate * g / math.Sqrt(*v+1e-8)
				continue
			case "rmsprop":
				*v = rho**v + (1-rho)*g*g
				w[j] -= rate * g / math.Sqrt(*v+1e-8)
				continue
			}
			*m, *v = 0.9**m+0.1*g, 0.999**v+0.001*g*g
			c1, c2 := 1-math.Pow(0.9, float64(l.t)), 1-math.Pow(0.999, float64(l.t))
			w[j] -= rate * l.o.WeightDecay * w[j]
			w[j] -= rate * (*m / c1) / (math.Sqrt(*v/c2) + 1e-8)
		}
	}
	keep := min(l.o.Average, float64(l.t-1)/float64(l.t+9))
	for i, w := range [][]float64{l.w, l.b} {
		if l.average[i] == nil {
			l.average[i] = make([]float64, len(w))
		}
		for j, x := range w {
			l.average[i][j] = keep*l.average[i][j] + (1-keep)*x
		}
	}
	return loss
}

// A state that is taken and restored, in the same engine or another, continues bit for bit; several steps a call give what
// single ones give; two runs are equal.
func TestStates(t *testing.T) {
	for _, name := range engine.Optimizers() {
		t.Run(name, func(t *testing.T) { states(t, engine.Optimizer{Name: name, LearningRate: 0.01}) })
	}
}

func states(t *testing.T, o engine.Optimizer) {
	batch := func(step int) engine.Batch {
		x, y := data(step)
		return engine.Batch{"x": as(tensor.Float32, x), "y": as(tensor.Float32, y)}
	}
	take := func(e engine.Engine, from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			if _, err := e.Step(context.Background(), batch(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	first := engines(t, regression(tensor.Float32), o, rows)
	for name, e := range engines(t, regression(tensor.Float32), o, rows) {
		take(e, 0, 5)
		middle := e.State()
		take(e, 5, 11)
		end := e.State()
		other := first[name]
		if err := other.Restore(middle); err != nil {
			t.Fatal(err)
		}
		take(other, 5, 11)
		equalStates(t, name+": restored in another engine", other.State(), end)
		if err := e.Restore(middle); err != nil {
			t.Fatal(err)
		}
		equalStates(t, name+": taken back", e.State(), middle)
		take(e, 5, 11)
		equalStates(t, name+": restored in the same engine", e.State(), end)
	}
}

func equalStates(t *testing.T, what string, got, want engine.State) {
	t.Helper()
	if got.Steps != want.Steps || len(got.Tensors) != len(want.Tensors) {
		t.Fatalf("%s: %d steps and %d tensors, want %d and %d", what, got.Steps, len(got.Tensors), want.Steps, len(want.Tensors))
	}
	for i, g := range got.Tensors {
		w := want.Tensors[i]
		if fmt.Sprint(g) != fmt.Sprint(w) {
			t.Errorf("%s: %s is\n%v, want\n%v", what, g.Name, g, w)
		}
	}
}

func TestBadObjectives(t *testing.T) {
	ok := regression(tensor.Float32)
	edit := func(change func(o *engine.Objective, g *G.ExprGraph)) engine.Trace {
		return func(g *G.ExprGraph, batch int) (engine.Objective, error) {
			o, err := ok(g, batch)
			change(&o, g)
			return o, err
		}
	}
	adam := engine.Optimizer{Name: "adam", LearningRate: 0.01}
	for name, c := range map[string]struct {
		trace engine.Trace
		want  string
	}{
		"no loss":          {edit(func(o *engine.Objective, _ *G.ExprGraph) { o.Loss = nil }), "no loss"},
		"loss of a matrix": {edit(func(o *engine.Objective, _ *G.ExprGraph) { o.Loss = o.Parameters[0] }), "must be a scalar"},
		"no parameters":    {edit(func(o *engine.Objective, _ *G.ExprGraph) { o.Parameters = nil }), "no parameters"},
		"a computed one":   {edit(func(o *engine.Objective, _ *G.ExprGraph) { o.Parameters[0] = G.Must(G.Square(o.Parameters[0])) }), "leaves"},
		"a name twice":     {edit(func(o *engine.Objective, _ *G.ExprGraph) { o.Parameters[1] = o.Parameters[0] }), "twice"},
		"an input as one":  {edit(func(o *engine.Objective, _ *G.ExprGraph) { o.Parameters, o.Inputs = o.Inputs, o.Parameters }), "holds no value"},
		"unused parameter": {edit(func(o *engine.Objective, g *G.ExprGraph) {
			o.Parameters = append(o.Parameters, G.NewVector(g, tensor.Float32, G.WithName("z"), G.WithValue(dense(tensor.Float32, []float64{1, 2}, 2))))
		}), "every parameter"},
		"a nil metric":  {edit(func(o *engine.Objective, _ *G.ExprGraph) { o.Metrics = []export.Named{{Name: "m"}} }), "metric"},
		"another graph": {func(_ *G.ExprGraph, batch int) (engine.Objective, error) { return ok(G.NewGraph(), batch) }, "not a node of the graph"},
		"a kept name": {edit(func(o *engine.Objective, g *G.ExprGraph) {
			G.NewScalar(g, tensor.Float32, G.WithName("optimizer/rate"))
		}), "kept for the optimiser"},
		"a panic":  {func(*G.ExprGraph, int) (engine.Objective, error) { panic("oh") }, "oh"},
		"an error": {func(*G.ExprGraph, int) (engine.Objective, error) { return engine.Objective{}, errors.New("oh no") }, "oh no"},
		"an input of bools": {edit(func(o *engine.Objective, g *G.ExprGraph) {
			o.Inputs = append(o.Inputs, G.NewVector(g, tensor.Bool, G.WithName("flags"), G.WithShape(2)))
		}), "of type bool"},
	} {
		if _, err := engine.NewTape(t.Context(), c.trace, adam, rows); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
	for _, o := range []engine.Optimizer{
		{}, {Name: "adadelta", LearningRate: 1}, {Name: "adam", LearningRate: 1, Rho: 0.9}, {Name: "rmsprop", LearningRate: 1, Rho: 1}, {Name: "adam"}, {Name: "adam", LearningRate: math.NaN()}, {Name: "adam", LearningRate: 1, Clip: -1},
		{Name: "adam", LearningRate: 1, Momentum: 0.5}, {Name: "sgd", LearningRate: 1, Momentum: 1}, {Name: "sgd", LearningRate: 1, WeightDecay: 0.1},
		{Name: "adamw", LearningRate: 1, WeightDecay: 2}, {Name: "adam", LearningRate: 1, Schedule: "linear"}, {Name: "adam", LearningRate: 1, Warmup: -1}, {Name: "adam", LearningRate: 1, Average: 1},
		{Name: "adam", LearningRate: 1, ScheduleSteps: 9}, {Name: "adam", LearningRate: 1, Schedule: engine.CosineRate, ScheduleSteps: 9, Warmup: 9},
		{Name: "adam", LearningRate: 1, Schedule: engine.CosineRate}, // the engine does not know how long the run is
	} {
		if _, err := engine.NewTape(t.Context(), ok, o, rows); !errors.Is(err, engine.ErrOptimizer) {
			t.Errorf("%+v: %v, want ErrOptimizer", o, err)
		}
	}
	if _, err := engine.NewTape(t.Context(), ok, adam, 0); !errors.Is(err, engine.ErrBatch) {
		t.Errorf("a batch of 0: %v", err)
	}
}

func TestBadBatchesAndStates(t *testing.T) {
	o := engine.Optimizer{Name: "adam", LearningRate: 0.01}
	x, y := data(0)
	good := engine.Batch{"x": as(tensor.Float32, x), "y": as(tensor.Float32, y)}
	for name, e := range engines(t, regression(tensor.Float32), o, rows) {
		before := e.State()
		for what, b := range map[string]engine.Batch{
			"too few inputs": {"x": good["x"]}, "another name": {"x": good["x"], "z": good["y"]}, "another type": {"x": x, "y": y},
			"too short": {"x": as(tensor.Float32, x[1:]), "y": good["y"]}, "no slice": {"x": 1, "y": 2}, "nothing": {"x": nil, "y": nil},
		} {
			if _, err := e.Step(context.Background(), b); !errors.Is(err, engine.ErrBatch) {
				t.Errorf("%s: %s: %v, want ErrBatch", name, what, err)
			}
		}
		done, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := e.Step(done, good); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: a done context gives %v", name, err)
		}
		for what, s := range map[string]engine.State{
			"empty":         {},
			"another shape": {Tensors: []onnxtensor.Tensor{{Name: "w", Shape: []int64{3, 5}, Data: make([]float32, 15)}}},
			"another type":  {Tensors: []onnxtensor.Tensor{{Name: "w", Shape: []int64{5, 3}, Data: make([]float64, 15)}}},
			"too short":     {Tensors: []onnxtensor.Tensor{{Name: "w", Shape: []int64{5, 3}, Data: make([]float32, 14)}}},
			"before step 0": {Steps: -1, Tensors: before.Tensors},
		} {
			if err := e.Restore(s); err == nil {
				t.Errorf("%s: a state that is %s was restored", name, what)
			}
		}
		equalStates(t, name+": after errors", e.State(), before)
		if err := errors.Join(e.Close(), e.Close()); err != nil {
			t.Errorf("%s: close: %v", name, err)
		}
		if _, err := e.Step(context.Background(), good); !errors.Is(err, backend.ErrClosed) {
			t.Errorf("%s: a step after Close gives %v, want ErrClosed", name, err)
		}
	}
}

// The compiled step is the same file every time: gorgonia's maps do not show.
func TestCompiledIsReproducible(t *testing.T) {
	on := ortest.Backend(t)
	var first []byte
	for range 5 {
		e, err := engine.Compile(t.Context(), on, regression(tensor.Float32), engine.Optimizer{Name: "adam", LearningRate: 0.01, Clip: 1}, rows, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		model, err := e.Model().Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = model
		}
		if string(first) != string(model) {
			t.Fatal("two compilations of one objective differ")
		}
		e.Close()
	}
}
