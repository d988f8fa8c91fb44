package export

import (
	"fmt"
	"math"
)

// Operations on pictures [batch, channels, height, width]. What looks at them through a window is written as slices of the
// picture, one for each place in the window, and its gradient as the same slices put back, where ONNX has no operator for it.

// A window is what a pool or a convolution looks at, along height and width.
type window struct{ kernel, pad, stride, dilation, size, out [2]int64 }

// window reads a window's attributes by their names in gorgonia, for a picture of a shape; an attribute without a name is 1.
func (n *node) window(picture []dim, names [4][2]string) (w window, err error) {
	for i := range 2 {
		for j, to := range []*[2]int64{&w.kernel, &w.pad, &w.stride, &w.dilation} {
			to[i] = 1
			if name := names[j][i]; name != "" {
				v, err := n.number(name)
				if err != nil {
					return w, err
				}
				to[i] = int64(v)
			}
		}
		if picture[2+i].byBatch {
			return w, fmt.Errorf("export: %s: a picture's height and width may not vary with the batch", label(n.first))
		}
		w.size[i] = picture[2+i].n
		w.out[i] = (w.size[i]+2*w.pad[i]-w.dilation[i]*(w.kernel[i]-1)-1)/w.stride[i] + 1
	}
	return w, nil
}

// places calls f for each place in the window, row by row, with where its slice begins in the picture: below 0 in the border.
func (w window) places(f func(start [2]int64)) {
	for i := range w.kernel[0] {
		for j := range w.kernel[1] {
			f([2]int64{i*w.dilation[0] - w.pad[0], j*w.dilation[1] - w.pad[1]})
		}
	}
}

// slices writes what each place in the window sees, [batch, channels, out height, out width]; the border is filled with a number.
func (w window) slices(e *emitter, x string, border float64) []string {
	if w.pad != [2]int64{} {
		x = e.Node("Pad", nil, x, e.Ints(0, 0, w.pad[0], w.pad[1], 0, 0, w.pad[0], w.pad[1]), e.Numbers([]float64{border}))
	}
	var out []string
	w.places(func(start [2]int64) {
		from := [2]int64{start[0] + w.pad[0], start[1] + w.pad[1]}
		to := [2]int64{from[0] + (w.out[0]-1)*w.stride[0] + 1, from[1] + (w.out[1]-1)*w.stride[1] + 1}
		out = append(out, e.Node("Slice", nil, x, e.Ints(from[:]...), e.Ints(to[:]...), e.Ints(2, 3), e.Ints(w.stride[:]...)))
	})
	return out
}

// back writes the sum of slices put back where slices took them, in a picture of a shape: what lies in the border is cut off.
func (w window) back(e *emitter, slices []string, lead []dim) (string, error) {
	sum, i := "", 0
	var err error
	w.places(func(start [2]int64) {
		g := slices[i]
		i++
		end := w.out
		if w.stride != [2]int64{1, 1} { // stride-1 zeros behind each element
			var spread string
			shape := append(append([]dim{}, lead...), dim{n: w.out[0]}, dim{n: w.out[1]})
			if spread, err = e.spread(g, shape, 1, 1, w.stride[0], w.stride[1]); err != nil {
				return
			}
			g, end = spread, [2]int64{w.out[0] * w.stride[0], w.out[1] * w.stride[1]}
		}
		g = e.Node("Pad", nil, g, e.Ints(0, 0, start[0], start[1], 0, 0, w.size[0]-start[0]-end[0], w.size[1]-start[1]-end[1]))
		if sum != "" {
			g = e.Node("Add", nil, sum, g)
		}
		sum = g
	})
	return sum, err
}

var columnNames = [4][2]string{{"h", "w"}, {"padH", "padW"}, {"strideH", "strideW"}, {"dilationH", "dilationW"}}

// lowerIm2Col lays the patches out as rows, [batch, out height, out width, channels·places].
func lowerIm2Col(e *emitter, n *node) (string, error) {
	w, err := n.window(n.in[0].shape, columnNames)
	if err != nil {
		return "", err
	}
	var stacked []string
	for _, s := range w.slices(e, e.in(n, 0), 0) {
		stacked = append(stacked, e.Node("Unsqueeze", nil, s, e.Ints(2)))
	}
	x := e.Node("Concat", map[string]any{"axis": int64(2)}, stacked...)
	return e.reshape(e.Node("Transpose", map[string]any{"perm": []int64{0, 3, 4, 1, 2}}, x), n.shape)
}

// lowerCol2Im is the gradient of Im2Col.
func lowerCol2Im(e *emitter, n *node) (string, error) {
	if x, ok, err := e.convTranspose(n); ok || err != nil {
		return x, err
	}
	w, err := n.window(n.shape, columnNames)
	if err != nil {
		return "", err
	}
	count := w.kernel[0] * w.kernel[1]
	x, err := e.reshape(e.in(n, 0), []dim{n.shape[0], {n: w.out[0]}, {n: w.out[1]}, n.shape[1], {n: count}})
	if err != nil {
		return "", err
	}
	x = e.Node("Transpose", map[string]any{"perm": []int64{0, 3, 4, 1, 2}}, x)
	var slices []string
	for k := range count {
		s := e.Node("Slice", nil, x, e.Ints(k), e.Ints(k+1), e.Ints(2))
		slices = append(slices, e.Node("Squeeze", nil, s, e.Ints(2)))
	}
	return w.back(e, slices, n.shape[:2])
}

// pool is the window of a pool, whose border is the same on opposite sides: see internal/flaw.
func (n *node) pool(picture []dim) (window, error) {
	return n.window(picture, [4][2]string{{"h", "w"}, {"padNorth", "padWest"}, {"strideH", "strideW"}, {}})
}

func lowerMaxPool(e *emitter, n *node) (string, error) {
	w, err := n.pool(n.in[0].shape)
	if err != nil {
		return "", err
	}
	return e.Node("MaxPool", w.attributes(), e.in(n, 0)), nil
}

// lowerMaxPoolDiff gives each window's gradient to the first of its largest values, as gorgonia does.
func lowerMaxPoolDiff(e *emitter, n *node) (string, error) {
	w, err := n.pool(n.in[0].shape)
	if err != nil {
		return "", err
	}
	y, g, zero := e.in(n, 1), e.in(n, 2), e.Numbers([]float64{0})
	taken := ""
	var slices []string
	for _, x := range w.slices(e, e.in(n, 0), math.Inf(-1)) {
		here := e.Node("Equal", nil, x, y)
		if taken == "" {
			taken = here
		} else {
			here = e.Node("And", nil, here, e.Node("Not", nil, taken))
			taken = e.Node("Or", nil, taken, here)
		}
		slices = append(slices, e.Node("Where", nil, here, g, zero))
	}
	return w.back(e, slices, n.shape[:2])
}

// lowerGlobalAveragePool is the mean over height and width, which stay with size 1.
func lowerGlobalAveragePool(e *emitter, n *node) (string, error) {
	return e.Node("ReduceMean", map[string]any{"axes": []int64{2, 3}}, e.in(n, 0)), nil
}

// enlarged is a picture's shape with an axis for what each pixel becomes, and that shape's size.
func (n *node) enlarged(small []dim) (split, full []dim, err error) {
	stride, err := n.number("stride") // gorgonia keeps the scale less 1
	if err != nil {
		return nil, nil, err
	}
	scale := dim{n: int64(stride) + 1}
	split = []dim{small[0], small[1], small[2], {n: 1}, small[3], {n: 1}}
	return split, []dim{small[0], small[1], small[2], scale, small[3], scale}, nil
}

func lowerUpsample(e *emitter, n *node) (string, error) {
	split, full, err := n.enlarged(n.in[0].shape)
	if err != nil {
		return "", err
	}
	x, err := e.reshape(e.in(n, 0), split)
	if err != nil {
		return "", err
	}
	to, err := e.shapeValue(full)
	if err != nil {
		return "", err
	}
	return e.reshape(e.Node("Expand", nil, x, to), n.shape)
}

// lowerUpsampleDiff adds up what each pixel became.
func lowerUpsampleDiff(e *emitter, n *node) (string, error) {
	_, full, err := n.enlarged(n.shape)
	if err != nil {
		return "", err
	}
	g, err := e.reshape(e.in(n, 2), full)
	if err != nil {
		return "", err
	}
	return e.Node("ReduceSum", map[string]any{"keepdims": int64(0)}, g, e.Ints(3, 5)), nil
}
