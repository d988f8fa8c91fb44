package train_test

import (
	"context"
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/engine"
	"gorgonia.org/tensor"
)

const (
	carriedEncoder = `{"kind": "layers", "layers": [{"flatten": {}}, {"dense": 24}, {"norm": "batch"}, {"activation": "elu"}, {"dropout": 0.25}, {"dense": 16}, {"norm": "layer"}, {"activation": "silu"}, {"dropout": 0.1}]}`
	carriedDecoder = `{"kind": "layers", "layers": [{"dense": 98}, {"reshape": [2, 7, 7]}, {"conv": 3}, {"norm": "batch"}, {"activation": "gelu"}, {"dropout": 0.25}, {"conv_transpose": {"stride": 4}}]}`
)

// carrying is a model whose steps carry running statistics and drop numbers, in both networks and at the logits.
func carrying(t *testing.T) builder.Model {
	t.Helper()
	m := builder.Model{Input: []int{28, 28}, Activation: builder.ReLU, Latent: builder.Latent{Kind: "bernoulli", Variables: 12, Prior: "uniform", Norm: builder.NormBatch, Signs: true}}
	for text, to := range map[string]*builder.Network{carriedEncoder: &m.Encoder, carriedDecoder: &m.Decoder} {
		var c builder.NetworkConfig
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		*to = c.Network
	}
	return m
}

// carriedBatch is [glyphBatch] with noise for what is dropped.
func carriedBatch(t *testing.T, m builder.Model, dt tensor.Dtype) func(step int) engine.Batch {
	set := glyphs(t)
	params, err := builder.NewParams(dt, 1)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := m.Train(builder.New(params), agreeBatch)
	if err != nil {
		t.Fatal(err)
	}
	return func(step int) engine.Batch {
		b := glyphBatch(set, m, dt, step)
		dropouts := 0
		for _, in := range tr.Inputs {
			if in.Purpose != builder.NoisePurpose || in.Name == builder.NoiseInput {
				continue
			}
			dropouts++
			u := make([]float64, in.Node.Shape().TotalSize())
			noise.Stream{Seed: 2, Purpose: noise.Named(in.Name)}.Uniform64(u, uint32(step), 0)
			narrow := make([]float32, len(u))
			for i, x := range u {
				narrow[i] = float32(x)
			}
			if b[in.Name] = narrow; dt == tensor.Float64 {
				b[in.Name] = u
			}
		}
		if dropouts != 3 {
			t.Fatalf("%d inputs are noise for dropout, want 3", dropouts)
		}
		return b
	}
}

// From one state both engines find the same gradients and the same running statistics.
func TestCarriedStateOnBothEngines(t *testing.T) {
	t.Parallel()
	m := carrying(t)
	batch := carriedBatch(t, m, tensor.Float32)
	tape, compiled := pairOfEngines(t, m, tensor.Float32)
	buffers := 0
	for i := range 10 {
		state := compiled.State()
		for _, e := range []engine.Engine{tape, compiled} {
			if err := e.Restore(withoutMoments(state)); err != nil {
				t.Fatal(err)
			}
		}
		va, vb := step(t, tape, batch(i)), step(t, compiled, batch(i))
		for j := range va {
			if !(math.Abs(va[j]-vb[j]) <= 1e-4*max(math.Abs(va[j]), 1)) {
				t.Errorf("step %d: part %d of the loss is %g on the tape, %g compiled", i, j, va[j], vb[j])
			}
		}
		c := compiled.State()
		for j, a := range tape.State().Tensors { // a bias before a batch's normalisation has a gradient of rounding only
			running := strings.Contains(a.Name, "/running_")
			if d := distance(a.Data, c.Tensors[j].Data); (running || strings.HasPrefix(a.Name, "optimizer/m/")) && !(d <= 1e-3*max(norm(a.Data), 0.1)) {
				t.Errorf("step %d: %s differs by %.2g of %.2g", i, a.Name, d, norm(a.Data))
			}
			if running {
				if buffers++; norm(a.Data) == norm(state.Tensors[j].Data) {
					t.Errorf("step %d: %s has not moved", i, a.Name)
				}
				if engine.IsMoment(a.Name) {
					t.Errorf("%s has moments", a.Name)
				}
			}
		}
	}
	if buffers != 10*6 {
		t.Errorf("%d running statistics in ten steps, want six each", buffers)
	}
}

// Several steps in one call carry running statistics from one to the next.
func TestCarriedStateInOneCall(t *testing.T) {
	t.Parallel()
	m := carrying(t)
	batch := carriedBatch(t, m, tensor.Float64)
	var states []engine.State
	for _, perCall := range []int{1, 4} {
		params, err := builder.NewParams(tensor.Float64, 1)
		if err != nil {
			t.Fatal(err)
		}
		m.Encoder, m.Decoder = builder.MLP{Hidden: []int{16}}, builder.MLP{Hidden: []int{16}} // onnxruntime has no float64 for all layers
		e, err := engine.Compile(t.Context(), ortest.Backend(t), train.TraceModel(m, params, train.GreyRows), engine.Optimizer{Name: "sgd", LearningRate: 1e-4}, agreeBatch, engine.Options{StepsPerCall: perCall})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		var batches []engine.Batch
		for i := range 9 {
			b := batch(i)
			for name := range b {
				if strings.HasSuffix(name, "dropout/noise") {
					delete(b, name)
				}
			}
			batches = append(batches, b)
		}
		if _, err := e.Step(t.Context(), batches...); err != nil {
			t.Fatal(err)
		}
		states = append(states, e.State())
	}
	for i, a := range states[0].Tensors {
		if d := distance(a.Data, states[1].Tensors[i].Data); !(d <= 1e-10*max(norm(a.Data), 1)) {
			t.Errorf("%s differs by %.2g of %.2g", a.Name, d, norm(a.Data))
		}
	}
}

// A run that drops numbers and carries statistics, stopped in an epoch and resumed, ends with the weights of one that was not.
func TestCarriedStateResumes(t *testing.T) {
	t.Parallel()
	data, on := glyphFile(t, 900), ortest.Backend(t)
	run := func(dir string, stop int) train.Result {
		c := config(t, "epochs=2", "batch=50", "data.validation=100", "latent.norm=batch", "latent.signs=true", "initial_bias=data")
		for text, to := range map[string]*builder.NetworkConfig{carriedEncoder: &c.Encoder, carriedDecoder: &c.Decoder} {
			if err := json.Unmarshal([]byte(text), to); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r, err := train.Run(ctx, c, train.Options{Source: data, Out: dir, Resume: true, Backend: on, Samples: 1, Progress: func(p train.Progress) {
			if p.Phase == "training" && p.Done == stop {
				cancel()
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	whole, pieces := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "run")
	run(whole, 0)
	if r := run(pieces, 5); !r.Interrupted {
		t.Fatal("the run was not stopped")
	}
	run(pieces, 0)
	for _, name := range []string{"encoder.onnx", "decoder.onnx"} {
		if string(read(t, filepath.Join(whole, train.BundleDir), name)) != string(read(t, filepath.Join(pieces, train.BundleDir), name)) {
			t.Errorf("%s differs", name)
		}
	}
	if string(newestFile(t, whole, "state.safetensors")) != string(newestFile(t, pieces, "state.safetensors")) {
		t.Error("weights, statistics or moments differ")
	}
}
