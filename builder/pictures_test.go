package builder_test

import (
	"errors"
	"fmt"
	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
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

// A pictureCase is a layer on pictures with numbers by PyTorch: testdata/pictures.py makes testdata/pictures.json.
type pictureCase struct {
	Layer string
	Spec  struct {
		Kernel, Stride, Dilation, Padding, Scale, Perm []int
		OutputPadding                                  []int `json:"output_padding"`
		CountPadding                                   bool  `json:"count_padding"`
		Groups                                         int
		Mode                                           string
	}
	X, Y         pictureTensor
	Weight, Bias *pictureTensor
	R            []float64
}

type pictureTensor struct {
	Shape            []int
	Values, Gradient []float64
}

func pictureCases(t *testing.T) []pictureCase {
	t.Helper()
	return golden[pictureCase](t, "pictures.json")
}

func (c pictureCase) name(i int) string { return fmt.Sprintf("%d %s %v", i, c.Layer, c.X.Shape) }

func (c pictureCase) convSpec() builder.ConvSpec {
	s := builder.ConvSpec{
		Kernel: c.Spec.Kernel, Stride: c.Spec.Stride, Dilation: c.Spec.Dilation, Padding: c.Spec.Padding,
		OutputPadding: c.Spec.OutputPadding, Groups: c.Spec.Groups, NoBias: c.Bias == nil,
	}
	if s.Channels = c.Weight.Shape[0]; c.Layer == "transposed" {
		s.Channels = c.Weight.Shape[1] * max(1, s.Groups)
	}
	return s
}

func (c pictureCase) poolSpec() builder.PoolSpec {
	return builder.PoolSpec{Kernel: c.Spec.Kernel, Stride: c.Spec.Stride, Dilation: c.Spec.Dilation, Padding: c.Spec.Padding, CountPadding: c.Spec.CountPadding}
}

// build makes the layer of x.
func (c pictureCase) build(b *builder.Graph, x *G.Node) *G.Node {
	switch c.Layer {
	case "conv":
		return b.Conv("layer", x, c.convSpec(), builder.HeNormal)
	case "transposed":
		return b.ConvTranspose("layer", x, c.convSpec(), builder.HeNormal)
	case "max":
		return b.MaxPool(x, c.poolSpec())
	case "average":
		return b.AveragePool(x, c.poolSpec())
	case "global":
		return b.GlobalAveragePool(x)
	case "upsample":
		return b.Upsample(x, builder.UpsampleSpec{Scale: c.Spec.Scale, Mode: c.Spec.Mode})
	}
	return b.Transpose(x, c.Spec.Perm...)
}

// outputShape returns what the layer says of a row's shape before anything is built.
func (c pictureCase) outputShape(in []int) ([]int, error) {
	switch c.Layer {
	case "conv":
		return c.convSpec().OutputShape(in)
	case "transposed":
		return c.convSpec().TransposedShape(in)
	case "max", "average":
		return c.poolSpec().OutputShape(in)
	case "upsample":
		return builder.UpsampleSpec{Scale: c.Spec.Scale, Mode: c.Spec.Mode}.OutputShape(in)
	}
	return c.Y.Shape[1:], nil
}

// params returns the layer's weights.
func (c pictureCase) params(t *testing.T, dtype tensor.Dtype) *builder.Params {
	t.Helper()
	p, err := builder.NewParams(dtype, 1)
	for name, w := range map[string]*pictureTensor{"layer/weight": c.Weight, "layer/bias": c.Bias} {
		if err == nil && w != nil {
			err = p.Set(name, w.Shape, w.Values)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// trace builds the layer and the gradients of a loss of its result by x, weight and bias.
func (c pictureCase) trace(p *builder.Params, batch int, lossOf func(b *builder.Graph, y *G.Node) *G.Node) (*builder.Graph, export.Traced, error) {
	b := builder.New(p)
	x := b.Input("x", append([]int{batch}, c.X.Shape[1:]...)...)
	y := c.build(b, x)
	if b.Err() != nil {
		return b, export.Traced{}, b.Err()
	}
	loss := lossOf(b, y)
	by := G.Nodes{x}
	names, parameters := b.Parameters()
	by = append(by, parameters...)
	if b.Err() != nil {
		return b, export.Traced{}, b.Err()
	}
	grads, err := G.Grad(loss, by...)
	if err != nil {
		return b, export.Traced{}, err
	}
	tr := export.Traced{Inputs: []export.Named{{Name: "x", Node: x}}, Outputs: []export.Named{{Name: "y", Node: y}}}
	for i, name := range append([]string{"x"}, names...) {
		tr.Outputs = append(tr.Outputs, export.Named{Name: "gradient/" + name, Node: grads[i]})
	}
	return b, tr, nil
}

// Values and gradients are PyTorch's, in both types, and the shape is the one that was said before.
func TestPicturesAgainstPyTorch(t *testing.T) {
	t.Parallel()
	for i, c := range pictureCases(t) {
		t.Run(c.name(i), func(t *testing.T) {
			row, err := c.outputShape(c.X.Shape[1:])
			if err != nil || fmt.Sprint(row) != fmt.Sprint(c.Y.Shape[1:]) {
				t.Errorf("a row's shape is %v, %v; PyTorch has %v", row, err, c.Y.Shape[1:])
			}
			for dtype, tolerance := range map[tensor.Dtype]float64{tensor.Float64: 1e-11, tensor.Float32: 2e-5} {
				b, tr, err := c.trace(c.params(t, dtype), c.X.Shape[0], func(b *builder.Graph, y *G.Node) *G.Node {
					return b.Sum(b.Mul(y, b.Constant("r", c.R, y.Shape()...)))
				})
				if err != nil {
					t.Fatal(err)
				}
				values := onTape(t, b, map[string]*tensor.Dense{"x": of(dtype, c.X.Values, c.X.Shape)}, outputsOf(tr)...)
				want := map[string][]float64{"y": c.Y.Values, "gradient/x": c.X.Gradient}
				if c.Weight != nil {
					want["gradient/layer/weight"] = c.Weight.Gradient
				}
				if c.Bias != nil {
					want["gradient/layer/bias"] = c.Bias.Gradient
				}
				for i, o := range tr.Outputs {
					same(t, fmt.Sprint(o.Name, " in ", dtype), values[i], want[o.Name], tolerance)
				}
				if len(want) != len(tr.Outputs) {
					t.Errorf("%d outputs, %d numbers to compare with", len(tr.Outputs), len(want))
				}
			}
		})
	}
}

// The exported layer with its gradients, whose batch varies, gives the tape's numbers on onnxruntime and in pure Go.
func TestPicturesCompiled(t *testing.T) {
	t.Parallel()
	on := []backend.Backend{ortest.Backend(t), purego.New()}
	for i, c := range pictureCases(t) {
		for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			t.Run(fmt.Sprint(c.name(i), dtype), func(t *testing.T) {
				p := c.params(t, dtype)
				trace := func(batch int) (export.Traced, error) {
					_, tr, err := c.trace(p, batch, func(b *builder.Graph, y *G.Node) *G.Node {
						return b.Sum(b.Softplus(y)) // gradients of one sign, so that no sum cancels
					})
					return tr, err
				}
				model, err := export.Graph(t.Context(), trace, export.Options{})
				if err != nil {
					t.Fatal(err)
				}
				data, err := model.Bytes()
				if err == nil {
					onnxtest.Keep(t, data)
					err = onnxcheck.Check(data)
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, b := range on {
					loaded, err := backend.Load(t.Context(), b, data, "picture")
					if err == nil {
						_, err = export.Verify(t.Context(), loaded, trace, []int{1, 2, 7, 64}, func(batch int) []onnxtensor.Tensor {
							return []onnxtensor.Tensor{c.batch(dtype, batch)}
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
}

// Every form in which a convolution can be written gives the tape's numbers, also where another is quicker, and at a batch
// that is fixed.
func TestConvForms(t *testing.T) {
	t.Parallel()
	on := ortest.Backend(t)
	for i, c := range pictureCases(t) {
		if c.Layer != "conv" && c.Layer != "transposed" {
			continue
		}
		rows := map[string][]int{"x": c.X.Shape[1:], "y": c.Y.Shape[1:]} // of the convolution
		if c.Layer == "transposed" {
			rows["x"], rows["y"] = rows["y"], rows["x"]
		}
		p := c.params(t, tensor.Float32)
		b := builder.New(p)
		layer := c.build(b, b.Input("x", c.X.Shape...))
		if b.Err() != nil {
			t.Fatal(b.Err())
		}
		ops, takes := builder.ConvForms(layer)
		for name, op := range ops {
			shape := func(operand string, batch int) []int {
				if operand == "w" {
					return c.Weight.Shape
				}
				return append([]int{batch}, rows[operand]...)
			}
			trace := func(batch int) (tr export.Traced, err error) {
				b := builder.New(p)
				var operands []*G.Node
				for _, operand := range takes[name] {
					n := b.Input(operand, shape(operand, batch)...)
					operands = append(operands, n)
					tr.Inputs = append(tr.Inputs, export.Named{Name: operand, Node: n})
				}
				tr.Outputs = []export.Named{{Name: "result", Node: b.Apply(op, operands...)}}
				return tr, b.Err()
			}
			inputs := func(batch int) (in []onnxtensor.Tensor) {
				for _, operand := range takes[name] {
					shape := shape(operand, batch)
					in = append(in, tensorOf(operand, of(tensor.Float32, normals(uint64(i), tensor.Shape(shape).TotalSize(), 1), shape)))
				}
				return in
			}
			t.Run(c.name(i)+" "+name, func(t *testing.T) {
				for fixed, batches := range map[int][]int{0: {1, 2, 7}, 5: {5}} {
					model, err := export.Graph(t.Context(), trace, export.Options{Batch: fixed})
					if err != nil {
						t.Fatal(err)
					}
					data, err := model.Bytes()
					if err != nil {
						t.Fatal(err)
					}
					onnxtest.Keep(t, data)
					loaded, err := backend.Load(t.Context(), on, data, "form")
					if err == nil {
						_, err = export.Verify(t.Context(), loaded, trace, batches, inputs)
						err = errors.Join(err, loaded.Close())
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// batch repeats the case's numbers, some larger than others.
func (c pictureCase) batch(dtype tensor.Dtype, batch int) onnxtensor.Tensor {
	shape := append([]int{batch}, c.X.Shape[1:]...)
	values := make([]float64, tensor.Shape(shape).TotalSize())
	for i := range values {
		values[i] = c.X.Values[i%len(c.X.Values)] * (1 + float64(i/len(c.X.Values)%3)/8)
	}
	return tensorOf("x", of(dtype, values, shape))
}

func tensorOf(name string, x *tensor.Dense) onnxtensor.Tensor {
	t := onnxtensor.Tensor{Name: name, Data: x.Data()}
	for _, n := range x.Shape() {
		t.Shape = append(t.Shape, int64(n))
	}
	return t
}

// Gradients are those of finite differences, and so are the gradients of convolutions' gradients.
func TestPictureGradients(t *testing.T) {
	t.Parallel()
	for i, c := range pictureCases(t) {
		if c.Layer == "max" && i%2 == 1 {
			continue // equal numbers have no differences to compare with
		}
		t.Run(c.name(i), func(t *testing.T) {
			if c.Layer == "max" {
				c.X.Values = normals(uint64(i), len(c.X.Values), 10)
			}
			err := gradcheck.Check(c.params(t, tensor.Float64), map[string]*tensor.Dense{"x": dense64(c.X.Values, c.X.Shape...)}, func(b *builder.Graph) *G.Node {
				y := b.Square(c.build(b, b.Input("x", c.X.Shape...)))
				if b.Err() != nil {
					return nil
				}
				return b.Sum(b.Mul(y, b.Constant("r", c.R, y.Shape()...)))
			}, gradcheck.Options{Inputs: []string{"x"}, Tolerance: 1e-6, Step: 1e-5})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
