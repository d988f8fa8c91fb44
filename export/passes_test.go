package export

import (
	"fmt"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

// Each pass on the smallest graph that shows it. A line is a node, "y = Op(a, b)"; a name that no line defines is an
// input of the shape that inputs gives it, or a number when it is one.
func TestPasses(t *testing.T) {
	t.Parallel()
	inputs := map[string][]dim{
		"x": {{n: 4}, {n: 3}}, "y": {{n: 4}, {n: 3}}, "W": {{n: 3}, {n: 3}}, "v": {{n: 3}}, "s": {},
		"rows": {{n: 1, byBatch: true}, {n: 3}},
	}
	for name, c := range map[string]struct {
		pass   func(*emitter) bool
		before string
		after  string
	}{
		"dead nodes": {(*emitter).dropDead, `
			a = Exp(x)
			b = Log(a)
			out = Neg(x)`, `
			out = Neg(x)`},
		"equal nodes": {(*emitter).shareEqual, `
			a = Add(x, y)
			b = Add(y, x)
			c = Sub(x, y)
			d = Sub(y, x)
			e = Mul(a, b)
			out = Concat(e, c, d)`, `
			a = Add(x, y)
			b = Add(y, x)
			c = Sub(x, y)
			d = Sub(y, x)
			e = Mul(a, a)
			out = Concat(e, c, d)`},
		"equal nodes after equal operands": {(*emitter).shareEqual, `
			a = Exp(x)
			b = Exp(x)
			c = Log(a)
			d = Log(b)
			out = Add(c, d)`, `
			a = Exp(x)
			b = Exp(x)
			c = Log(a)
			d = Log(a)
			out = Add(c, c)`},
		"constants": {(*emitter).foldNumbers, `
			a = Div(1, 128)
			b = Neg(a)
			out = Mul(x, b)`, `
			a = Div(1, 128)
			b = Neg(0.0078125)
			out = Mul(x, -0.0078125)`},
		"constants, not roundings of unknown quality": {(*emitter).foldNumbers, `
			a = Exp(2)
			out = Mul(x, a)`, `
			a = Exp(2)
			out = Mul(x, a)`},
		"neutral operands": {(*emitter).dropNeutral, `
			a = Mul(x, 1)
			b = Mul(1, a)
			c = Div(b, 1)
			d = Sub(c, 0)
			e = Neg(d)
			f = Neg(e)
			out = Exp(f)`, `
			a = Mul(x, 1)
			b = Mul(1, x)
			c = Div(x, 1)
			d = Sub(x, 0)
			e = Neg(x)
			f = Neg(e)
			out = Exp(x)`},
		"1 minus x is not x": {(*emitter).dropNeutral, `
			a = Sub(0, x)
			b = Div(1, x)
			out = Add(a, b)`, `
			a = Sub(0, x)
			b = Div(1, x)
			out = Add(a, b)`},
		"signs": {(*emitter).moveSigns, `
			n = Neg(y)
			a = Add(x, n)
			b = Add(n, x)
			c = Sub(x, n)
			d = Sub(x, y)
			e = Neg(d)
			out = Concat(a, b, c, e)`, `
			n = Neg(y)
			a = Sub(x, y)
			b = Sub(x, y)
			c = Add(x, y)
			d = Sub(x, y)
			e = Sub(y, x)
			out = Concat(a, b, c, e)`},
		"the sign of what others read": {(*emitter).moveSigns, `
			d = Sub(x, y)
			e = Neg(d)
			out = Mul(d, e)`, `
			d = Sub(x, y)
			e = Neg(d)
			out = Mul(d, e)`},
		"repeats of one number": {(*emitter).sinkExpands, `
			a = Expand(s, [4 3])
			b = Neg(a)
			out = Mul(x, b)`, `
			a = Expand(s, [4 3])
			b_2 = Neg(s)
			b = Expand(b_2, [4 3])
			out = Mul(x, b)`},
		"repeats": {(*emitter).dropExpands, `
			a = Expand(v, [4 3])
			b = Add(x, a)
			out = Mul(a, a)`, `
			a = Expand(v, [4 3])
			b = Add(x, v)
			out = Mul(v, a)`},
		"reshapes": {(*emitter).joinReshapes, `
			a = Reshape(x, [12])
			b = Reshape(a, [2 6])
			c = Reshape(b, [4 3])
			out = Exp(c)`, `
			a = Reshape(x, [12])
			b = Reshape(x, [2 6])
			c = Reshape(x, [4 3])
			out = Exp(x)`},
		"transposes": {(*emitter).foldTransposes, `
			a = Transpose(W) {perm=[1 0]}
			b = Transpose(x) {perm=[1 0]}
			c = Gemm(x, a)
			out = Gemm(b, c) {transA=1}`, `
			a = Transpose(W) {perm=[1 0]}
			b = Transpose(x) {perm=[1 0]}
			c = Gemm(x, W) {transB=1}
			out = Gemm(x, c) {transA=0}`},
		"biases": {(*emitter).fuseBias, `
			a = Gemm(x, W)
			b = Add(v, a)
			c = Gemm(x, W)
			d = Add(c, s)
			out = Concat(b, d)`, `
			b = Gemm(x, W, v)
			c = Gemm(x, W)
			d = Add(c, s)
			out = Concat(b, d)`},
	} {
		t.Run(name, func(t *testing.T) {
			e := parseNodes(t, inputs, c.before)
			changed := c.pass(e)
			got, want := nodeText(e), strings.Join(lines(c.after), "\n")
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if moved := got != strings.Join(lines(c.before), "\n"); changed != moved {
				t.Errorf("the pass says that it changed something: %t, and did: %t", changed, moved)
			}
		})
	}
}

func lines(text string) []string {
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		out = append(out, strings.TrimSpace(line))
	}
	return out
}

// parseNodes returns an emitter with the nodes of a text, whose last value is the output. Shapes follow as Node finds
// them; a Reshape and an Expand have the shape that they name, a Gemm of x and W has x's.
func parseNodes(t *testing.T, inputs map[string][]dim, text string) *emitter {
	t.Helper()
	e := newEmitter("batch_size", "")
	for name, shape := range inputs {
		e.unique(name)
		e.shapes[name] = shape
		e.graph.Input = append(e.graph.Input, e.info(name, "", onnxpb.TensorProto_FLOAT, shape))
	}
	for _, line := range lines(text) {
		name, call, _ := strings.Cut(line, " = ")
		op, rest, _ := strings.Cut(call, "(")
		args, attributes, _ := strings.Cut(rest, ")")
		attrs := map[string]any{}
		if key, value, ok := strings.Cut(strings.Trim(strings.TrimSpace(attributes), "{}"), "="); ok {
			var n int64
			if strings.HasPrefix(value, "[") {
				attrs[key] = []int64{1, 0}
			} else if _, err := fmt.Sscan(value, &n); err == nil {
				attrs[key] = n
			}
		}
		var in []string
		for _, arg := range strings.Split(args, ", ") {
			var f float64
			if strings.HasPrefix(arg, "[") {
				arg = e.Ints(ints(arg)...)
			} else if _, err := fmt.Sscan(arg, &f); err == nil {
				arg = e.Numbers([]float64{f})
			}
			in = append(in, arg)
		}
		made := e.Node(op, attrs, in...)
		e.rename(made, name)
		e.graph.Node[len(e.graph.Node)-1].Name = proto.String(name)
		e.unique(name)
		switch op {
		case "Reshape", "Expand":
			e.shapes[name] = nil
			for _, d := range ints(args[strings.Index(args, "["):]) {
				e.shapes[name] = append(e.shapes[name], dim{n: d})
			}
		case "Gemm":
			e.shapes[name] = e.shapes["x"]
		}
	}
	last := e.graph.Node[len(e.graph.Node)-1].Output[0]
	e.graph.Output = append(e.graph.Output, e.info(last, "", onnxpb.TensorProto_FLOAT, e.shapes[last]))
	return e
}

func ints(text string) []int64 {
	var out []int64
	for _, word := range strings.Fields(strings.Trim(text, "[]")) {
		var n int64
		fmt.Sscan(word, &n)
		out = append(out, n)
	}
	return out
}

// nodeText prints nodes as parseNodes reads them.
func nodeText(e *emitter) string {
	constant := map[string]string{}
	for name, t := range e.numbers() {
		constant[name] = fmt.Sprint(float32At(t))
	}
	for _, t := range e.graph.Initializer {
		if len(t.Dims) == 1 {
			shape := make([]int64, t.Dims[0])
			for i := range shape {
				shape[i] = int64(t.RawData[8*i])
			}
			constant[t.GetName()] = fmt.Sprint(shape)
		}
	}
	var out []string
	for _, n := range e.graph.Node {
		args := make([]string, len(n.Input))
		for i, in := range n.Input {
			args[i] = in
			if c, ok := constant[in]; ok {
				args[i] = c
			}
		}
		line := fmt.Sprintf("%s = %s(%s)%s", n.Output[0], n.GetOpType(), strings.Join(args, ", "), attributesText(n.Attribute))
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// Which of a model's outputs may be written over which of its inputs follows from who reads the input, and when.
func TestOverwritable(t *testing.T) {
	t.Parallel()
	g := &onnxpb.GraphProto{Name: proto.String("g")}
	e := newEmitter("", "")
	value := func(name string) *onnxpb.ValueInfoProto {
		return e.info(name, "", onnxpb.TensorProto_FLOAT, []dim{{n: 2}, {n: 2}})
	}
	for _, in := range []string{"w", "m", "x"} {
		g.Input = append(g.Input, value(in))
	}
	add := func(out, op string, in ...string) {
		g.Node = append(g.Node, &onnxpb.NodeProto{OpType: proto.String(op), Input: in, Output: []string{out}})
	}
	add("h", "Gemm", "x", "w")         // reads w before everything
	add("scaled", "Mul", "m", "m")     // the one reader of m
	add("m'", "Add", "scaled", "h")    //
	add("w'", "Sub", "w", "m'")        // reads w in its own place
	add("back", "Gemm", "h", "w")      // reads w whenever it likes
	add("sideways", "Gemm", "w", "m'") // a product reads every place
	add("x'", "Neg", "x")              //
	for _, out := range []string{"m'", "w'", "sideways", "x'"} {
		g.Output = append(g.Output, value(out))
	}
	m := &Model{proto: &onnxpb.ModelProto{Graph: g}}
	for _, c := range []struct {
		in, out string
		want    bool
	}{{"m", "m'", true}, {"w", "w'", false}, {"x", "x'", false}, {"m", "w'", true}, {"w", "sideways", false}, {"x", "m'", false}, {"m", "missing", false}} {
		if got := m.Overwritable(c.in, c.out); got != c.want {
			t.Errorf("%s into %s: %t", c.out, c.in, got)
		}
	}
	g.Node = append(g.Node[:4:4], g.Node[6:]...) // without the late readers
	if !m.Overwritable("w", "w'") {
		t.Error("w' into w, read by nobody later")
	}
	writer := g.Node[3]
	g.Node = g.Node[:3:3]
	add("view", "Reshape", "w", "shape") // is w's memory
	add("m2", "Add", "m'", "view")
	writer.Input[1] = "m2"
	g.Node = append(g.Node, writer)
	if !m.Overwritable("w", "w'") {
		t.Error("w' into w, whose view is read before")
	}
	add("column", "Unsqueeze", "view", "axis")
	add("late", "Mul", "column", "h")
	if m.Overwritable("w", "w'") {
		t.Error("w' into w, whose view's view may be read later")
	}
	writer.Input[1] = "view"
	g.Node = g.Node[:len(g.Node)-2]
	if m.Overwritable("w", "w'") {
		t.Error("w' into w by a node that reads w in another shape, too")
	}
}

func TestScanRefuses(t *testing.T) {
	t.Parallel()
	e := parseNodes(t, map[string][]dim{"x": {{n: 2}}}, `out = Neg(x)`)
	m := &Model{proto: wrap(e.graph, Options{})}
	if _, err := m.Scan([]Carried{{"x", "nothing"}}); err == nil {
		t.Error("an output that is not there was carried")
	}
	scan, err := m.Scan([]Carried{{"x", "out"}})
	if err != nil || len(scan.proto.Graph.Node) != 1 || m.proto.Graph.Node[0].Output[0] != "out" {
		t.Errorf("%v, %v", scan, err)
	}
}

// A constant that nothing read any more is there again where a later pass makes the same number.
func TestConstantsComeBack(t *testing.T) {
	t.Parallel()
	e := newEmitter("", "")
	number := func(x float32) string {
		return e.constant("number", onnxpb.TensorProto_FLOAT, nil, []float32{x})
	}
	number(-1)
	e.dropDead()
	again := number(-1)
	if _, ok := e.numbers()[again]; !ok {
		t.Errorf("%s is read, and nothing defines it", again)
	}
}
