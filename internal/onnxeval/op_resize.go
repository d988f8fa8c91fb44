package onnxeval

import (
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/internal/onnxtensor"
)

// Resize, axis by axis: each place along an axis of the result is a weighted sum of some places of the operand (taps).

// taps says what one place of a result is made of.
type taps struct {
	from   []int32
	weight []float64
}

// resizing is how places of a result are found in the operand, along one axis.
type resizing struct {
	in, out        int
	scale          float32 // out / in, or what the file says
	mode           string  // nearest, linear, cubic
	coordinate     string  // which place of the operand a place of the result is
	nearest        string  // how nearest rounds it
	cubic          float64
	excludeOutside bool // places outside weigh nothing; else they are those at the edge
	antialias      bool // where fewer places are made, each is a mean over as many as it stands for
}

// resize plans y, which has along each axis as many places as scales or sizes say, by interpolation of the operand's. Operands are roi, which
// is for a crop (tf_crop_and_resize), which is not supported, scales, and sizes. The places of the result are, in the operand's places, by
// coordinate_transformation_mode:
//
//	half_pixel              (i + 1/2) / scale - 1/2
//	pytorch_half_pixel      the same; 0 where there is one place
//	half_pixel_symmetric    the same, around the middle also where in·scale is no whole number
//	align_corners           i · (in - 1) / (out - 1)
//	asymmetric              i / scale
//
// Modes are nearest, linear and cubic; places outside are those at the edge. Opset 10, and Upsample of opsets 7 and 9, know nearest (down)
// and linear by asymmetric places. https://onnx.ai/onnx/operators/onnx__Resize.html.
// ONNX's reference has in·scale for align_corners's out, also where that is no whole number; onnxruntime and this have the number of places.
func resize(c *call) error {
	scales, sizes, err := c.resizeTo()
	if err != nil {
		return err
	}
	switch c.in[0].dtype {
	case onnxtensor.Float32:
		return resizeOf[float32](c, scales, sizes)
	case onnxtensor.Float64:
		return resizeOf[float64](c, scales, sizes)
	case onnxtensor.Uint8:
		if c.node.Text("mode", "nearest") == "nearest" {
			return resizeOf[uint8](c, scales, sizes)
		}
	}
	return c.unsupportedType(0)
}

// resizeTo returns the scale and the size of every axis.
func (c *call) resizeTo() (scales []float32, sizes []int, err error) {
	x := c.in[0]
	rank := len(x.shape)
	if x.size == 0 {
		return nil, nil, fmt.Errorf("shape %v: %w", x.shape, ErrShape)
	}
	axes, err := c.resizedAxes()
	if err != nil {
		return nil, nil, err
	}
	scales, sizes = slices.Repeat([]float32{1}, rank), slices.Clone(x.shape)
	given, to, err := c.scalesAndSizes()
	if err != nil {
		return nil, nil, err
	}
	switch {
	case len(given) == len(axes) && to == nil:
		for i, a := range axes {
			n := math.Floor(float64(given[i] * float32(x.shape[a])))
			if !(given[i] > 0 && n <= maxSize) {
				return nil, nil, fmt.Errorf("scales %v of shape %v: %w", given, x.shape, ErrShape)
			}
			scales[a], sizes[a] = given[i], int(n)
		}
		return scales, sizes, nil
	case len(to) != len(axes) || given != nil:
		return nil, nil, fmt.Errorf("scales %v and sizes %v for %d axes: %w", given, to, len(axes), ErrShape)
	}
	for i, a := range axes {
		if to[i] < 1 || to[i] > maxSize {
			return nil, nil, fmt.Errorf("sizes %v: %w", to, ErrShape)
		}
		scales[a], sizes[a] = float32(to[i])/float32(x.shape[a]), to[i]
	}
	return scales, sizes, c.keepRatio(axes, scales, sizes)
}

// keepRatio makes the scales of all axes one, the least or the largest, as keep_aspect_ratio_policy says.
func (c *call) keepRatio(axes []int, scales []float32, sizes []int) error {
	policy := c.node.Text("keep_aspect_ratio_policy", "stretch")
	if policy == "stretch" {
		return nil
	}
	one := scales[axes[0]]
	for _, a := range axes {
		switch policy {
		case "not_larger":
			one = min(one, scales[a])
		case "not_smaller":
			one = max(one, scales[a])
		default:
			return fmt.Errorf("keep_aspect_ratio_policy %q: %w", policy, ErrUnsupported)
		}
	}
	for _, a := range axes {
		n := math.Floor(float64(one)*float64(c.in[0].shape[a]) + 0.5)
		if !(n >= 1 && n <= maxSize) {
			return fmt.Errorf("a scale of %g of shape %v: %w", one, c.in[0].shape, ErrShape)
		}
		scales[a], sizes[a] = one, int(n)
	}
	return nil
}

// resizedAxes returns the axes that scales and sizes are of: all, or those of the attribute (from opset 18 on).
func (c *call) resizedAxes() ([]int, error) {
	rank := len(c.in[0].shape)
	list := toInts(c.node.Ints("axes"))
	if list == nil {
		for a := range rank {
			list = append(list, a)
		}
	}
	seen := map[int]bool{}
	for i, a := range list {
		a, err := axis(a, rank)
		if err != nil || seen[a] {
			return nil, fmt.Errorf("axes %v of rank %d: %w", list, rank, ErrShape)
		}
		list[i], seen[a] = a, true
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("a number alone: %w", ErrShape)
	}
	return list, nil
}

// scalesAndSizes returns the operands, one of which is nil, or the scales that Upsample had as an attribute in opset 7.
func (c *call) scalesAndSizes() (scales []float32, sizes []int, err error) {
	if v := c.node.Floats("scales"); v != nil && c.plan.opset < 9 {
		return v, nil, nil
	}
	at := 2
	if c.node.Op == "Upsample" || c.plan.opset < 11 {
		at = 1
	}
	if v := c.operand(at); v != nil && v.size > 0 {
		list, ok := v.data.([]float32)
		if !v.known || !ok {
			return nil, nil, fmt.Errorf("operand %d: %w", at+1, ErrUnknown)
		}
		scales = list
	}
	if v := c.operand(3); v != nil && v.size > 0 {
		if sizes, err = c.ints(3); err != nil {
			return nil, nil, err
		}
	}
	return scales, sizes, nil
}

// resizeOf plans resize for elements T: a step for each axis whose places change.
func resizeOf[T number](c *call, scales []float32, sizes []int) error {
	x := c.in[0]
	r := resizing{
		mode: c.node.Text("mode", "nearest"), coordinate: c.node.Text("coordinate_transformation_mode", "half_pixel"),
		nearest: c.node.Text("nearest_mode", "round_prefer_floor"), cubic: float64(c.node.Float("cubic_coeff_a", -0.75)),
		excludeOutside: c.node.Int("exclude_outside", 0) != 0, antialias: c.node.Int("antialias", 0) != 0,
	}
	if c.plan.opset < 11 {
		r.coordinate, r.nearest = "asymmetric", "floor"
	}
	y, err := c.result(x.dtype, sizes)
	if err != nil || y.size == 0 {
		return err
	}
	along := make([][]taps, len(sizes)) // nil where nothing changes
	widest := x.size                    // of what lies between two axes
	between := slices.Clone(x.shape)
	for a := len(sizes) - 1; a >= 0; a-- {
		r.in, r.out, r.scale = x.shape[a], sizes[a], scales[a]
		if r.in == r.out && r.scale == 1 {
			continue
		}
		list, err := r.taps(c)
		if err != nil {
			return err
		}
		along[a], between[a] = list, r.out
		size, err := sizeOf(between)
		if err != nil {
			return err
		}
		widest = max(widest, size)
	}
	// The last axes change first; what lies between two axes is in float64. The first axis is nearly always the batch, of which each row
	// is on its own.
	outer := 1
	if along[0] == nil {
		outer = x.shape[0]
	}
	n, m := x.size/outer, y.size/outer
	return c.share(outer, max(1, dear/max(n, m)), func(from, to int) {
		a, b := make([]float64, widest/outer), make([]float64, widest/outer)
		for o := from; o < to; o++ {
			for i, v := range of[T](x)[o*n:][:n] {
				a[i] = float64(v)
			}
			shape := slices.Clone(x.shape)
			shape[0] /= outer
			for axis := len(shape) - 1; axis >= 0; axis-- {
				if along[axis] == nil {
					continue
				}
				interpolate(b, a, shape, axis, along[axis])
				shape[axis] = sizes[axis]
				a, b = b, a
			}
			for i, v := range a[:m] {
				of[T](y)[o*m+i] = T(v)
			}
		}
	})
}

// interpolate sets y to x with an axis resized.
func interpolate(y, x []float64, shape []int, a int, along []taps) {
	outer, inner := around(shape, a)
	for o := range outer {
		x := x[o*shape[a]*inner:]
		for i, t := range along {
			row := y[(o*len(along)+i)*inner:][:inner]
			clear(row)
			for k, from := range t.from {
				w := t.weight[k]
				for j, v := range x[int(from)*inner:][:inner] {
					row[j] += w * v
				}
			}
		}
	}
}

// taps returns those of all places along the axis.
func (r resizing) taps(c *call) ([]taps, error) {
	// Each place has two taps and more: four for cubic, as many as it stands for with antialias.
	n, err := sizeOf([]int{r.out, 4})
	if err == nil && r.antialias {
		n, err = sizeOf([]int{r.out, int(min(maxSize, 4/min(1, r.scale)) + 4)})
	}
	if err == nil {
		err = c.takes(n)
	}
	if err != nil {
		return nil, err
	}
	list := make([]taps, r.out)
	for i := range list {
		at, err := r.place(i)
		if err != nil {
			return nil, err
		}
		if list[i], err = r.at(at); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// place returns which place of the operand place i of the result is, in float32 as onnxruntime does.
func (r resizing) place(i int) (float64, error) {
	x, in := float32(i), float32(r.in)
	half := (x+0.5)/r.scale - 0.5
	switch r.coordinate {
	case "half_pixel":
		return float64(half), nil
	case "pytorch_half_pixel":
		if r.out == 1 {
			half = 0
		}
		return float64(half), nil
	case "half_pixel_symmetric":
		return float64(in/2*(1-float32(r.out)/(r.scale*in)) + half), nil
	case "align_corners":
		if r.out == 1 {
			return 0, nil
		}
		return float64(x * (in - 1) / float32(r.out-1)), nil
	case "asymmetric":
		return float64(x / r.scale), nil
	}
	return 0, fmt.Errorf("coordinate_transformation_mode %q: %w", r.coordinate, ErrUnsupported)
}

// at returns what is taken for a place between those of the operand.
func (r resizing) at(x float64) (taps, error) {
	reach := 1 // places to either side
	var kernel func(d float64) float64
	switch r.mode {
	case "nearest":
		at, err := r.round(x)
		return taps{[]int32{int32(min(max(at, 0), float64(r.in-1)))}, []float64{1}}, err
	case "linear":
		kernel = func(d float64) float64 { return max(0, 1-math.Abs(d)) }
	case "cubic":
		reach, kernel = 2, r.cubicKernel
	default:
		return taps{}, fmt.Errorf("the mode %q: %w", r.mode, ErrUnsupported)
	}
	narrow := 1.0
	if r.antialias {
		narrow = min(1, float64(r.scale))
	}
	// The nearest places on both sides, or all that a place of the result stands for.
	base := math.Ceil(x) - 1
	first := int(math.Floor(-float64(reach)/narrow)) + 1
	var t taps
	sum := 0.0
	for i := first; i <= 1-first; i++ {
		at := base + float64(i)
		w := kernel((at - x) * narrow)
		if r.excludeOutside && (at < 0 || at >= float64(r.in)) {
			continue
		}
		t.from, t.weight = append(t.from, int32(min(max(at, 0), float64(r.in-1)))), append(t.weight, w)
		sum += w
	}
	for i := range t.weight {
		t.weight[i] /= sum
	}
	return t, nil
}

// round is nearest's.
func (r resizing) round(x float64) (float64, error) {
	switch r.nearest {
	case "round_prefer_floor":
		return math.Ceil(x - 0.5), nil
	case "round_prefer_ceil":
		return math.Floor(x + 0.5), nil
	case "floor":
		return math.Floor(x), nil
	case "ceil":
		return math.Ceil(x), nil
	}
	return 0, fmt.Errorf("nearest_mode %q: %w", r.nearest, ErrUnsupported)
}

// cubicKernel is Keys' convolution kernel, with a = cubic_coeff_a. R. Keys, Cubic convolution interpolation for digital image
// processing, 1981, equation 15 for a = -1/2.
func (r resizing) cubicKernel(d float64) float64 {
	a := r.cubic
	d = math.Abs(d)
	switch {
	case d <= 1:
		return ((a+2)*d-(a+3))*d*d + 1
	case d < 2:
		return ((a*d-5*a)*d+8*a)*d - 4*a
	}
	return 0
}
