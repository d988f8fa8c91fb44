package builder_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/gradcheck"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A normCase is a normalisation with numbers by PyTorch: testdata/norms.py makes testdata/norms.json.
type normCase struct {
	Layer          string
	X, Y           pictureTensor
	Scale, Shift   pictureTensor
	R              []float64
	Mean, Variance *pictureTensor
	MeanAfter      *pictureTensor `json:"mean_after"`
	VarianceAfter  *pictureTensor `json:"variance_after"`
	Later          *pictureTensor // by the running statistics after the step
}

func normCases(t *testing.T) map[string]normCase {
	t.Helper()
	cases := map[string]normCase{}
	for _, c := range golden[normCase](t, "norms.json") {
		cases[fmt.Sprint(c.Layer, " ", c.X.Shape)] = c
	}
	return cases
}

func (c normCase) params(t *testing.T, dtype tensor.Dtype) *builder.Params {
	t.Helper()
	p, err := builder.NewParams(dtype, 1)
	for name, w := range map[string]*pictureTensor{"layer/scale": &c.Scale, "layer/shift": &c.Shift, "layer/running_mean": c.Mean, "layer/running_variance": c.Variance} {
		if err == nil && w != nil {
			err = p.Set(name, w.Shape, w.Values)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (c normCase) build(b *builder.Graph, x *G.Node) *G.Node {
	if c.Layer == "layer" {
		return b.LayerNorm("layer", x)
	}
	return b.BatchNorm("layer", x)
}

// trace builds a training step's graph: the result, its weighed sum's gradients, and the next running statistics.
func (c normCase) trace(p *builder.Params) (*builder.Graph, export.Traced, error) {
	b := builder.New(p)
	b.ForTraining()
	x := b.Input("x", c.X.Shape...)
	y := c.build(b, x)
	if b.Err() != nil {
		return b, export.Traced{}, b.Err()
	}
	loss := b.Sum(b.Mul(y, b.Constant("r", c.R, c.X.Shape...)))
	names, parameters := b.Parameters()
	if b.Err() != nil {
		return b, export.Traced{}, b.Err()
	}
	grads, err := G.Grad(loss, append(G.Nodes{x}, parameters...)...)
	if err != nil {
		return b, export.Traced{}, err
	}
	tr := export.Traced{Inputs: []export.Named{{Name: "x", Node: x}}, Outputs: []export.Named{{Name: "y", Node: y}}}
	for i, name := range append([]string{"x"}, names...) {
		tr.Outputs = append(tr.Outputs, export.Named{Name: "gradient/" + name, Node: grads[i]})
	}
	for _, u := range b.Updates() {
		tr.Outputs = append(tr.Outputs, export.Named{Name: "next/" + u.Buffer.Name(), Node: u.Next})
	}
	return b, tr, nil
}

func (c normCase) want() map[string][]float64 {
	want := map[string][]float64{"y": c.Y.Values, "gradient/x": c.X.Gradient, "gradient/layer/scale": c.Scale.Gradient, "gradient/layer/shift": c.Shift.Gradient}
	if c.Layer == "batch" {
		want["next/layer/running_mean"], want["next/layer/running_variance"] = c.MeanAfter.Values, c.VarianceAfter.Values
	}
	return want
}

// In a training step values, gradients and running statistics are PyTorch's, on the tape and on onnxruntime.
func TestNormsAgainstPyTorch(t *testing.T) {
	t.Parallel()
	on := ortest.Backend(t)
	for name, c := range normCases(t) {
		t.Run(name, func(t *testing.T) {
			for dtype, tolerance := range map[tensor.Dtype]float64{tensor.Float64: 1e-10, tensor.Float32: 2e-4} {
				b, tr, err := c.trace(c.params(t, dtype))
				if err != nil {
					t.Fatal(err)
				}
				values := onTape(t, b, map[string]*tensor.Dense{"x": of(dtype, c.X.Values, c.X.Shape)}, outputsOf(tr)...)
				want := c.want()
				for i, o := range tr.Outputs {
					same(t, fmt.Sprint(o.Name, " on the tape in ", dtype), values[i], want[o.Name], tolerance)
				}
				if len(want) != len(tr.Outputs) {
					t.Errorf("%d outputs, %d numbers to compare with", len(tr.Outputs), len(want))
				}

				trace := func(int) (export.Traced, error) { _, tr, err := c.trace(c.params(t, dtype)); return tr, err }
				results := runTraced(t, on, trace, export.Options{Batch: c.X.Shape[0]}, onnxtensor.Tensor{Name: "x", Shape: int64sOf(c.X.Shape), Data: of(dtype, c.X.Values, c.X.Shape).Data()})
				for i, o := range tr.Outputs {
					same(t, fmt.Sprint(o.Name, " compiled in ", dtype), results[i], want[o.Name], tolerance)
				}
			}
		})
	}
}

func int64sOf(shape []int) []int64 {
	var s []int64
	for _, d := range shape {
		s = append(s, int64(d))
	}
	return s
}

// runTraced exports a graph, checks it, and runs it once.
func runTraced(t *testing.T, on backend.Backend, trace export.Trace, o export.Options, in ...onnxtensor.Tensor) [][]float64 {
	t.Helper()
	model, err := export.Graph(t.Context(), trace, o)
	if err != nil {
		t.Fatal(err)
	}
	data, err := model.Bytes()
	if err == nil {
		err = onnxcheck.Check(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := backend.Load(t.Context(), on, data, "graph")
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	out, err := loaded.Run(t.Context(), in...)
	if err != nil {
		t.Fatal(err)
	}
	var results [][]float64
	for _, o := range out {
		results = append(results, builder.Floats(denseOf(o)))
	}
	return results
}

func denseOf(t onnxtensor.Tensor) *tensor.Dense {
	var shape []int
	for _, d := range t.Shape {
		shape = append(shape, int(d))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(t.Data))
}

// Gradients of the training step are those of finite differences.
func TestNormGradients(t *testing.T) {
	t.Parallel()
	for name, c := range normCases(t) {
		t.Run(name, func(t *testing.T) {
			err := gradcheck.Check(c.params(t, tensor.Float64), map[string]*tensor.Dense{"x": dense64(c.X.Values, c.X.Shape...)}, func(b *builder.Graph) *G.Node {
				b.ForTraining()
				y := b.Square(c.build(b, b.Input("x", c.X.Shape...)))
				if b.Err() != nil {
					return nil
				}
				return b.Sum(b.Mul(y, b.Constant("r", c.R, c.X.Shape...)))
			}, gradcheck.Options{Inputs: []string{"x"}, Tolerance: 1e-6, Step: 1e-5})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Outside of training the running statistics count, for any batch.
func TestBatchNormLater(t *testing.T) {
	t.Parallel()
	for name, c := range normCases(t) {
		if c.Layer != "batch" {
			continue
		}
		c.Mean, c.Variance = c.MeanAfter, c.VarianceAfter
		trace := func(batch int) (export.Traced, error) {
			b := builder.New(c.params(t, tensor.Float64))
			x := b.Input("x", append([]int{batch}, c.X.Shape[1:]...)...)
			y := c.build(b, x)
			return export.Traced{Inputs: []export.Named{{Name: "x", Node: x}}, Outputs: []export.Named{{Name: "y", Node: y}}}, b.Err()
		}
		got := runTraced(t, purego.New(), trace, export.Options{}, onnxtensor.Tensor{Name: "x", Shape: int64sOf(c.X.Shape), Data: c.X.Values})
		same(t, name, got[0], c.Later.Values, 1e-11)
	}
}

// The exporter leaves no node of batch normalisation behind a product or a convolution, and the outputs stay.
func TestBatchNormFolds(t *testing.T) {
	t.Parallel()
	on := []backend.Backend{ortest.Backend(t), purego.New()}
	conv := builder.ConvSpec{Channels: 4, Kernel: []int{3, 3}, Padding: []int{1, 1}}
	bare := conv
	bare.NoBias = true
	grouped := builder.ConvSpec{Channels: 6, Kernel: []int{2, 2}, Stride: []int{2, 2}, Groups: 3}
	for name, c := range map[string]struct {
		row   []int
		build func(b *builder.Graph, x *G.Node) *G.Node
		nodes string
	}{
		"product": {[]int{5}, func(b *builder.Graph, x *G.Node) *G.Node { return b.Linear("l", x, 4, builder.GlorotNormal) }, "Gemm"},
		"bare product": {[]int{5}, func(b *builder.Graph, x *G.Node) *G.Node {
			return b.MatMul(x, b.Parameter("w", builder.HeNormal, 5, 4))
		}, "Gemm"},
		"one output":       {[]int{5}, func(b *builder.Graph, x *G.Node) *G.Node { return b.Linear("l", x, 1, builder.GlorotNormal) }, "Gemm"},
		"convolution":      {[]int{3, 6, 5}, func(b *builder.Graph, x *G.Node) *G.Node { return b.Conv("l", x, conv, builder.HeNormal) }, "Conv"},
		"bare convolution": {[]int{3, 4, 4}, func(b *builder.Graph, x *G.Node) *G.Node { return b.Conv("l", x, bare, builder.HeNormal) }, "Conv"},
		"square picture":   {[]int{4, 4, 4}, func(b *builder.Graph, x *G.Node) *G.Node { return b.Conv("l", x, bare, builder.HeNormal) }, "Conv"},
		"transposed":       {[]int{3, 3, 4}, func(b *builder.Graph, x *G.Node) *G.Node { return b.ConvTranspose("l", x, grouped, builder.HeNormal) }, "ConvTranspose"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := builder.NewParams(tensor.Float32, 5)
			if err != nil {
				t.Fatal(err)
			}
			trace := func(batch int) (export.Traced, error) {
				b := builder.New(p)
				x := b.Input("x", append([]int{batch}, c.row...)...)
				y := b.BatchNorm("norm", c.build(b, x))
				return export.Traced{Inputs: []export.Named{{Name: "x", Node: x}}, Outputs: []export.Named{{Name: "y", Node: y}}}, b.Err()
			}
			if _, err := trace(2); err != nil {
				t.Fatal(err)
			}
			for i, name := range p.Names() { // statistics, scales and shifts as after training
				if strings.HasPrefix(name, "norm/") || strings.HasSuffix(name, "bias") {
					shape := p.Value(name).Shape()
					if err := p.Set(name, shape, uniforms(uint64(i), shape.TotalSize())); err != nil {
						t.Fatal(err)
					}
				}
			}
			model, err := export.Graph(t.Context(), trace, export.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(model.Ops(), " "); got != c.nodes {
				t.Errorf("the nodes are %s, want %s", got, c.nodes)
			}
			data, err := model.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range on {
				loaded, err := backend.Load(t.Context(), b, data, "norm")
				if err == nil {
					_, err = export.Verify(t.Context(), loaded, trace, []int{1, 2, 7}, func(batch int) []onnxtensor.Tensor {
						shape := append([]int{batch}, c.row...)
						return []onnxtensor.Tensor{{Name: "x", Shape: int64sOf(shape), Data: of(tensor.Float32, normals(3, tensor.Shape(shape).TotalSize(), 1), shape).Data()}}
					})
					err = errors.Join(err, loaded.Close())
				}
				if err != nil {
					t.Errorf("on %s: %v", b.Name(), err)
				}
			}
		})
	}
}

func TestBadNorms(t *testing.T) {
	for name, c := range map[string]struct {
		shape []int
		build func(b *builder.Graph, x *G.Node) *G.Node
		want  string
	}{
		"one row":    {[]int{1, 3}, func(b *builder.Graph, x *G.Node) *G.Node { return b.BatchNorm("n", x) }, "no variance"},
		"a vector":   {[]int{3}, func(b *builder.Graph, x *G.Node) *G.Node { return b.BatchNorm("n", x) }, "[batch, channels]"},
		"one number": {[]int{3, 1}, func(b *builder.Graph, x *G.Node) *G.Node { return b.LayerNorm("n", x) }, "two numbers"},
		"nothing":    {[]int{3, 1}, func(b *builder.Graph, _ *G.Node) *G.Node { return b.LayerNorm("n", nil) }, "nothing"},
	} {
		b := builder.New(params64(t))
		b.ForTraining()
		if c.build(b, b.Input("x", c.shape...)); b.Err() == nil || !strings.Contains(b.Err().Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, b.Err(), c.want)
		}
	}
}
