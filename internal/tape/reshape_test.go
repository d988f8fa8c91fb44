package tape_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/catvae/catvae/internal/tape"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A matrix that is read in two shapes keeps its numbers while later products are written; gorgonia's machine by itself writes into it. The
// gradient is compared with differences of the loss.
func TestReshape(t *testing.T) {
	t.Parallel()
	m := G.Must
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithShape(4, 3), G.WithName("x"))
	w := G.NewMatrix(g, tensor.Float64, G.WithShape(3, 3), G.WithName("w"))
	a := m(G.Mul(x, w))
	three := m(G.Reshape(a, tensor.Shape{2, 2, 3}))
	squares := m(G.Reshape(m(G.BatchedMatMul(three, three, false, true)), tensor.Shape{2, 4}))
	loss := m(G.Mean(m(G.Square(m(G.Tanh(m(G.HadamardProd(a, m(G.Mean(squares))))))))))
	grads, err := G.Grad(loss, w)
	if err != nil {
		t.Fatal(err)
	}
	op := three.Op()
	machine, err := tape.New(g, loss, grads[0])
	if err != nil {
		t.Fatal(err)
	}
	defer machine.Close()
	if fmt.Sprintf("%T", three.Op()) != fmt.Sprintf("%T", op) {
		t.Errorf("the node's operation is %T after the machine was made, was %T", three.Op(), op)
	}
	xs, ws := make([]float64, 12), make([]float64, 9)
	for i := range xs {
		xs[i] = math.Sin(float64(i))
	}
	for i := range ws {
		ws[i] = math.Cos(3 * float64(i))
	}
	run := func() (float64, []float64) {
		for n, v := range map[*G.Node][]float64{x: xs, w: ws} {
			if err := tape.Bind(n, tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(append([]float64(nil), v...)))); err != nil {
				t.Fatal(err)
			}
		}
		v, err := machine.Run()
		if err != nil {
			t.Fatal(err)
		}
		return v[0].Data().(float64), append([]float64(nil), v[1].Data().([]float64)...)
	}
	_, gradient := run()
	const h = 1e-6
	for i, at := range ws {
		ws[i] = at + h
		up, _ := run()
		ws[i] = at - h
		down, _ := run()
		ws[i] = at
		if d := (up - down) / (2 * h); math.Abs(d-gradient[i]) > 1e-7*max(1, math.Abs(d)) {
			t.Errorf("gradient %d is %g, by differences %g", i, gradient[i], d)
		}
	}
}
