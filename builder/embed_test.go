package builder_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/gradcheck"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A layerCase is an embedding or an activation with numbers by PyTorch: testdata/layers.py makes testdata/layers.json.
type layerCase struct {
	Layer string
	X, Y  pictureTensor
	Table *pictureTensor
	R     []float64
}

func layerCases(t *testing.T) []layerCase {
	t.Helper()
	return golden[layerCase](t, "layers.json")
}

// trace returns the result and its weighed sum's gradient: by the table of an embedding, else by x.
func (c layerCase) trace(t *testing.T, dtype tensor.Dtype) (*builder.Graph, export.Traced, error) {
	p, err := builder.NewParams(dtype, 1)
	if err == nil && c.Table != nil {
		err = p.Set("layer/weight", c.Table.Shape, c.Table.Values)
	}
	if err != nil {
		t.Fatal(err)
	}
	b := builder.New(p)
	x := b.Input("x", c.X.Shape...)
	of, y := x, (*G.Node)(nil)
	if c.Table != nil {
		y = b.Embedding("layer", x, c.Table.Shape[0], c.Table.Shape[1])
		_, parameters := b.Parameters()
		of = parameters[0]
	} else {
		y = b.Activate(builder.Activation(c.Layer), x)
	}
	loss := b.Sum(b.Mul(y, b.Constant("r", c.R, c.Y.Shape...)))
	if b.Err() != nil {
		return b, export.Traced{}, b.Err()
	}
	grads, err := G.Grad(loss, of)
	if err != nil {
		return b, export.Traced{}, err
	}
	return b, export.Traced{Inputs: []export.Named{{Name: "x", Node: x}}, Outputs: []export.Named{{Name: "y", Node: y}, {Name: "gradient", Node: grads[0]}}}, nil
}

// Embeddings and activations have PyTorch's values and gradients, on the tape, on onnxruntime and in pure Go.
func TestLayersAgainstPyTorch(t *testing.T) {
	t.Parallel()
	ort := ortest.Backend(t)
	for i, c := range layerCases(t) {
		t.Run(fmt.Sprint(i, " ", c.Layer), func(t *testing.T) {
			gradient := c.X.Gradient
			if c.Table != nil {
				gradient = c.Table.Gradient
			}
			for dtype, tolerance := range map[tensor.Dtype]float64{tensor.Float64: 1e-11, tensor.Float32: 1e-5} {
				if c.Layer == "leaky_relu" {
					tolerance = max(tolerance, 1e-7) // ONNX has its slope in float32
				}
				b, tr, err := c.trace(t, dtype)
				if err != nil {
					t.Fatal(err)
				}
				values := onTape(t, b, map[string]*tensor.Dense{"x": of(dtype, c.X.Values, c.X.Shape)}, outputsOf(tr)...)
				same(t, fmt.Sprint("y on the tape in ", dtype), values[0], c.Y.Values, tolerance)
				same(t, fmt.Sprint("gradient on the tape in ", dtype), values[1], gradient, tolerance)
				for _, on := range []backend.Backend{ort, purego.New()} {
					if c.Layer == "gelu" && dtype == tensor.Float64 && on == ort {
						continue // onnxruntime has no Erf of float64
					}
					trace := func(int) (export.Traced, error) { _, tr, err := c.trace(t, dtype); return tr, err }
					got := runTraced(t, on, trace, export.Options{Batch: c.X.Shape[0]}, onnxtensor.Tensor{Name: "x", Shape: int64sOf(c.X.Shape), Data: of(dtype, c.X.Values, c.X.Shape).Data()})
					same(t, fmt.Sprint("y on ", on.Name(), " in ", dtype), got[0], c.Y.Values, tolerance)
					same(t, fmt.Sprint("gradient on ", on.Name(), " in ", dtype), got[1], gradient, tolerance)
				}
			}
		})
	}
}

// The table's gradient is that of finite differences, and the graph is one for every batch.
func TestEmbedding(t *testing.T) {
	t.Parallel()
	x := []float64{0, 3, 3, 1, 3, 2}
	err := gradcheck.Check(params64(t), map[string]*tensor.Dense{"x": dense64(x, 3, 2)}, func(b *builder.Graph) *G.Node {
		return b.Sum(b.Square(b.Embedding("words", b.Input("x", 3, 2), 4, 3)))
	}, gradcheck.Options{})
	if err != nil {
		t.Error(err)
	}
	p := params64(t)
	trace := func(batch int) (export.Traced, error) {
		b := builder.New(p)
		x := b.Input("x", batch, 2)
		return export.Traced{Inputs: []export.Named{{Name: "x", Node: x}}, Outputs: []export.Named{{Name: "y", Node: b.Embedding("words", x, 4, 3)}}}, b.Err()
	}
	for _, on := range []backend.Backend{ortest.Backend(t), purego.New()} {
		got := runTraced(t, on, trace, export.Options{}, onnxtensor.Tensor{Name: "x", Shape: []int64{3, 2}, Data: x})
		table := builder.Floats(p.Value("words/weight"))
		for i, v := range got[0] {
			if want := table[int(x[i/3])*3+i%3]; v != want {
				t.Errorf("on %s number %d is %g, want %g", on.Name(), i, v, want)
			}
		}
	}
}

// Numbers outside of the table are errors on every backend: ONNX would count those below 0 from the end.
func TestEmbeddingBounds(t *testing.T) {
	t.Parallel()
	p := params64(t)
	build := func() (*builder.Graph, *G.Node, *G.Node) {
		b := builder.New(p)
		x := b.Input("x", 1, 1)
		return b, x, b.Embedding("words", x, 4, 3)
	}
	model, err := export.Graph(t.Context(), func(int) (export.Traced, error) {
		b, x, y := build()
		return export.Traced{Inputs: []export.Named{{Name: "x", Node: x}}, Outputs: []export.Named{{Name: "y", Node: y}}}, b.Err()
	}, export.Options{Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	data, err := model.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []float64{-1, -4, 4, 1e9} {
		b, _, y := build()
		machine, err := builder.NewMachine(b, y)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := machine.Run(map[string]*tensor.Dense{"x": dense64([]float64{x}, 1, 1)}); err == nil || !strings.Contains(err.Error(), "from 0 to 3") {
			t.Errorf("the tape takes %g: %v", x, err)
		}
		machine.Close()
		for _, on := range []backend.Backend{ortest.Backend(t), purego.New()} {
			loaded, err := backend.Load(t.Context(), on, data, "words")
			if err != nil {
				t.Fatal(err)
			}
			if out, err := loaded.Run(t.Context(), onnxtensor.Tensor{Name: "x", Shape: []int64{1, 1}, Data: []float64{x}}); err == nil {
				t.Errorf("%s takes %g: %v", on.Name(), x, out[0].Data)
			}
			loaded.Close()
		}
	}
	for _, size := range [][2]int{{0, 3}, {3, 0}, {1 << 25, 1}} {
		b := builder.New(params64(t))
		if b.Embedding("words", b.Input("x", 2), size[0], size[1]); b.Err() == nil {
			t.Errorf("a table of %v is allowed", size)
		}
	}
}
