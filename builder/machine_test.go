package builder_test

import (
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"gorgonia.org/tensor"
)

// Inputs that do not fit are refused by name, and the machine keeps working.
func TestMachineErrors(t *testing.T) {
	p := params64(t)
	b := builder.New(p)
	sum := b.Add(b.Mul(b.Input("x", 2), b.Input("s")), b.Parameter("w", filled(1, 1), 2))
	sum = b.Add(sum, b.Constant("c", []float64{1, 1}, 2))
	m, err := builder.NewMachine(b, sum)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	good := dense64([]float64{3, 4}, 2)
	if _, err := m.Run(nil); err == nil || !strings.Contains(err.Error(), "No value bound") {
		t.Errorf("a run without values: %v", err)
	}
	for name, c := range map[string]struct {
		input string
		value *tensor.Dense
		want  string
	}{
		"an unknown name": {"y", good, `no input "y"`},
		"another length":  {"x", dense64([]float64{1, 2, 3}, 3), "(2)"},
		"another rank":    {"x", dense64([]float64{1, 2}, 1, 2), "(1, 2)"},
		"another type":    {"x", tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, 2})), "float32"},
		"a long scalar":   {"s", good, "scalar"},
		"nothing":         {"x", nil, "no value"},
		"a parameter":     {"w", good, "Params.Set"},
		"a constant":      {"c", good, "constant"},
	} {
		if _, err := m.Run(map[string]*tensor.Dense{c.input: c.value}); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one line with %q", name, err, c.want)
		}
	}
	if err := p.Set("w", []int{2}, []float64{10, 20}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*tensor.Dense{number64(2), dense64([]float64{2}, 1), dense64([]float64{2}, 1, 1)} {
		values, err := m.Run(map[string]*tensor.Dense{"x": good, "s": s})
		if err != nil {
			t.Fatal(err)
		}
		if got := builder.Floats(values[0]); got[0] != 17 || got[1] != 29 {
			t.Errorf("a scalar of shape %v: %v, want [17 29]", s.Shape(), got)
		}
	}
}

// A machine is made of a sound graph and of nodes.
func TestNewMachineErrors(t *testing.T) {
	failed := builder.New(params64(t))
	failed.Exp(nil)
	if _, err := builder.NewMachine(failed); err != failed.Err() {
		t.Errorf("a failed graph: %v, want %v", err, failed.Err())
	}
	b := builder.New(params64(t))
	if _, err := builder.NewMachine(b, nil); err == nil {
		t.Error("a machine that computes nothing is made")
	}
	if _, err := builder.NewMachine(b); err == nil {
		t.Error("a machine without outputs is made")
	}
}
