package importer

import (
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/internal/onnxgraph"
	G "gorgonia.org/gorgonia"
)

// pad puts elements around those of a row: numbers that are all alike, or others of the row; and takes elements away.
func pad(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	pads, err := c.ints("pads", 1)
	if err != nil {
		return operand{}, err
	}
	value := float64(c.node.Float("value", 0))
	if c.has(2) {
		number, ok := math.NaN(), false
		if t := c.in[2].known; t != nil {
			number, ok = anyNumber(t)
		}
		if !ok {
			return operand{}, fmt.Errorf("with a number that is not known: %w", ErrUnsupported)
		}
		value = number
	}
	axes, err := c.ints("", 3)
	if err != nil {
		return operand{}, err
	}
	if axes == nil {
		for i := range x.Dims() {
			axes = append(axes, int64(i))
		}
	}
	if len(pads) != 2*len(axes) {
		return operand{}, fmt.Errorf("%d pads of %d axes: %w", len(pads), len(axes), ErrGraph)
	}
	for i, a := range axes {
		before, behind := pads[i], pads[len(axes)+i]
		if before == 0 && behind == 0 || c.b.Err() != nil {
			continue
		}
		axis, err := rowAxis(a, x.Dims())
		if err != nil {
			return operand{}, err
		}
		n := int64(x.Shape()[axis])
		if max(before, behind) > mostElements || min(before, 0)+min(behind, 0) <= -n || min(before, behind) <= -n {
			return operand{}, fmt.Errorf("by %d and %d along axis %d of shape %v: %w", before, behind, axis, x.Shape(), ErrGraph)
		}
		x = c.b.Slice(x, axis, int(max(-before, 0)), 1, int(n+min(before, 0)+min(behind, 0)))
		if x, err = c.padded(x, axis, int(max(before, 0)), int(max(behind, 0)), value); err != nil {
			return operand{}, err
		}
	}
	return of(x)
}

func (c *call) padded(x *G.Node, axis, before, behind int, value float64) (*G.Node, error) {
	if c.b.Err() != nil || before == 0 && behind == 0 {
		return x, nil
	}
	n := x.Shape()[axis]
	var place func(i int) int // of an element that is -1 or n and so on
	switch mode := c.node.Text("mode", "constant"); mode {
	case "constant":
		y := c.b.Pad(x, axis, before, behind)
		if value == 0 || c.b.Err() != nil {
			return y, nil
		}
		mask := &onnxgraph.Tensor{Name: fmt.Sprintf("%s/pad %d", c.node.Outputs[0], axis)}
		numbers := make([]float32, y.Shape()[axis])
		for i := range numbers {
			if i < before || i >= before+n {
				numbers[i] = 1
			}
		}
		mask.Data, mask.Shape = numbers, []int{len(numbers)}
		where, err := c.constant(mask)
		if err != nil {
			return nil, err
		}
		others := slices.Concat(axesFrom(0, axis), axesFrom(axis+1, y.Dims()))
		return c.b.Where(c.b.ExpandLike(where, y, others...), c.b.Number(value), y), c.b.Err()
	case "edge":
		place = func(i int) int { return min(max(i, 0), n-1) }
	case "wrap":
		place = func(i int) int { return ((i % n) + n) % n }
	case "reflect":
		if before >= n || behind >= n {
			return nil, fmt.Errorf("by %d and %d reflected elements of %d: %w", before, behind, n, ErrGraph)
		}
		place = func(i int) int {
			i = max(i, -i)
			return min(i, 2*(n-1)-i)
		}
	default:
		return nil, fmt.Errorf("the mode %q: %w", mode, ErrUnsupported)
	}
	if before+n+behind > mostPlaces {
		return nil, fmt.Errorf("to %d elements: %w", before+n+behind, ErrUnsupported)
	}
	var places []int
	for i := -before; i < n+behind; i++ {
		places = append(places, place(i))
	}
	return c.b.Take(x, axis, places...), nil
}

// mostPlaces bounds the elements of an axis that are taken one by one.
const mostPlaces = 1 << 14

// anyNumber returns the one element of a tensor of fractions, an infinity too.
func anyNumber(t *onnxgraph.Tensor) (float64, bool) {
	switch d := t.Data.(type) {
	case []float32:
		if len(d) == 1 {
			return float64(d[0]), d[0] == d[0]
		}
	case []float64:
		if len(d) == 1 {
			return d[0], d[0] == d[0]
		}
	}
	return 0, false
}
