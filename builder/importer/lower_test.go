package importer_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/gradcheck"
	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// lowering is a small graph around one row of the importer's table.
type lowering struct {
	written
	values func(i int) float64 // of x; away from kinks and edges of the operator's domain
	flat   bool                // the operator has no gradient
}

func sine(i int) float64 { // of either sign, and not near 0
	v := 1.5 * math.Sin(1.7*float64(i)+0.4)
	return v + math.Copysign(0.1, v)
}

func positive(i int) float64 { return math.Abs(sine(i)) + 0.2 }

func near0(i int) float64 { return sine(i) * 0.01 }

func nodes(list ...string) written { return written{nodes: list} }

func at(opset int64, list ...string) written { return written{opset: opset, nodes: list} }

func of(shape []int64, list ...string) written { return written{x: shape, nodes: list} }

// loweringCases holds at least one case of every row, and one of each form that a row takes.
var loweringCases = map[string][]lowering{
	"Abs":        {{written: nodes("y = Abs x")}},
	"Elu":        {{written: nodes("y = Elu x")}, {written: nodes("y = Elu x alpha=0.3")}, {written: nodes("y = Elu x"), values: near0}},
	"Erf":        {{written: nodes("y = Erf x")}},
	"Exp":        {{written: nodes("y = Exp x")}},
	"Gelu":       {{written: at(20, "y = Gelu x")}, {written: at(20, "y = Gelu x approximate=tanh")}},
	"LeakyRelu":  {{written: nodes("y = LeakyRelu x")}, {written: nodes("y = LeakyRelu x alpha=0.3")}, {written: nodes("y = LeakyRelu x alpha=1.5")}},
	"Log":        {{written: nodes("y = Log x"), values: positive}},
	"Neg":        {{written: nodes("y = Neg x")}},
	"Reciprocal": {{written: nodes("y = Reciprocal x"), values: positive}},
	"Relu":       {{written: nodes("y = Relu x")}},
	"Selu":       {{written: nodes("y = Selu x")}, {written: nodes("y = Selu x alpha=1.2 gamma=0.9")}},
	"Sigmoid":    {{written: nodes("y = Sigmoid x")}},
	"Softplus":   {{written: nodes("y = Softplus x")}, {written: nodes("y = Softplus x"), values: func(i int) float64 { return 40 * sine(i) }}},
	"Sqrt":       {{written: nodes("y = Sqrt x"), values: positive}},
	"Tanh":       {{written: nodes("y = Tanh x")}},
	"Add": {
		{written: of([]int64{2, 4}, "a = ReduceSum x at1", "b = ReduceSum x at2", "y = Add a b")}, // both are stretched
		{written: of([]int64{1, 4}, "y = Add x t:3x1")}, {written: of([]int64{1, 4}, "y = Add t:1x3x1 x")}, {written: of([]int64{1}, "o = ConstantOfShape four", "y = Add x o")},
		{written: nodes("y = Add x u4")}, {written: nodes("y = Add u4 x")}, {written: nodes("y = Add x x")}, {written: nodes("y = Add x s")}, {written: nodes("y = Add x two")},
		{written: nodes("y = Add row x")}, {written: of([]int64{2, 4}, "y = Add x high")}, {written: nodes("y = Add x one")},
		{written: nodes("a = ReduceSum x at1", "y = Add x a")}, // one number a row
		{written: nodes("n = Shape x", "o = ConstantOfShape n", "y = Add x o")},
	},
	"Sub": {{written: nodes("y = Sub x u4")}, {written: nodes("y = Sub u4 x")}, {written: nodes("y = Sub two x")}},
	"Mul": {{written: nodes("y = Mul x u4")}, {written: of([]int64{2, 4}, "y = Mul u4 x")}, {written: nodes("y = Mul x x")}},
	"Div": {{written: nodes("y = Div x two")}, {written: nodes("y = Div u4 x"), values: positive}},
	"Greater": {
		{written: nodes("a = Greater x half", "b = Cast a to=1", "y = Mul b x")}, {written: nodes("a = Greater u4 x", "y = Cast a to=1"), flat: true},
	},
	"Less": {{written: nodes("a = Less x half", "b = Cast a to=1", "y = Mul b x")}, {written: nodes("a = Less u4 x", "y = Cast a to=1"), flat: true}},
	"PRelu": {
		{written: nodes("y = PRelu x u4")}, {written: nodes("y = PRelu x half")}, {written: of([]int64{2, 4}, "y = PRelu x high")},
	},
	"Pow": {
		{written: nodes("y = Pow x two")}, {written: nodes("y = Pow x whole2")}, {written: nodes("y = Pow x three")}, {written: nodes("y = Pow x f:5")}, {written: nodes("y = Pow x one")},
		{written: nodes("y = Pow x half"), values: positive}, {written: nodes("y = Pow x minus"), values: positive},
	},
	"Clip": {
		{written: nodes("y = Clip x low top")}, {written: nodes("y = Clip x low")}, {written: nodes("y = Clip x _ top")}, {written: nodes("y = Clip x")}, {written: nodes("y = Clip x top low")},
		{written: at(9, "y = Clip x min=-0.7 max=0.6")}, {written: nodes("y = Clip x far top")}, {written: nodes("y = Clip x least infinite")},
	},
	"Cast": {{written: nodes("y = Cast x to=1")}, {written: nodes("a = Cast x to=11", "y = Cast a to=1")}},

	"Gemm": {
		{written: nodes("y = Gemm x w")}, {written: nodes("y = Gemm x w v")}, {written: nodes("y = Gemm x turned v transB=1")}, {written: nodes("y = Gemm x w v alpha=0.3 beta=1.5")},
		{written: nodes("y = Gemm x w two beta=0.5")}, {written: nodes("y = Gemm x w s")},
	},
	"MatMul":             {{written: nodes("y = MatMul x w")}, {written: of([]int64{2, 4}, "y = MatMul x w")}},
	"BatchNormalization": {{written: nodes("y = BatchNormalization x u4 row4 mean4 variance")}, {written: of([]int64{2, 3}, "y = BatchNormalization x c2 d2 c2 variance2 epsilon=0.1")}},
	"LayerNormalization": {
		{written: nodes("y = LayerNormalization x u4")}, {written: nodes("y = LayerNormalization x u4 mean4 epsilon=0.1")}, {written: of([]int64{2, 4}, "y = LayerNormalization x u4 mean4 axis=2")},
		{written: of([]int64{2, 4}, "y = LayerNormalization x t:2x4 t:2x4 axis=1")}, {written: of([]int64{2, 4}, "y = LayerNormalization x t:2x4 axis=-2")},
	},

	"Softmax":    {{written: nodes("y = Softmax x")}, {written: of([]int64{2, 4}, "y = Softmax x axis=2")}, {written: at(11, "y = Softmax x")}},
	"LogSoftmax": {{written: nodes("y = LogSoftmax x")}, {written: of([]int64{2, 4}, "y = LogSoftmax x axis=-1")}, {written: nodes("y = LogSoftmax x"), values: func(i int) float64 { return 60 * sine(i) }}},
	"ReduceSum": {
		{written: nodes("y = ReduceSum x at1")}, {written: of([]int64{2, 4}, "y = ReduceSum x last keepdims=0")}, {written: of([]int64{2, 4}, "y = ReduceSum x at1 keepdims=0")}, {written: at(11, "y = ReduceSum x axes=[1]")},
	},
	"ReduceMean": {{written: nodes("y = ReduceMean x axes=[-1]")}, {written: of([]int64{2, 4}, "y = ReduceMean x axes=[2,1]")}, {written: at(18, "y = ReduceMean x at1 keepdims=0")}},

	"Reshape":   {{written: of([]int64{2, 3}, "y = Reshape x flat")}, {written: nodes("a = MatMul x w", "y = Reshape a two_three")}},
	"Flatten":   {{written: of([]int64{2, 3}, "y = Flatten x")}},
	"Squeeze":   {{written: of([]int64{1, 3}, "y = Squeeze x at1")}, {written: written{opset: 11, x: []int64{1, 3}, nodes: []string{"y = Squeeze x axes=[1]"}}}},
	"Unsqueeze": {{written: nodes("y = Unsqueeze x at1")}, {written: at(11, "y = Unsqueeze x axes=[2]")}},
	"Identity":  {{written: nodes("y = Identity x")}},
	"Dropout":   {{written: nodes("y = Dropout x")}, {written: nodes("y = Dropout x half false")}},
	"Shape":     {{written: of([]int64{2, 3}, "n = Shape x", "a = Neg x", "y = Reshape a n")}, {written: nodes("n = Shape x start=1", "f = Cast n to=1", "y = Div x f")}},
}

// Every row of the importer's table: a graph in ONNX becomes one in gorgonia, which gives on the tape machine what onnxruntime and
// the pure Go evaluator give for the file, and whose gradient is that of finite differences.
func TestLowerings(t *testing.T) {
	t.Parallel()
	for _, op := range importer.Lowerings() {
		if len(loweringCases[op]) == 0 {
			t.Errorf("no case of the row %q: add one to loweringCases", op)
		}
		if _, ok := onnxop.Lookup(op); !ok {
			t.Errorf("%s has no row of facts in internal/onnxop", op)
		}
	}
	backends := []backend.Backend{purego.New(), ortest.Backend(t)}
	for op, cases := range loweringCases {
		if !slices.Contains(importer.Lowerings(), op) {
			t.Errorf("there is no row %q", op)
		}
		for _, c := range cases {
			t.Run(strings.ReplaceAll(strings.Join(c.nodes, ";"), " ", ""), func(t *testing.T) {
				t.Parallel()
				if !slices.ContainsFunc(c.nodes, func(line string) bool { return strings.Fields(line)[2] == op }) {
					t.Fatalf("the case has no %s", op)
				}
				checkLowering(t, c, backends)
			})
		}
	}
}

func checkLowering(t *testing.T, c lowering, backends []backend.Backend) {
	if c.values == nil {
		c.values = sine
	}
	model := c.encode(t)
	g, err := importer.Parse(model)
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range []int{1, 2, 5} {
		shape := []int{batch}
		for _, d := range g.Inputs()[0].Shape[1:] {
			shape = append(shape, int(d))
		}
		x := make([]float64, tensor.Shape(shape).TotalSize())
		for i := range x {
			x[i] = c.values(i)
		}
		build := func(b *builder.Graph) *G.Node {
			y, err := g.Build(b, map[string]*G.Node{"x": b.Input("x", shape...)}, "y")
			if err != nil {
				return b.Fail(err)
			}
			return y
		}
		got := onTape(t, build, shape, x)
		c.rank = len(got.Shape) // which onnxruntime wants to be told
		for _, backend := range backends {
			if err := near(got, onBackend(t, backend, c.encode(t), shape, x)); err != nil {
				t.Errorf("batch %d, gorgonia and %s: %v", batch, backend.Name(), err)
			}
		}
		if c.flat {
			continue
		}
		params, err := builder.NewParams(tensor.Float64, 1)
		if err != nil {
			t.Fatal(err)
		}
		in := map[string]*tensor.Dense{"x": tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))}
		loss := func(b *builder.Graph) *G.Node { return b.Sum(b.Square(build(b))) }
		if err := gradcheck.Check(params, in, loss, gradcheck.Options{Inputs: []string{"x"}, Tolerance: 1e-5}); err != nil {
			t.Errorf("batch %d: %v", batch, err)
		}
	}
	if !c.flat {
		checkExport(t, g, c, backends)
	}
}

// checkExport exports the graph again, with its gradient by the input, and compares both with gorgonia's on every backend.
func checkExport(t *testing.T, g *importer.File, c lowering, backends []backend.Backend) {
	t.Helper()
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	shape := func(batch int) []int {
		shape := []int{batch}
		for _, d := range g.Inputs()[0].Shape[1:] {
			shape = append(shape, int(d))
		}
		return shape
	}
	trace := func(batch int) (export.Traced, error) {
		b := builder.New(params)
		x := b.Input("x", shape(batch)...)
		y, err := g.Build(b, map[string]*G.Node{"x": x}, "y")
		if err != nil {
			return export.Traced{}, err
		}
		loss := b.Sum(b.Square(y))
		if err := b.Err(); err != nil {
			return export.Traced{}, err
		}
		grad, err := export.Grad(loss, x)
		if err != nil {
			return export.Traced{}, err
		}
		return export.Traced{Inputs: []export.Named{{Name: "x", Node: x}}, Outputs: []export.Named{{Name: "y", Node: y}, {Name: "gradient", Node: grad[0]}}}, nil
	}
	model, err := export.Graph(t.Context(), trace, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := model.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, back := range backends {
		loaded, err := backend.Load(t.Context(), back, data, "exported again")
		if err != nil {
			t.Fatalf("%s: %v", back.Name(), err)
		}
		defer loaded.Close()
		_, err = export.Verify(t.Context(), loaded, trace, []int{1, 3}, func(batch int) []onnxtensor.Tensor {
			in := onnxtensor.Tensor{Name: "x"}
			for _, d := range shape(batch) {
				in.Shape = append(in.Shape, int64(d))
			}
			x := make([]float64, tensor.Shape(shape(batch)).TotalSize())
			for i := range x {
				x[i] = c.values(i)
			}
			in.Data = narrow(x)
			return []onnxtensor.Tensor{in}
		})
		if err != nil {
			t.Errorf("exported again, on %s: %v", back.Name(), err)
		}
	}
}

// onTape runs a graph in float32 on gorgonia's tape machine.
func onTape(t *testing.T, build func(b *builder.Graph) *G.Node, shape []int, x []float64) onnxtensor.Tensor {
	t.Helper()
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	b := builder.New(params)
	y := build(b)
	m, err := builder.NewMachine(b, y)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	values, err := m.Run(map[string]*tensor.Dense{"x": tensor.New(tensor.WithShape(shape...), tensor.WithBacking(narrow(x)))})
	if err != nil {
		t.Fatal(err)
	}
	out := onnxtensor.Tensor{Data: narrow(builder.Floats(values[0]))}
	for _, d := range y.Shape() {
		out.Shape = append(out.Shape, int64(d))
	}
	return out
}

func onBackend(t *testing.T, b backend.Backend, model []byte, shape []int, x []float64) onnxtensor.Tensor {
	t.Helper()
	g, err := backend.Load(t.Context(), b, model, "case")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	in := onnxtensor.Tensor{Name: "x", Data: narrow(x)}
	for _, d := range shape {
		in.Shape = append(in.Shape, int64(d))
	}
	out, err := g.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// near compares shapes, and numbers to 1e-5 of the larger of 1 and the number.
func near(got, want onnxtensor.Tensor) error {
	if !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("shapes %v and %v", got.Shape, want.Shape)
	}
	x, y := got.Data.([]float32), want.Data.([]float32)
	for i := range x {
		if diff := math.Abs(float64(x[i] - y[i])); !(diff <= 1e-5*max(1, math.Abs(float64(y[i])))) {
			return fmt.Errorf("number %d is %g and %g", i, x[i], y[i])
		}
	}
	return nil
}

// Forms of operators that would give other numbers, or another shape, than the file's are refused.
func TestLoweringsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		written
		kind error
		text string
	}{
		"a dropout that drops":                 {nodes("y = Dropout x half true"), importer.ErrUnsupported, "training"},
		"a normalisation by the batch":         {nodes("y = BatchNormalization x u4 u4 u4 variance training_mode=1"), importer.ErrUnsupported, "evaluation mode"},
		"a transposed batch":                   {nodes("y = Gemm x square transA=1"), importer.ErrUnsupported, "transA"},
		"a gelu of another kind":               {at(20, "y = Gelu x approximate=erf"), importer.ErrUnsupported, "erf"},
		"a bound that is computed":             {nodes("m = ReduceSum x at1 keepdims=0", "y = Clip x m"), importer.ErrUnsupported, "depends on the rows"},
		"a power of 2.5":                       {nodes("y = Pow x f:2.5"), importer.ErrUnsupported, "exponent"},
		"an exponent of more dimensions":       {nodes("y = Pow x deep"), importer.ErrUnsupported, "exponent"},
		"a constant of more dimensions":        {nodes("y = Add x deep"), importer.ErrUnsupported, "no axis for the batch"},
		"too many operands":                    {nodes("y = Relu x u4"), importer.ErrGraph, "2 operands: it takes 1"},
		"too few":                              {nodes("y = Pow x"), importer.ErrGraph, "1 operands: it takes 2"},
		"a sum over the batch":                 {nodes("y = ReduceSum x whole0"), importer.ErrUnsupported, "row's"},
		"an axis twice":                        {written{opset: 11, x: []int64{2, 4}, nodes: []string{"y = ReduceSum x axes=[1,-2]"}}, importer.ErrGraph, "twice"},
		"a cast to whole numbers":              {nodes("a = Cast x to=7", "y = Cast a to=1"), importer.ErrUnsupported, "int64"},
		"a softmax over another axis":          {of([]int64{2, 4}, "y = Softmax x axis=1"), importer.ErrUnsupported, "axis 1"},
		"a softmax over two axes, in opset 11": {written{opset: 11, x: []int64{2, 4}, nodes: []string{"y = Softmax x"}}, importer.ErrUnsupported, "axis 1"},
		"a product of batches":                 {of([]int64{2, 4}, "y = MatMul x x"), importer.ErrUnsupported, "product"},
	} {
		g, err := importer.Parse(c.encode(t))
		if err != nil {
			t.Fatal(err)
		}
		params, err := builder.NewParams(tensor.Float32, 1)
		if err != nil {
			t.Fatal(err)
		}
		b := builder.New(params)
		shape := []int{3}
		for _, d := range g.Inputs()[0].Shape[1:] {
			shape = append(shape, int(d))
		}
		_, err = g.Build(b, map[string]*G.Node{"x": b.Input("x", shape...)}, "y")
		if !errors.Is(err, c.kind) || !strings.Contains(fmt.Sprint(err), c.text) || strings.Contains(fmt.Sprint(err), "\n") {
			t.Errorf("%s: the error is %v, want %v with %q", name, err, c.kind, c.text)
		}
	}
}

// docs/import.md names every operator that there is.
func TestPageNamesLowerings(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/import.md")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.FieldsFunc(string(page), func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') })
	for _, op := range importer.Lowerings() {
		if !slices.Contains(words, op) {
			t.Errorf("docs/import.md does not name %s", op)
		}
	}
}
