package importer_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxpb"
)

// Where a graph ends, what its categories are, and which of its numbers train.
func TestNetwork(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		nodes      []string
		shape      []int
		categories int
		params     string
		note       string
	}{
		"logits":                          {[]string{"y = MatMul x w"}, []int{6}, 0, "encoder/w", "no sigmoid"},
		"a sigmoid at the end":            {[]string{"a = MatMul x w", "y = Sigmoid a"}, []int{6}, 0, "encoder/w", "Sigmoid"},
		"a sigmoid, then another shape":   {[]string{"a = MatMul x w", "b = Sigmoid a", "c = Identity b", "y = Reshape c flat"}, []int{6}, 0, "encoder/w", "Sigmoid"},
		"an axis of categories":           {[]string{"a = MatMul x w", "y = Reshape a two_three"}, []int{2, 3}, 3, "encoder/w", "no sigmoid"},
		"a softmax over the categories":   {[]string{"a = MatMul x w", "b = Reshape a two_three", "y = Softmax b axis=-1"}, []int{2, 3}, 3, "encoder/w", "Softmax"},
		"a softmax, flat behind it":       {[]string{"a = MatMul x w", "b = Reshape a two_three", "c = LogSoftmax b axis=2", "y = Flatten c"}, []int{6}, 3, "encoder/w", "LogSoftmax"},
		"one variable":                    {[]string{"a = MatMul x w", "y = Softmax a"}, []int{6}, 6, "encoder/w", "Softmax"},
		"names that differ by the part":   {[]string{"a = MatMul x w", "b = Add a v", "y = Add b encoder/v"}, []int{6}, 0, "encoder/w encoder/v encoder/encoder/v", ""},
		"what follows from weights":       {[]string{"u = Mul v s", "a = MatMul x w", "y = Add a u"}, []int{6}, 0, "encoder/w encoder/u", ""},
		"a weight norm":                   {[]string{"l = ReduceL2 turned axes=[1] keepdims=1", "d = Div turned l", "m = Mul d u6", "y = Gemm x m v transB=1"}, []int{6}, 0, "encoder/m encoder/v", ""},
		"a weight norm, parametrised":     {[]string{"l = ReduceL2 turned axes=[-1] keepdims=1", "d = Div u6 l", "m = Mul turned d", "y = Gemm x m v transB=1"}, []int{6}, 0, "encoder/m encoder/v", ""},
		"a norm of all weights":           {[]string{"l = ReduceL2 w axes=[0,1] keepdims=1", "q = ReduceSumSquare w keepdims=0", "r = ReduceL1 w keepdims=0", "c = Div r q", "d = Div w l", "m = Mul d c", "y = MatMul x m"}, []int{6}, 0, "encoder/m", ""},
		"an operand that is left out":     {[]string{"a = MatMul x w", "_,b = LSTM x w v", "y = Clip a _ ten"}, []int{6}, 0, "encoder/w", ""},
		"what follows from a shape":       {[]string{"a = MatMul x w", "n = Shape a", "o = ConstantOfShape n", "y = Add a o"}, []int{6}, 0, "encoder/w", ""},
		"a part of the graph that is not": {[]string{"a = MatMul x w", "z = LSTM x w v", "y = LeakyRelu a"}, []int{6}, 0, "encoder/w", ""},
	} {
		n, err := importer.Encoder(graph(t, float, "y", c.nodes...), importer.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var params []string
		for _, p := range n.Parameters() {
			params = append(params, p.Name)
		}
		if !slices.Equal(n.Shape(), c.shape) || n.Categories() != c.categories || strings.Join(params, " ") != c.params || !strings.Contains(n.Note(), c.note) {
			t.Errorf("%s: shape %v, %d categories, parameters %v, %q", name, n.Shape(), n.Categories(), params, n.Note())
		}
		compareWithFile(t, name, n)
	}
}

// compareWithFile runs the network in gorgonia and its file in pure Go.
func compareWithFile(t *testing.T, name string, n *importer.Network) {
	t.Helper()
	rows := make([]float32, 16*n.Width())
	for i := range rows {
		rows[i] = float32(math.Abs(math.Sin(float64(i))))
	}
	want, err := n.Reference(rows)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	compare(t, "encoder", n, rows, want, false)
}

func TestNetworkRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dtype   onnxpb.TensorProto_DataType
		decoder bool
		outputs string
		nodes   []string
		kind    error
		text    string
	}{
		"operators, all at once":             {float, false, "y", []string{"a = MatMul x w", "b = Floor a", "c = Erf b", "d = Mish c", "y = LSTM d w v"}, importer.ErrUnsupported, `Floor ("b"), Mish ("d"), LSTM ("y")`},
		"bytes":                              {uint8s, false, "y", []string{"a = Cast x to=1", "y = MatMul a w"}, importer.ErrGraph, "uint8"},
		"a softmax over another axis":        {float, false, "y", []string{"a = MatMul x w", "b = Reshape a two_three", "y = Softmax b axis=1"}, importer.ErrGraph, "last axis"},
		"a decoder with a softmax":           {float, true, "y", []string{"a = MatMul x w", "y = Softmax a"}, importer.ErrGraph, "sigmoid"},
		"a decoder in an encoder's place":    {float, false, "y", []string{"a = MatMul x w", "b = Sigmoid a", "y = Reshape b two_three"}, importer.ErrGraph, "wrong order"},
		"a batch of two in the file":         {float, false, "y", []string{"a = MatMul x w", "y = Reshape a fixed"}, importer.ErrGraph, "dynamic batch"},
		"two results":                        {float, false, "y z", []string{"y = MatMul x w", "z = Relu y"}, importer.ErrOutput, "y, z"},
		"nothing to train":                   {float, false, "y", []string{"y = Relu x"}, importer.ErrGraph, "no parameters"},
		"one number for all rows":            {float, false, "y", []string{"a = MatMul x w", "y = ReduceSum a keepdims=0"}, importer.ErrUnsupported, "batch"},
		"a parameter as long as the batch":   {float, false, "y", []string{"n = Shape x", "e = Expand row4 n", "a = Add x e", "y = MatMul a w"}, importer.ErrGraph, `"encoder/e" grows with the batch`},
		"a result that does not depend on x": {float, false, "y", []string{"y = Relu v"}, importer.ErrOutput, "does not depend"},
	} {
		read := importer.Encoder
		if c.decoder {
			read = importer.Decoder
		}
		_, err := read(graph(t, c.dtype, c.outputs, c.nodes...), importer.Options{})
		if !errors.Is(err, c.kind) || !strings.Contains(fmt.Sprint(err), c.text) || strings.Contains(fmt.Sprint(err), "\n") {
			t.Errorf("%s: the error is %v, want %v with %q", name, err, c.kind, c.text)
		}
	}
}

// Our own graphs are imported without naming their logits.
func TestNamesAreTheBundles(t *testing.T) {
	if importer.OurLogits != bundle.LatentLogits || importer.OurOutputs != bundle.ReconstructionLogits {
		t.Errorf("the importer knows %q and %q, bundles have %q and %q", importer.OurLogits, importer.OurOutputs, bundle.LatentLogits, bundle.ReconstructionLogits)
	}
}

// A node without its second operand is refused before the graph's end is read.
func TestMissingOperand(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"Pow", "Div", "Mul"} {
		if _, err := importer.Encoder(graph(t, float, "y", "z = MatMul x w", "y = "+op+" z"), importer.Options{}); !errors.Is(err, importer.ErrGraph) || !strings.Contains(err.Error(), "it takes 2") {
			t.Errorf("%s: the error is %v", op, err)
		}
	}
}

// Results that lie within bounds or on one side of 0 are not taken for logits, whatever gives them.
func TestBoundedEnds(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"HardSigmoid", "HardSwish", "Celu", "Softsign"} {
		if _, err := importer.Decoder(graph(t, float, "y", "z = MatMul x w", "y = "+op+" z"), importer.Options{}); !errors.Is(err, importer.ErrGives) {
			t.Errorf("%s: the error is %v", op, err)
		}
	}
}
