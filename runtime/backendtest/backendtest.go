// Package backendtest holds the tests that every [backend.Backend] must pass, those of other modules too.
//
//	func TestMyBackend(t *testing.T) {
//		backendtest.Run(t, func(t *testing.T) backend.Backend { return mybackend.New() })
//	}
//
// # What is tested
//
// Numbers of a small network and of scalars, in all batch sizes; inputs that do not fit; models that are broken, that the
// check refuses before the backend sees them, or that hold an operator which nobody has; concurrent runs; that closing one
// graph leaves others alone; that done contexts end loading and running; and, where graphs are [backend.Binder]s, runs on
// the caller's memory.
//
// # Limits
//
// A backend needs the operators Gemm, Relu, Cast, Mul and Add of opset 17. Speed is not tested, and neither are a backend's
// own options.
package backendtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/runtime/backend"
	"google.golang.org/protobuf/proto"
)

// Run runs the suite as subtests of t. open is called once for each and returns the backend to be tested; it may skip.
func Run(t *testing.T, open func(t *testing.T) backend.Backend) {
	for _, c := range []struct {
		name string
		test func(*testing.T, backend.Backend)
	}{
		{"name", testName}, {"numbers", testNumbers}, {"scalar", testScalar}, {"bad inputs", testBadInputs},
		{"bad models", testBadModels}, {"hostile", testHostile}, {"bytes", testBytes}, {"close", testClose},
		{"concurrent", testConcurrent}, {"context of a load", testLoadContext}, {"context of a run", testRunContext},
		{"bind", testBind}, {"unused declarations", testUnused},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func value(name string, dtype onnxpb.TensorProto_DataType, dims ...any) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for _, d := range dims {
		switch d := d.(type) {
		case string:
			shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: d}})
		case int:
			shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}})
		}
	}
	return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(dtype)), Shape: shape},
	}}}
}

func floats(name string, dims []int64, x ...float32) *onnxpb.TensorProto {
	var raw []byte
	for _, v := range x {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return &onnxpb.TensorProto{Name: proto.String(name), DataType: proto.Int32(1), Dims: dims, RawData: raw}
}

func node(op, out string, in ...string) *onnxpb.NodeProto {
	return &onnxpb.NodeProto{Name: proto.String(out), OpType: proto.String(op), Input: in, Output: []string{out}}
}

func encode(t *testing.T, g *onnxpb.GraphProto) []byte {
	t.Helper()
	g.Name = proto.String("test")
	data, err := onnxpb.Marshal(&onnxpb.ModelProto{
		IrVersion: proto.Int64(8), Graph: g,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(17)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const f32, u8 = onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_UINT8

// dense is y = relu(x W + b) and y_bytes = uint8(y), for x [n,2].
func dense(t *testing.T) []byte {
	cast := node("Cast", "y_bytes", "y")
	cast.Attribute = []*onnxpb.AttributeProto{{Name: proto.String("to"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(int64(u8))}}
	return encode(t, &onnxpb.GraphProto{
		Input:       []*onnxpb.ValueInfoProto{value("x", f32, "n", 2)},
		Output:      []*onnxpb.ValueInfoProto{value("y", f32, "n", 3), value("y_bytes", u8, "n", 3)},
		Initializer: []*onnxpb.TensorProto{floats("W", []int64{2, 3}, 1, 2, 3, 4, 5, 6), floats("b", []int64{3}, -10, 0, 10)},
		Node:        []*onnxpb.NodeProto{node("Gemm", "xWb", "x", "W", "b"), node("Relu", "y", "xWb"), cast},
	})
}

func load(t *testing.T, b backend.Backend, model []byte) backend.Graph {
	t.Helper()
	g, err := backend.Load(t.Context(), b, model, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

func rows(n int) backend.Tensor {
	x := make([]float32, 2*n)
	for i := range x {
		x[i] = float32(i % 5)
	}
	return backend.Tensor{Name: "x", Shape: []int64{int64(n), 2}, Data: x}
}

// check compares a run's results with the same sums in Go.
func check(out []backend.Tensor, x []float32) error {
	if len(out) != 2 || out[0].Name != "y" || out[1].Name != "y_bytes" {
		return fmt.Errorf("outputs are %v", out)
	}
	y, ok := out[0].Data.([]float32)
	bytes, ok2 := out[1].Data.([]uint8)
	n := len(x) / 2
	if !ok || !ok2 || fmt.Sprint(out[0].Shape) != fmt.Sprint([]int64{int64(n), 3}) || len(y) != 3*n || len(bytes) != 3*n {
		return fmt.Errorf("y is %T of shape %v, y_bytes %T", out[0].Data, out[0].Shape, out[1].Data)
	}
	for i := range n {
		for j := range 3 {
			want := max(0, x[2*i]*float32(1+j)+x[2*i+1]*float32(4+j)+float32(10*(j-1)))
			if y[3*i+j] != want || float32(bytes[3*i+j]) != want {
				return fmt.Errorf("row %d, column %d is %g and %d, want %g", i, j, y[3*i+j], bytes[3*i+j], want)
			}
		}
	}
	return nil
}

func testNumbers(t *testing.T, b backend.Backend) {
	g := load(t, b, dense(t))
	if in := g.Inputs(); len(in) != 1 || in[0].Name != "x" || in[0].DType != backend.Float32 || in[0].Shape[0] != -1 || in[0].Shape[1] != 2 {
		t.Errorf("inputs are %v", in)
	}
	for _, n := range []int{1, 2, 7, 64, 3} {
		x := rows(n)
		out, err := g.Run(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(out, x.Data.([]float32)); err != nil {
			t.Errorf("%d rows: %v", n, err)
		}
	}
}

// What a backend says of itself makes sense.
func testName(t *testing.T, b backend.Backend) {
	if b.Name() == "" {
		t.Error("the backend has no name")
	}
	if d := backend.DeviceOf(b); d == backend.Auto || !slices.Contains(backend.Devices(), string(d)) {
		t.Errorf("the backend runs on %q: use one of %v, except %s", d, backend.Devices(), backend.Auto)
	}
	if r := backend.Resting(b); r.Name() != b.Name() {
		t.Errorf("at rest the backend is %s, else %s", r.Name(), b.Name())
	}
	if n := backend.StepsPerCall(b); n < 1 {
		t.Errorf("the backend takes %d steps a call: use 1 or more", n)
	}
}

// A scalar goes in and comes out without dimensions.
func testScalar(t *testing.T, b backend.Backend) {
	g := load(t, b, encode(t, &onnxpb.GraphProto{
		Input:  []*onnxpb.ValueInfoProto{value("a", f32), value("b", f32)},
		Output: []*onnxpb.ValueInfoProto{value("c", f32)},
		Node:   []*onnxpb.NodeProto{node("Mul", "c", "a", "b")},
	}))
	out, err := g.Run(t.Context(), backend.Tensor{Name: "b", Data: []float32{3}}, backend.Tensor{Name: "a", Data: []float32{2}})
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := out[0].Data.([]float32); !ok || len(c) != 1 || c[0] != 6 || len(out[0].Shape) != 0 {
		t.Errorf("2·3 = %v", out)
	}
}

func testBadInputs(t *testing.T, b backend.Backend) {
	g := load(t, b, dense(t))
	for name, in := range map[string][]backend.Tensor{
		"none":         {},
		"two":          {rows(1), rows(1)},
		"another name": {{Name: "z", Shape: []int64{1, 2}, Data: make([]float32, 2)}},
		"another type": {{Name: "x", Shape: []int64{1, 2}, Data: make([]float64, 2)}},
		"another rank": {{Name: "x", Shape: []int64{2}, Data: make([]float32, 2)}},
		"another size": {{Name: "x", Shape: []int64{1, 3}, Data: make([]float32, 3)}},
		"too few":      {{Name: "x", Shape: []int64{2, 2}, Data: make([]float32, 3)}},
		"no rows":      {{Name: "x", Shape: []int64{0, 2}, Data: []float32{}}},
		"negative":     {{Name: "x", Shape: []int64{-1, 2}, Data: make([]float32, 2)}},
		"strings":      {{Name: "x", Shape: []int64{1, 2}, Data: []string{"a", "b"}}},
	} {
		if _, err := g.Run(t.Context(), in...); !errors.Is(err, backend.ErrInput) {
			t.Errorf("%s: the error is %v, want ErrInput", name, err)
		}
	}
}

func testBadModels(t *testing.T, b backend.Backend) {
	for name, model := range map[string][]byte{
		"nothing": nil,
		"words":   []byte("this is no model"),
		"an undefined name": encode(t, &onnxpb.GraphProto{
			Input: []*onnxpb.ValueInfoProto{value("x", f32, "n")}, Output: []*onnxpb.ValueInfoProto{value("y", f32, "n")},
			Node: []*onnxpb.NodeProto{node("Add", "y", "x", "nothing")},
		}),
		"an unknown operator": encode(t, &onnxpb.GraphProto{
			Input: []*onnxpb.ValueInfoProto{value("x", f32, "n")}, Output: []*onnxpb.ValueInfoProto{value("y", f32, "n")},
			Node: []*onnxpb.NodeProto{node("NoSuchOperator", "y", "x")},
		}),
	} {
		if g, err := backend.Load(t.Context(), b, model, "bad"); err == nil {
			g.Close()
			t.Errorf("%s: is loaded", name)
		} else if !strings.Contains(err.Error(), "bad") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one line with the graph's label", name, err)
		}
	}
}

// untouched is a backend that must not be given anything to load.
type untouched struct {
	backend.Backend
	t *testing.T
}

func (u untouched) Load(_ context.Context, _ backend.Checked, label string) (backend.Graph, error) {
	u.t.Errorf("%s reached the backend", label)
	return nil, errors.New("not to be loaded")
}

// testHostile loads what must never reach a backend: the check before it refuses each.
func testHostile(t *testing.T, b backend.Backend) {
	for name, model := range onnxtest.Hostile() {
		if _, err := backend.Load(t.Context(), untouched{b, t}, model(), name); !errors.Is(err, backend.ErrUnsafe) {
			t.Errorf("%s: the error is %.300v, want ErrUnsafe", name, err)
		}
	}
}

// testBytes overwrites a model's bytes once it is loaded: they are the caller's.
func testBytes(t *testing.T, b backend.Backend) {
	model := dense(t)
	g := load(t, b, model)
	clear(model)
	x := rows(5)
	out, err := g.Run(t.Context(), x)
	if err == nil {
		err = check(out, x.Data.([]float32))
	}
	if err != nil {
		t.Errorf("the graph depends on the bytes that it was loaded from: %v", err)
	}
}

func testClose(t *testing.T, b backend.Backend) {
	model := dense(t)
	first, second := load(t, b, model), load(t, b, model)
	for range 2 {
		if err := first.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, err := first.Run(t.Context(), rows(1)); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("a run after Close: %v, want ErrClosed", err)
	}
	if out, err := second.Run(t.Context(), rows(2)); err != nil || check(out, rows(2).Data.([]float32)) != nil {
		t.Errorf("closing one user's graph ended another's: %v", err)
	}
}

func testConcurrent(t *testing.T, b backend.Backend) {
	g := load(t, b, dense(t))
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := range 50 {
				x := rows(1 + (worker+i)%9)
				out, err := g.Run(context.Background(), x)
				if err == nil {
					err = check(out, x.Data.([]float32))
				}
				if err != nil {
					t.Errorf("worker %d: %v", worker, err)
					return
				}
			}
		})
	}
	wait.Wait()
}

// testLoadContext loads with contexts that are done, through [backend.Load] and directly. Nothing is left behind that would
// spoil the next load, also where the context ends while the backend loads.
func testLoadContext(t *testing.T, b backend.Backend) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithTimeout(context.Background(), -1)
	defer cancel()
	model := dense(t)
	checked, err := backend.Check(model)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ctx  context.Context
		want error
	}{{cancelled, context.Canceled}, {late, context.DeadlineExceeded}} {
		if _, err := backend.Load(c.ctx, b, model, "test"); !errors.Is(err, c.want) {
			t.Errorf("Load with a done context: %v, want %v", err, c.want)
		}
		if _, err := b.Load(c.ctx, checked, "test"); !errors.Is(err, c.want) {
			t.Errorf("the backend's Load with a done context: %v, want %v", err, c.want)
		}
	}
	during, cancel := context.WithCancel(context.Background())
	go cancel()
	switch g, err := backend.Load(during, b, model, "test"); {
	case err == nil:
		g.Close()
	case !errors.Is(err, context.Canceled):
		t.Errorf("Load with a context that ends meanwhile: %v", err)
	}
	g := load(t, b, model)
	if out, err := g.Run(t.Context(), rows(3)); err != nil || check(out, rows(3).Data.([]float32)) != nil {
		t.Errorf("a load that was ended spoils the next: %v", err)
	}
}

func testRunContext(t *testing.T, b backend.Backend) {
	g := load(t, b, dense(t))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := g.Run(ctx, rows(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("a run with a done context: %v", err)
	}
	if _, err := g.Run(context.Background(), rows(1)); err != nil {
		t.Errorf("the graph is spoiled by a cancelled run: %v", err)
	}
}

// testBind runs a graph on memory of the caller's: y = relu(x W + b) twice, the second time on other numbers in the same
// memory, and a sum without dimensions.
func testBind(t *testing.T, b backend.Backend) {
	g := load(t, b, dense(t))
	binder, ok := g.(backend.Binder)
	if !ok {
		t.Skip("the backend's graphs are no backend.Binder")
	}
	x, y, bytes := []float32{1, 1, 2, 0}, make([]float32, 6), make([]uint8, 6)
	out := []backend.Tensor{{Name: "y_bytes", Shape: []int64{2, 3}, Data: bytes}, {Name: "y", Shape: []int64{2, 3}, Data: y}}
	binding, err := binder.Bind([]backend.Tensor{{Name: "x", Shape: []int64{2, 2}, Data: x}}, out)
	if err != nil {
		t.Fatal(err)
	}
	defer binding.Close()
	for _, c := range []struct{ x, want []float32 }{
		{[]float32{1, 1, 2, 0}, []float32{0, 7, 19, 0, 4, 16}},
		{[]float32{3, 3, 0, 2}, []float32{5, 21, 37, 0, 10, 22}},
	} {
		copy(x, c.x)
		if err := binding.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		for i := range y {
			if y[i] != c.want[i] || float32(bytes[i]) != c.want[i] {
				t.Errorf("y = %v and %v, want %v", y, bytes, c.want)
				break
			}
		}
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if err := binding.Run(done); !errors.Is(err, context.Canceled) {
		t.Errorf("a run with a done context gives %v", err)
	}
	for range 2 {
		if err := binding.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if err := binding.Run(context.Background()); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("a run after Close gives %v, want ErrClosed", err)
	}
	if _, err := binder.Bind([]backend.Tensor{{Name: "x", Shape: []int64{2, 2}, Data: x}}, out[:1]); !errors.Is(err, backend.ErrInput) {
		t.Errorf("binding without memory for an output gives %v, want ErrInput", err)
	}

	s := load(t, b, encode(t, &onnxpb.GraphProto{
		Input:  []*onnxpb.ValueInfoProto{value("a", f32), value("b", f32)},
		Output: []*onnxpb.ValueInfoProto{value("sum", f32)},
		Node:   []*onnxpb.NodeProto{node("Add", "sum", "a", "b")},
	}))
	p, q, sum := []float32{0}, []float32{0}, []float32{0}
	binding, err = s.(backend.Binder).Bind([]backend.Tensor{{Name: "a", Data: p}, {Name: "b", Data: q}}, []backend.Tensor{{Name: "sum", Data: sum}})
	if err != nil {
		t.Fatal(err)
	}
	defer binding.Close()
	for i := range 3 {
		p[0], q[0] = float32(i), 10
		if err := binding.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if sum[0] != float32(i)+10 {
			t.Errorf("%g + %g = %g", p[0], q[0], sum[0])
		}
	}
}

// testUnused loads graphs that declare domains which nobody knows, and functions, and use none of them.
func testUnused(t *testing.T, b backend.Backend) {
	for _, domain := range []string{"ai.onnx.ml", "com.microsoft", "ai.onnx.training", "com.example"} {
		m, err := onnxpb.Unmarshal(dense(t))
		if err != nil {
			t.Fatal(err)
		}
		declared := &onnxpb.OperatorSetIdProto{Domain: &domain, Version: proto.Int64(99)}
		m.OpsetImport = append([]*onnxpb.OperatorSetIdProto{declared}, append(m.OpsetImport, declared)...)
		m.Functions = []*onnxpb.FunctionProto{{Name: proto.String("f"), Domain: &domain, OpsetImport: []*onnxpb.OperatorSetIdProto{declared}}}
		model, err := onnxpb.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		in := rows(2)
		out, err := load(t, b, model).Run(t.Context(), in)
		if err == nil {
			err = check(out, in.Data.([]float32))
		}
		if err != nil {
			t.Errorf("%s: %v", domain, err)
		}
	}
}
