package flaw

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	G "gorgonia.org/gorgonia"
)

// A node is a gorgonia node among those that are looked at.
type node struct {
	*G.Node
	in    []*G.Node
	graph map[*G.Node]*node
}

// is reports whether a node's operation prints as one of these; gorgonia prints whether a result has its operands' type
// behind it.
func (n *node) is(ops ...string) bool {
	if n == nil || n.Op() == nil {
		return false
	}
	text := strings.TrimSuffix(n.Op().String(), " false")
	return slices.Contains(ops, text)
}

// of returns an operand, nil where there is none.
func (n *node) of(i int) *node {
	if n == nil || i >= len(n.in) {
		return nil
	}
	return n.graph[n.in[i]]
}

// derives lists the nodes of an operation whose derivative n is.
func (n *node) derives(op string) (of []*node) {
	if n == nil {
		return nil
	}
	for _, y := range n.DerivOf() {
		if d := (&node{Node: y, in: operands(y), graph: n.graph}); d.is(op) {
			of = append(of, d)
		}
	}
	return of
}

// log2Gradient: g / (x / ln 2), for the derivative g of log₂ x.
func log2Gradient(n *node) bool {
	q := n.of(1)
	if !n.is("÷") || !q.is("÷") || !isConstant(q.of(1), math.Ln2) {
		return false
	}
	return slices.ContainsFunc(n.of(0).derives("log2"), func(y *node) bool { return y.in[0] == q.in[0] })
}

func isConstant(n *node, want float64) bool {
	if n == nil || n.Value() == nil {
		return false
	}
	x, err := strconv.ParseFloat(fmt.Sprint(n.Value().Data()), 64)
	return err == nil && math.Abs(x-want) < 1e-6
}

// inverseSqrtGradient: g / (2 y³), for the derivative g of y = 1/√x.
func inverseSqrtGradient(n *node) bool {
	q := n.of(1)
	if !n.is("÷") || !q.is("⊙") || !q.of(1).is("cube") {
		return false
	}
	return slices.ContainsFunc(n.of(0).derives("invSqrt"), func(y *node) bool { return y.Node == q.of(1).in[0] })
}

// outerProdGradient: gᵀ x and gᵀ y, for the derivative g of x yᵀ; right are g y and gᵀ x.
func outerProdGradient(n *node) bool {
	return n.is("Aᵀ × b") && slices.ContainsFunc(n.of(0).derives("a ⊗ b"), func(y *node) bool { return slices.Contains(y.in, n.in[1]) })
}

func byIndicesGradient(n *node) bool {
	return starts(n, "ByIndicesOpDiff{}(") && !starts(n, "ByIndicesOpDiff{}(0)")
}

// unevenSlice: gorgonia prints a slice as "T[:, 0:5:2...]", and takes 5/2 for 2 elements.
func unevenSlice(n *node) bool {
	if !starts(n, "T[") {
		return false
	}
	text, _, _ := strings.Cut(n.Op().String(), "...")
	var start, end, step int
	if _, err := fmt.Sscanf(text[strings.LastIndexAny(text, "[ ")+1:], "%d:%d:%d", &start, &end, &step); err != nil {
		return false
	}
	return step > 1 && (end-start)%step != 0
}

// logSumExp: Σ exp(x-m) + m, for the largest m of x, which it takes the logarithm of.
func logSumExp(n *node) bool {
	exp, top := n.of(0).of(0), n.of(1)
	shifted := exp.of(0)
	return n.is("+") && starts(n.of(0), "Σ") && exp.is("exp") && starts(top, "MaxAlong") && shifted.is("-") && shifted.of(1) == top && shifted.of(0) == top.of(0)
}

func starts(n *node, text string) bool {
	return n != nil && n.Op() != nil && strings.HasPrefix(n.Op().String(), text)
}

// field returns a field of a node's op, by its name in gorgonia: reflect reads numbers and truth values that are not exported.
func field(n *node, name string) (v reflect.Value, ok bool) {
	v = reflect.ValueOf(n.Op())
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return v, false
	}
	v = v.FieldByName(name)
	return v, v.IsValid()
}

// dropoutGradient is right where as much is dropped as kept, and nowhere outside training.
func dropoutGradient(n *node) bool {
	if !starts(n, "dropoutDiffOp") {
		return false
	}
	training, ok := field(n, "isTraining")
	p, ok2 := field(n, "probability")
	return ok && ok2 && !(training.Bool() && p.Float() == 0.5)
}

// pool returns a MaxPool's kernel and border along an axis, before and after.
func pool(n *node, kernel, before, after string) (k, a, b int64) {
	for name, to := range map[string]*int64{kernel: &k, before: &a, after: &b} {
		if v, ok := field(n, name); ok && v.CanInt() {
			*to = v.Int()
		}
	}
	return k, a, b
}

// poolOfBorder: gorgonia's machine panics in its gradient.
func poolOfBorder(n *node) bool {
	if !starts(n, "MaxPool{") {
		return false
	}
	h, north, south := pool(n, "h", "padNorth", "padSouth")
	w, west, east := pool(n, "w", "padWest", "padEast")
	return max(north, south) >= h || max(west, east) >= w
}

func poolTurned(n *node) bool {
	if !starts(n, "MaxPool{") {
		return false
	}
	_, north, south := pool(n, "h", "padNorth", "padSouth")
	_, west, east := pool(n, "w", "padWest", "padEast")
	return north != south || west != east
}

// batchNormGradient: of pictures, gorgonia takes the variance of the last batch in training, or 0.
func batchNormGradient(n *node) bool {
	if n.Op() == nil || fmt.Sprintf("%T", n.Op()) != "*gorgonia.batchnormDiffOp" || n.Dims() < 3 {
		return false
	}
	training, ok := field(n, "training")
	return ok && !training.Bool()
}

func averagePool(n *node) bool { return starts(n, "AvgPool") }

func at(n *node) bool { return starts(n, "At(") }

// innerReduction: gorgonia reduces one axis after the other, the first first. An axis that is neither the first two's nor the
// last is read at wrong places, except where it has two elements or what lies between the first axis and it has one.
func innerReduction(n *node) bool {
	if !starts(n, "Σ[") && !starts(n, "MaxAlong[") {
		return false
	}
	shape := slices.Clone(n.in[0].Shape())
	_, list, _ := strings.Cut(strings.TrimSuffix(n.Op().String(), "]"), "[")
	axes := []int{}
	for _, a := range strings.Fields(list) {
		axis, err := strconv.Atoi(a)
		if err != nil {
			return false
		}
		axes = append(axes, axis)
	}
	slices.Sort(axes)
	if len(axes) == len(shape) {
		return false
	}
	for i, axis := range axes {
		axis -= i
		if axis >= len(shape) {
			return false
		}
		if axis >= 2 && axis < len(shape)-1 && shape[axis] != 2 && shape[1:axis].TotalSize() > 1 {
			return true
		}
		shape = slices.Delete(shape, axis, axis+1)
	}
	return false
}
