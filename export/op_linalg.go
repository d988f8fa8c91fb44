package export

import (
	"fmt"
	"slices"
)

// transposes reads which operands of a matrix product are transposed.
func (n *node) transposes() (a, b bool, err error) {
	if a, err = n.flag("transA"); err != nil {
		return false, false, err
	}
	b, err = n.flag("transB")
	return a, b, err
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// lowerGemm writes a product of matrices, with its transposes, as a Gemm without its third operand (optional since opset
// 11); a pass gives it the bias that is added to it. https://onnx.ai/onnx/operators/onnx__Gemm.html
func lowerGemm(e *emitter, n *node) (string, error) {
	a, b, err := n.transposes()
	if err != nil {
		return "", err
	}
	attributes := map[string]any{}
	if a {
		attributes["transA"] = flag(a)
	}
	if b {
		attributes["transB"] = flag(b)
	}
	return e.Node("Gemm", attributes, e.in(n, 0), e.in(n, 1)), nil
}

// vector returns an operand as a vector: gorgonia takes [n,1] and [1,n] for one.
func (e *emitter) vector(n *node, i int) (string, error) {
	shape := n.in[i].shape
	if len(shape) == 1 {
		return e.in(n, i), nil
	}
	return e.reshape(e.in(n, i), []dim{longest(shape)})
}

func longest(shape []dim) dim {
	for _, d := range shape {
		if d != (dim{n: 1}) {
			return d
		}
	}
	return dim{n: 1}
}

func lowerMatVec(e *emitter, n *node) (string, error) {
	transposed, _, err := n.transposes()
	if err != nil {
		return "", err
	}
	v, err := e.vector(n, 1)
	if err != nil {
		return "", err
	}
	if transposed {
		return e.Node("MatMul", nil, v, e.in(n, 0)), nil
	}
	return e.Node("MatMul", nil, e.in(n, 0), v), nil
}

func lowerDot(e *emitter, n *node) (string, error) {
	x, err := e.vector(n, 0)
	if err != nil {
		return "", err
	}
	y, err := e.vector(n, 1)
	if err != nil {
		return "", err
	}
	return e.Node("MatMul", nil, x, y), nil
}

func lowerOuter(e *emitter, n *node) (string, error) {
	x, err := e.reshape(e.in(n, 0), []dim{longest(n.in[0].shape), {n: 1}})
	if err != nil {
		return "", err
	}
	y, err := e.reshape(e.in(n, 1), []dim{{n: 1}, longest(n.in[1].shape)})
	if err != nil {
		return "", err
	}
	return e.Node("MatMul", nil, x, y), nil
}

func lowerBatchedMatMul(e *emitter, n *node) (string, error) {
	a, b, err := n.transposes()
	if err != nil {
		return "", err
	}
	operands := [2]string{e.in(n, 0), e.in(n, 1)}
	for i, transposed := range [2]bool{a, b} {
		if transposed {
			perm := make([]int64, len(n.in[i].shape))
			for j := range perm {
				perm[j] = int64(j)
			}
			last := len(perm) - 1
			perm[last], perm[last-1] = perm[last-1], perm[last]
			operands[i] = e.Node("Transpose", map[string]any{"perm": perm}, operands[i])
		}
	}
	return e.Node("MatMul", nil, operands[0], operands[1]), nil
}

// lowerTensordot contracts axes of two tensors: what is contracted goes to the end of the first and the front of the second, and both
// become matrices.
func lowerTensordot(e *emitter, n *node) (string, error) {
	var operands [2]string
	var kept []dim
	for i, name := range []string{"aAxes", "bAxes"} {
		contracted, err := n.numbers(name)
		if err != nil {
			return "", err
		}
		shape := n.in[i].shape
		perm, inner := make([]int64, 0, len(shape)), dim{n: 1}
		var outer dim
		rest := []dim{}
		for axis, d := range shape {
			if !slices.Contains(contracted, axis) {
				perm, rest = append(perm, int64(axis)), append(rest, d)
			}
		}
		for _, axis := range contracted {
			inner = product(inner, shape[axis])
		}
		outer = dim{n: 1}
		for _, d := range rest {
			outer = product(outer, d)
		}
		if inner.n < 0 || outer.n < 0 {
			return "", fmt.Errorf("export: %s: two axes that vary with the batch cannot be one", label(n.first))
		}
		axes, to := int64s(contracted), []dim{outer, inner}
		if i == 0 {
			perm = append(perm, axes...)
		} else {
			perm, to = append(axes, perm...), []dim{inner, outer}
		}
		x := e.Node("Transpose", map[string]any{"perm": perm}, e.in(n, i))
		if operands[i], err = e.reshape(x, to); err != nil {
			return "", err
		}
		kept = append(kept, rest...)
	}
	return e.reshape(e.Node("MatMul", nil, operands[0], operands[1]), kept)
}

// product multiplies dimensions; it is negative where both vary with the batch.
func product(a, b dim) dim {
	if a.byBatch && b.byBatch {
		return dim{n: -1}
	}
	return dim{n: a.n * b.n, byBatch: a.byBatch || b.byBatch}
}
