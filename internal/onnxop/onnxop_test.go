package onnxop_test

import (
	"testing"

	"github.com/catvae/catvae/internal/onnxop"
)

func TestFacts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		op         string
		arity      string
		takes      []int
		takesNot   []int
		pointwise  bool
		broadcasts bool
	}{
		{"Relu", "1", []int{1}, []int{0, 2}, true, false},
		{"Add", "2", []int{2}, []int{1, 3}, true, true},
		{"Clip", "1 to 3", []int{1, 2, 3}, []int{0, 4}, true, true},
		{"Max", "1 or more", []int{1, 2, 9}, []int{0}, true, true},
		{"Constant", "0", []int{0}, []int{1}, false, false},
		{"Gemm", "2 to 3", []int{2, 3}, []int{1, 4}, false, false},
	} {
		f, ok := onnxop.Lookup(c.op)
		if !ok || f.Arity() != c.arity || onnxop.Has(c.op, onnxop.Pointwise) != c.pointwise || onnxop.Broadcasts(c.op) != c.broadcasts {
			t.Errorf("%s: %+v, arity %s", c.op, f, f.Arity())
		}
		for _, n := range c.takes {
			if !f.Takes(n) {
				t.Errorf("%s does not take %d operands", c.op, n)
			}
		}
		for _, n := range c.takesNot {
			if f.Takes(n) {
				t.Errorf("%s takes %d operands", c.op, n)
			}
		}
	}
	if _, ok := onnxop.Lookup("LSTM"); ok || onnxop.Has("LSTM", onnxop.Pointwise) || onnxop.Broadcasts("LSTM") {
		t.Error("an operator without a row has traits")
	}
}

// Every operand that asks for a number of elements shapes the result, and operands exist.
func TestOperands(t *testing.T) {
	t.Parallel()
	for _, op := range onnxop.Operators() {
		f, _ := onnxop.Lookup(op)
		shaping := map[int]bool{}
		for _, i := range f.Shaping {
			if f.Most != onnxop.Any && i >= f.Most {
				t.Errorf("%s has no operand %d", op, i)
			}
			shaping[i] = true
		}
		for _, i := range f.Sizes {
			if !shaping[i] {
				t.Errorf("%s: operand %d is a size and does not shape the result", op, i)
			}
		}
	}
}
