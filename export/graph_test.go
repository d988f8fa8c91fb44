package export_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/golden"
	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The exported graphs, as text: what a reader sees in Netron. Regenerate with go test ./export -run Golden -update.
func TestGolden(t *testing.T) {
	t.Parallel()
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	m := builder.Model{
		Input: []int{4, 3}, Latent: builder.Latent{Kind: "categorical", Variables: 2, Categories: 3, Prior: "uniform"},
		Encoder: builder.MLP{Hidden: []int{5}}, Decoder: builder.MLP{Hidden: []int{5}}, Activation: builder.ReLU,
	}
	traces := map[string]export.Trace{
		"encoder": func(batch int) (export.Traced, error) {
			b := builder.New(params)
			x := b.Input("sample", m.InputShape(batch)...)
			return traced(b, x, "sample", named("latent_logits", m.Encode(b, x)))
		},
		"threshold": func(batch int) (export.Traced, error) {
			b := builder.New(params)
			l := b.Input("latent_logits", m.LatentShape(batch)...)
			code, packed := m.HardCode(b, l, nil)
			return traced(b, l, "latent_logits", named("code", code), named("packed_code", packed))
		},
		"decoder": func(batch int) (export.Traced, error) {
			b := builder.New(params)
			code := b.Input("code", m.LatentShape(batch)...)
			logits := m.Decode(b, code)
			return traced(b, code, "code", named("reconstruction", b.Sigmoid(logits)), named("reconstruction_logits", logits))
		},
	}
	for name, trace := range traces {
		o := export.Options{Name: name, Prefix: name + "/", Metadata: map[string]string{"b": "2", "a": "1"}}
		model, err := export.Graph(t.Context(), trace, o)
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if err := model.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, name, text.Bytes())
		if strings.Contains(text.String(), "Shape(") {
			t.Errorf("%s reads a shape at run time, which onnxruntime would put on the CPU", name)
		}
		again, err := export.Graph(t.Context(), trace, o)
		if err != nil {
			t.Fatal(err)
		}
		first, second := encoded(t, model), encoded(t, again)
		if !bytes.Equal(first, second) {
			t.Errorf("%s: two exports differ", name)
		}
		if err := onnxcheck.Check(first); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func encoded(t *testing.T, m *export.Model) []byte {
	t.Helper()
	data, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func named(name string, n *G.Node) export.Named { return export.Named{Name: name, Node: n} }

func traced(b *builder.Graph, in *G.Node, name string, outputs ...export.Named) (export.Traced, error) {
	return export.Traced{Inputs: []export.Named{named(name, in)}, Outputs: outputs}, b.Err()
}

// docs/operators.md is what the table says. go generate ./export rewrites it.
func TestOperatorsPage(t *testing.T) {
	t.Parallel()
	golden.File(t, "../docs/operators.md", []byte(export.OperatorsPage()))
}

// Every operator that is written has a row of facts, by which the passes work.
func TestFacts(t *testing.T) {
	t.Parallel()
	for _, op := range export.Written() {
		if _, ok := onnxop.Lookup(op); !ok {
			t.Errorf("%s has no row in internal/onnxop", op)
		}
	}
}

// A context that is done ends tracing, lowering and verification.
func TestDone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	traces := 0
	trace := func(batch int) (export.Traced, error) {
		traces++
		cancel()
		g := G.NewGraph()
		x := G.NewMatrix(g, tensor.Float32, G.WithShape(batch, 4), G.WithName("x"))
		return inOut(x, must(G.Exp(x)))
	}
	inputs := func(batch int) []onnxtensor.Tensor {
		return []onnxtensor.Tensor{{Name: "x", Shape: []int64{int64(batch), 4}, Data: make([]float32, 4*batch)}}
	}
	if _, err := export.Graph(ctx, trace, export.Options{}); !errors.Is(err, context.Canceled) || traces != 1 {
		t.Errorf("the export: %v after %d traces, want one and context.Canceled", err, traces)
	}
	if _, err := export.Graph(ctx, trace, export.Options{Batch: 3}); !errors.Is(err, context.Canceled) || traces != 1 {
		t.Errorf("the export at one batch size: %v after %d traces, want context.Canceled at once", err, traces)
	}
	if _, err := export.Verify(ctx, nil, trace, []int{2}, inputs); !errors.Is(err, context.Canceled) || traces != 1 {
		t.Errorf("the verification: %v after %d traces, want context.Canceled at once", err, traces)
	}
	ctx, cancel = context.WithCancel(t.Context()) // done while the trace is made
	defer cancel()
	if _, err := export.Reference(ctx, trace, 2, inputs(2)); !errors.Is(err, context.Canceled) || traces != 2 {
		t.Errorf("the reference: %v, want context.Canceled before it runs", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	if _, err := export.Graph(ctx, trace, export.Options{Batch: 3}); !errors.Is(err, context.Canceled) {
		t.Errorf("the lowering: %v, want context.Canceled", err)
	}
}

func inOut(x, y *G.Node) (export.Traced, error) {
	return export.Traced{Inputs: []export.Named{named("x", x)}, Outputs: []export.Named{named("y", y)}}, nil
}

// What cannot be exported is an error in one line that names the node and the way out.
func TestErrors(t *testing.T) {
	t.Parallel()
	vector := func(batch int) (*G.ExprGraph, *G.Node) {
		g := G.NewGraph()
		return g, G.NewMatrix(g, tensor.Float32, G.WithShape(batch, 4), G.WithName("x"))
	}
	for name, c := range map[string]struct {
		trace export.Trace
		want  string
	}{
		"an operation without a row": {func(batch int) (export.Traced, error) {
			_, x := vector(batch)
			return inOut(x, must(G.Sparsemax(x)))
		}, "unsupported operation"},
		"the batch as a constant": {func(batch int) (export.Traced, error) {
			_, x := vector(batch)
			return inOut(x, must(G.HadamardDiv(x, G.NewConstant(float32(batch)))))
		}, "take the batch from an operand's size"},
		"a shape that is no multiple of the batch": {func(batch int) (export.Traced, error) {
			g := G.NewGraph()
			x := G.NewVector(g, tensor.Float32, G.WithShape(batch+1), G.WithName("x"))
			return inOut(x, must(G.Exp(x)))
		}, "no multiple of the batch"},
		"an input that is not listed": {func(batch int) (export.Traced, error) {
			g, x := vector(batch)
			return inOut(x, must(G.Add(x, G.NewMatrix(g, tensor.Float32, G.WithShape(batch, 4), G.WithName("forgotten")))))
		}, `"forgotten"`},
		"no outputs": {func(batch int) (export.Traced, error) { return export.Traced{}, nil }, "no outputs"},
		"a panic":    {func(batch int) (export.Traced, error) { panic("oh") }, "oh"},
		"an error":   {func(batch int) (export.Traced, error) { return export.Traced{}, errors.New("my own") }, "my own"},
		"an output without a node": {func(batch int) (export.Traced, error) {
			_, x := vector(batch)
			return inOut(x, nil)
		}, "no node"},
		"another graph at another size": {func(batch int) (export.Traced, error) {
			_, x := vector(batch)
			if batch == 1009 {
				return inOut(x, must(G.Exp(x)))
			}
			return inOut(x, must(G.Tanh(x)))
		}, "the operations differ"},
	} {
		_, err := export.Graph(t.Context(), c.trace, export.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one line with %q", name, err, c.want)
		}
	}
	_, err := export.Graph(t.Context(), func(batch int) (export.Traced, error) {
		_, x := vector(batch)
		return inOut(x, must(G.Sparsemax(x)))
	}, export.Options{})
	if !errors.Is(err, export.ErrUnsupportedOp) {
		t.Errorf("%v is no ErrUnsupportedOp", err)
	}
}

// An input can be an output, one value two outputs, and a parameter an input although it has a value.
func TestOutputsThatShareAValue(t *testing.T) {
	t.Parallel()
	trace := func(batch int) (export.Traced, error) {
		g := G.NewGraph()
		x := G.NewMatrix(g, tensor.Float32, G.WithShape(batch, 3), G.WithName("x"))
		w := G.NewMatrix(g, tensor.Float32, G.WithShape(3, 3), G.WithName("w"), G.WithInit(G.Ones()))
		y := must(G.Mul(x, w))
		return export.Traced{
			Inputs:  []export.Named{named("x", x), named("w", w)},
			Outputs: []export.Named{named("again", x), named("a", y), named("b", y)},
		}, nil
	}
	model, err := export.Graph(t.Context(), trace, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := backend.Load(t.Context(), ortest.Backend(t), encoded(t, model), "shared")
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	if n := len(loaded.Inputs()); n != 2 {
		t.Errorf("%d inputs, want x and w", n)
	}
}
