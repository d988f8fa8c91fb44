package engine_test

import (
	"math"
	"testing"

	"github.com/catvae/catvae/train/engine"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Who has trained with gorgonia's solvers gets the same weights from the optimisers, on every engine.
func TestGorgoniasSolvers(t *testing.T) {
	const steps = 20
	for name, c := range map[string]struct {
		solver    G.Solver
		optimizer engine.Optimizer
	}{
		"Vanilla":               {G.NewVanillaSolver(G.WithLearnRate(0.05)), engine.Optimizer{Name: "sgd", LearningRate: 0.05}},
		"Momentum":              {G.NewMomentum(G.WithLearnRate(0.02), G.WithMomentum(0.9)), engine.Optimizer{Name: "sgd", LearningRate: 0.02, Momentum: 0.9}},
		"Adam":                  {G.NewAdamSolver(G.WithLearnRate(0.01)), engine.Optimizer{Name: "adam", LearningRate: 0.01}},
		"RMSProp":               {G.NewRMSPropSolver(G.WithLearnRate(0.01), G.WithRho(0.9)), engine.Optimizer{Name: "rmsprop", LearningRate: 0.01, Rho: 0.9}},
		"RMSProp, its defaults": {G.NewRMSPropSolver(), engine.Optimizer{Name: "rmsprop", LearningRate: 0.001}},
		"AdaGrad":               {G.NewAdaGradSolver(), engine.Optimizer{Name: "adagrad", LearningRate: 0.001}}, // it takes no other rate
	} {
		trace := regression(tensor.Float64)
		want := solved(t, trace, c.solver, steps)
		for which, e := range engines(t, trace, c.optimizer, rows) {
			for step := range steps {
				x, y := data(step)
				if _, err := e.Step(t.Context(), engine.Batch{"x": x, "y": y}); err != nil {
					t.Fatal(err)
				}
			}
			for parameter, numbers := range want {
				got, _ := e.State().Tensor(parameter)
				for i, x := range floats(got.Data) {
					if math.Abs(x-numbers[i]) > 1e-12*max(1, math.Abs(numbers[i])) {
						t.Fatalf("%s, %s: %s[%d] is %.17g after %d steps, gorgonia's solver has %.17g", name, which, parameter, i, x, steps, numbers[i])
					}
				}
			}
		}
	}
}

// solved trains as gorgonia's users do: with its tape machine and a solver.
func solved(t *testing.T, trace engine.Trace, solver G.Solver, steps int) map[string][]float64 {
	t.Helper()
	g := G.NewGraph()
	o, err := trace(g, rows)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := G.Grad(o.Loss, o.Parameters...); err != nil {
		t.Fatal(err)
	}
	machine := G.NewTapeMachine(g, G.BindDualValues(o.Parameters...))
	defer machine.Close()
	for step := range steps {
		x, y := data(step)
		for i, v := range [][]float64{x, y} {
			if err := G.Let(o.Inputs[i], dense(tensor.Float64, v, o.Inputs[i].Shape()...)); err != nil {
				t.Fatal(err)
			}
		}
		if err := machine.RunAll(); err != nil {
			t.Fatal(err)
		}
		if err := solver.Step(G.NodesToValueGrads(o.Parameters)); err != nil {
			t.Fatal(err)
		}
		machine.Reset()
	}
	out := map[string][]float64{}
	for _, p := range o.Parameters {
		out[p.Name()] = floats(p.Value().Data())
	}
	return out
}
