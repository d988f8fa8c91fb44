package engine_test

import (
	"context"
	"errors"
	"testing"

	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train/engine"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// watched counts what reaches a backend, and takes several steps a call best.
type watched struct {
	backend.Backend
	loads int
}

func (w *watched) Load(ctx context.Context, model backend.Checked, label string) (backend.Graph, error) {
	w.loads++
	return w.Backend.Load(ctx, model, label)
}

func (w *watched) StepsPerCall() int { return 4 }

// A done context ends making an engine, before the trace and after it, and no backend is bothered.
func TestContextEndsMaking(t *testing.T) {
	o := engine.Optimizer{Name: "adam", LearningRate: 0.01}
	for name, early := range map[string]bool{"before the trace": true, "in the trace": false} {
		for _, kind := range []string{"compiled", "tape"} {
			ctx, cancel := context.WithCancel(t.Context())
			if early {
				cancel()
			}
			traced := 0
			trace := func(g *G.ExprGraph, batch int) (engine.Objective, error) {
				cancel()
				traced++
				return regression(tensor.Float32)(g, batch)
			}
			on := &watched{Backend: purego.New()}
			var err error
			if kind == "tape" {
				_, err = engine.NewTape(ctx, trace, o, rows)
			} else {
				_, err = engine.Compile(ctx, on, trace, o, rows, engine.Options{})
			}
			if !errors.Is(err, context.Canceled) || on.loads > 0 || early != (traced == 0) || traced > 1 {
				t.Errorf("%s, done %s: %v; %d traces, %d loads", kind, name, err, traced, on.loads)
			}
		}
	}
}

// How many steps go into a call is the backend's to say, unless the caller does.
func TestStepsPerCall(t *testing.T) {
	o := engine.Optimizer{Name: "sgd", LearningRate: 0.01}
	for asked, want := range map[int]int{0: 4, 1: 1, 3: 3} {
		on := &watched{Backend: ortest.Backend(t)}
		e, err := engine.Compile(t.Context(), on, regression(tensor.Float32), o, rows, engine.Options{StepsPerCall: asked})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.StepsPerCall(); got != want {
			t.Errorf("%d steps were asked for: a call takes %d, want %d", asked, got, want)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []int{-1, 4097} {
		if _, err := engine.Compile(t.Context(), purego.New(), regression(tensor.Float32), o, rows, engine.Options{StepsPerCall: bad}); !errors.Is(err, engine.ErrBatch) {
			t.Errorf("%d steps a call: %v, want ErrBatch", bad, err)
		}
	}
}
