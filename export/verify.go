package export

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/rowmajor"
	"github.com/catvae/catvae/internal/tape"
	G "gorgonia.org/gorgonia"
)

// A Runner is a loaded model that can be run: the runtime's graphs are.
type Runner interface {
	// Run computes all outputs in the model's order.
	Run(ctx context.Context, inputs ...onnxtensor.Tensor) ([]onnxtensor.Tensor, error)
}

// Tolerance is how far float outputs may lie from gorgonia's: |a-b| <= Tolerance · max(1, largest |b| in the row).
const Tolerance = 1e-5

// Verified is what was compared.
type Verified struct {
	Batches []int              `json:"batches"`
	MaxDiff map[string]float64 `json:"max_difference"` // by output: largest |a-b| / max(1, largest |b| in the row)
}

// Verify runs a model and the graph that it was made from, at several batch sizes, and reports the first difference in
// names, shapes or values. inputs makes the inputs of a batch; its tensors must not have rank 0 unless the graph's do.
// Whole numbers (codes, bytes) must be equal, floats agree within [Tolerance]. A ctx that is done ends it.
func Verify(ctx context.Context, loaded Runner, trace Trace, batches []int, inputs func(batch int) []onnxtensor.Tensor) (Verified, error) {
	v := Verified{Batches: batches, MaxDiff: map[string]float64{}}
	for _, batch := range batches {
		in := inputs(batch)
		want, err := Reference(ctx, trace, batch, in)
		if err != nil {
			return v, err
		}
		got, err := loaded.Run(ctx, in...)
		if err != nil {
			return v, fmt.Errorf("export: verify at batch %d: %w", batch, err)
		}
		if err := v.compare(got, want); err != nil {
			return v, fmt.Errorf("export: verify at batch %d: %w", batch, err)
		}
	}
	return v, nil
}

func (v *Verified) compare(got, want []onnxtensor.Tensor) error {
	byName := map[string]onnxtensor.Tensor{}
	var names, wanted []string
	for _, t := range got {
		byName[t.Name] = t
		names = append(names, t.Name)
	}
	for _, w := range want {
		wanted = append(wanted, w.Name)
		g, ok := byName[w.Name]
		if !ok {
			continue
		}
		diff, err := difference(g, w)
		if err != nil {
			return err
		}
		v.MaxDiff[w.Name] = max(v.MaxDiff[w.Name], diff)
	}
	if strings.Join(names, " ") != strings.Join(wanted, " ") {
		return fmt.Errorf("the model's outputs are %v, the graph's %v", names, wanted)
	}
	return nil
}

// difference returns the largest scaled difference of two tensors, or an error where it passes the tolerance.
func difference(got, want onnxtensor.Tensor) (float64, error) {
	if fmt.Sprint(got.Shape) != fmt.Sprint(want.Shape) {
		return 0, fmt.Errorf("output %q has shape %v, gorgonia's has %v", want.Name, got.Shape, want.Shape)
	}
	a, b := got.Floats(), want.Floats()
	_, exact := want.Data.([]uint8)
	row := len(b)
	if len(want.Shape) > 0 && want.Shape[0] > 0 {
		row = len(b) / int(want.Shape[0])
	}
	worst := 0.0
	for i := range b {
		scale := 1.0
		for _, x := range b[i/row*row : i/row*row+row] {
			scale = max(scale, math.Abs(x))
		}
		diff := math.Abs(a[i]-b[i]) / scale
		if !(diff <= Tolerance) && !(math.IsNaN(a[i]) && math.IsNaN(b[i])) && a[i] != b[i] || exact && a[i] != b[i] {
			return diff, fmt.Errorf("output %q is %g at row %d, column %d; gorgonia has %g", want.Name, a[i], i/row, i%row, b[i])
		}
		if diff > worst {
			worst = diff
		}
	}
	return worst, nil
}

// Reference computes a trace's outputs at one batch size on gorgonia's tape machine. A ctx that is done ends it before the graph is
// traced, or before it runs, with an error that wraps ctx.Err().
func Reference(ctx context.Context, trace Trace, batch int, inputs []onnxtensor.Tensor) ([]onnxtensor.Tensor, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	t, err := traced(trace, batch)
	if err != nil {
		return nil, err
	}
	byName := map[string]onnxtensor.Tensor{}
	for _, in := range inputs {
		if err := in.Check(); err != nil {
			return nil, err
		}
		byName[in.Name] = in
	}
	for _, n := range t.Inputs {
		in, ok := byName[n.Name]
		if !ok {
			return nil, fmt.Errorf("export: no value for input %q", n.Name)
		}
		if err := bind(n.Node, in); err != nil {
			return nil, err
		}
	}
	machine, err := tape.New(t.Outputs[0].Node.Graph(), nodesOf(t.Outputs)...)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	defer machine.Close()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	values, err := machine.Run()
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	out := make([]onnxtensor.Tensor, len(values))
	for i, v := range values {
		data, err := rowmajor.Data(v)
		if err != nil {
			return nil, fmt.Errorf("export: output %q: %w", t.Outputs[i].Name, err)
		}
		if d, ok := data.([]int); ok {
			data = int64s(d)
		}
		out[i] = onnxtensor.Tensor{Name: t.Outputs[i].Name, Data: data}
		for _, d := range t.Outputs[i].Node.Shape() {
			out[i].Shape = append(out[i].Shape, int64(d))
		}
	}
	return out, nil
}

// bind gives an input node its numbers.
func bind(n *G.Node, in onnxtensor.Tensor) error {
	if _, size, _ := onnxtensor.DTypeOf(in.Data); size != max(1, n.Shape().TotalSize()) || size > 1 && !slices.Equal(in.Shape, int64s(n.Shape())) {
		return fmt.Errorf("export: input %q has shape %v, the graph's has %v", in.Name, in.Shape, n.Shape())
	}
	if err := tape.BindData(n, in.Data); err != nil {
		return fmt.Errorf("export: input %q: %w", in.Name, err)
	}
	return nil
}
