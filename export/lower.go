package export

import (
	"fmt"
	"path"
	"strings"

	"github.com/catvae/catvae/internal/exprgraph"
	"github.com/catvae/catvae/internal/flaw"
	"github.com/catvae/catvae/internal/onnxop"
	G "gorgonia.org/gorgonia"
)

// kindOf returns the row of the table that an op belongs to. gorgonia has one type for all elementwise operations of
// two operands, one for those of one, one for matrix products, and a type each for the rest, called "tensor name".
func kindOf(op G.Op) string {
	if op == nil {
		return ""
	}
	name := fmt.Sprintf("%T", op)
	text := op.String()
	switch name {
	case "gorgonia.elemBinOp":
		symbol, _, _ := strings.Cut(text, " ")
		return "binary " + symbol
	case "gorgonia.elemUnaryOp":
		return "unary " + text
	case "gorgonia.linAlgBinOp":
		return "matrix " + strings.ReplaceAll(text, "ᵀ", "")
	}
	name = strings.TrimPrefix(name, "*")
	if rest, ok := strings.CutPrefix(name, "gorgonia."); ok {
		return "tensor " + strings.TrimSuffix(rest, "Op")
	}
	return name
}

// onnxOp is what an op of any package implements to say how it is written in ONNX: see builder.ONNXWriter. The
// interface is made of built-in types, so that the op need not import this package.
type onnxOp interface {
	ONNX(w onnxop.Writer, inputs []string, shapes [][]int64) (output string, err error)
}

// supported reports an operation that cannot be written, whatever its attributes.
func supported(n *G.Node) error {
	if n.Op() == nil || isConstant(n) {
		return nil
	}
	_, own := n.Op().(onnxOp)
	if _, ok := ops[kindOf(n.Op())]; ok || own {
		return nil
	}
	if err := flaw.Graph([]*G.Node{n}); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return fmt.Errorf("export: %s: operation %v (%T): %w: build it from the operations in docs/operators.md, give the op a method ONNX (see builder.ONNXWriter), or add a row to export/ops.go",
		label(n), n.Op(), n.Op(), ErrUnsupportedOp)
}

// lowerOp writes a node with an operation and returns the name of its value.
func (e *emitter) lowerOp(n *node) (string, error) {
	if op, ok := n.op().(onnxOp); ok {
		return e.lowerOwn(op, n)
	}
	r := ops[n.kind] // supported has seen that there is one
	if r.arity >= 0 && len(n.in) != r.arity {
		return "", fmt.Errorf("export: %s: %v has %d operands, the table says %d", label(n.first), n.op(), len(n.in), r.arity)
	}
	return r.lower(e, n)
}

func (e *emitter) lowerOwn(op onnxOp, n *node) (name string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("export: %s: %v says how it is written in ONNX and panics: %v", label(n.first), n.op(), p)
		}
	}()
	inputs := make([]string, len(n.in))
	sizes := make([][]int64, len(n.in)+1)
	for i := range n.in {
		inputs[i] = e.in(n, i)
		sizes[i], _ = static(n.in[i].shape)
	}
	sizes[len(n.in)], _ = static(n.shape)
	if name, err = op.ONNX(e, inputs, sizes); err != nil {
		return "", fmt.Errorf("export: %s: %v: %w", label(n.first), n.op(), err)
	}
	return name, nil
}

// lower writes one node: an initialiser for a node with a value, a row of the table, or the op's own way to be written.
func (e *emitter) lower(n *node) error {
	if _, done := e.names[n]; done {
		return nil
	}
	if n.op() == nil || isConstant(n.first) {
		return e.leaf(n)
	}
	e.scope = e.scopeOf(n)
	e.scopes[n] = e.scope
	name, err := e.lowerOp(n)
	if err != nil {
		return err
	}
	e.names[n] = name
	e.shapes[name] = n.shape
	return nil
}

// leaf writes a node that has a value as an initialiser under its name.
func (e *emitter) leaf(n *node) error {
	if n.first.Value() == nil {
		return fmt.Errorf("export: %s has neither an operation nor a value: list it among the inputs, or give it a value", label(n.first))
	}
	for _, d := range n.shape {
		if d.byBatch {
			return fmt.Errorf("export: %s holds a value whose shape varies with the batch: list it among the inputs", label(n.first))
		}
	}
	v, err := contentOf(n.first)
	if err != nil {
		return err
	}
	if n.op() != nil {
		e.names[n] = e.constant("number", v.dtype, v.shape, v.data)
		return nil
	}
	if n.second.Value() == nil {
		return fmt.Errorf("export: %s has a value in one trace only", label(n.first))
	}
	again, err := contentOf(n.second)
	if err != nil {
		return err
	}
	if !e.drawn && !v.equal(again) {
		return fmt.Errorf("export: %s holds other numbers in each trace, as gorgonia.WithInit draws them anew: give the trace the trained ones by export.WithValues, or fixed ones by gorgonia.WithValue; Options.Drawn takes those of the first trace", label(n.first))
	}
	name := exprgraph.Name(n.first)
	if name == "" {
		name = e.prefix + "constants/unnamed"
	}
	name = e.unique(name)
	e.initialiser(name, v.dtype, v.shape, v.raw)
	e.names[n] = name
	e.scopes[n] = parent(name)
	return nil
}

// scopeOf finds the part of the model that a node belongs to: that of the parameter it uses, or of its first operand
// that has one. So a product with "encoder/1/weight" becomes "encoder/1/Gemm", and so does the ReLU behind it.
func (e *emitter) scopeOf(n *node) string {
	for _, in := range n.in {
		if in.op() == nil && in.first.Value() != nil && strings.Contains(in.first.Name(), "/") {
			return parent(in.first.Name())
		}
	}
	for _, in := range n.in {
		if s := e.scopes[in]; s != "" {
			return s
		}
	}
	return ""
}

func parent(name string) string {
	if dir := path.Dir(name); dir != "." {
		return dir + "/"
	}
	return ""
}
