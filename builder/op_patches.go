package builder

import "slices"

// patches writes in ONNX what a window's kernel elements see of a picture [batch, channels, size...], and puts it back.
type patches struct {
	window
	channels int64
	w        ONNXWriter
}

// spatial returns the axes behind batch and channels.
func (p patches) spatial() []int64 {
	axes := make([]int64, len(p.Size))
	for i := range axes {
		axes[i] = int64(i + 2)
	}
	return axes
}

// pad puts a number, zero where none is named, around the spatial axes; where a pad is below 0, elements are cut off.
func (p patches) pad(x string, begin, end []int, number ...string) string {
	if !slices.ContainsFunc(slices.Concat(begin, end), func(n int) bool { return n != 0 }) {
		return x
	}
	none := []int64{0, 0}
	pads := p.w.Ints(slices.Concat(none, int64s(begin), none, int64s(end))...)
	return p.w.Node("Pad", nil, append([]string{x, pads}, number...)...)
}

// starts returns where the slice of each kernel element begins in the padded picture, in row-major order.
func (p patches) starts() [][]int {
	starts := make([][]int, sizeOfAll(p.Kernel))
	for k := range starts {
		starts[k] = make([]int, len(p.Size))
		for i, rest := len(p.Size)-1, k; i >= 0; i-- {
			starts[k][i] = rest % p.Kernel[i] * p.Dilation[i]
			rest /= p.Kernel[i]
		}
	}
	return starts
}

// slices writes what each kernel element sees, [batch, channels, places...]; border is what the padding holds, zero where
// it is not named.
func (p patches) slices(x string, border ...string) []string {
	x = p.pad(x, p.Begin, p.End, border...)
	var out []string
	for _, from := range p.starts() {
		to := slices.Clone(from)
		for i, n := range p.out() {
			to[i] += (n-1)*p.Stride[i] + 1
		}
		out = append(out, p.w.Node("Slice", nil, x, p.w.Ints(int64s(from)...), p.w.Ints(int64s(to)...), p.w.Ints(p.spatial()...), p.w.Ints(int64s(p.Stride)...)))
	}
	return out
}

// back writes the sum of all slices, each put where slices takes it from. What lies in the padding is cut off.
func (p patches) back(parts []string) string {
	if slices.Equal(p.Kernel, p.Stride) && !slices.ContainsFunc(p.Dilation, func(d int) bool { return d != 1 }) {
		return p.tiled(parts)
	}
	sum := ""
	for k, from := range p.starts() {
		begin, end := slices.Clone(from), make([]int, len(p.Size))
		for i, n := range p.out() {
			begin[i] -= p.Begin[i]
			end[i] = p.Size[i] - begin[i] - n*p.Stride[i]
		}
		part := p.pad(p.spread(parts[k]), begin, end)
		if sum != "" {
			part = p.w.Node("Add", nil, sum, part)
		}
		sum = part
	}
	return sum
}

// spread puts Stride-1 zeros behind each element of y [batch, channels, places...].
func (p patches) spread(y string) string {
	split, joined := []int64{-1, p.channels}, []int64{-1, p.channels}
	end := []int64{0, 0}
	apart := false
	for i, n := range p.out() {
		split, joined = append(split, int64(n), 1), append(joined, int64(n*p.Stride[i]))
		end = append(end, 0, int64(p.Stride[i]-1))
		apart = apart || p.Stride[i] > 1
	}
	if !apart {
		return y
	}
	pads := append(make([]int64, len(end)), end...)
	return p.w.Node("Reshape", nil, p.w.Node("Pad", nil, p.w.Node("Reshape", nil, y, p.w.Ints(split...)), p.w.Ints(pads...)), p.w.Ints(joined...))
}

// tiled is back for windows that lie side by side: elements only have to be put in order.
func (p patches) tiled(parts []string) string {
	last := len(p.Size) - 1
	axes := make([]int64, len(p.Size)) // behind each spatial axis one for the kernel's
	for i := range axes {
		axes[i] = int64(3 + 2*i)
	}
	for k, part := range parts {
		parts[k] = p.w.Node("Unsqueeze", nil, part, p.w.Ints(axes...))
	}
	for i := last; i >= 0; i-- {
		var joined []string
		for run := range slices.Chunk(parts, p.Kernel[i]) {
			if len(run) > 1 {
				run = []string{p.w.Node("Concat", map[string]any{"axis": axes[i]}, run...)}
			}
			joined = append(joined, run[0])
		}
		parts = joined
	}
	shape, begin, end := []int64{-1, p.channels}, make([]int, len(p.Size)), make([]int, len(p.Size))
	for i, n := range p.out() {
		shape = append(shape, int64(n*p.Stride[i]))
		begin[i], end[i] = -p.Begin[i], p.Size[i]+p.Begin[i]-n*p.Stride[i]
	}
	return p.pad(p.w.Node("Reshape", nil, parts[0], p.w.Ints(shape...)), begin, end)
}
