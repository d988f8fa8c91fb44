package importer

import (
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
)

// resize brings axes of a row to other sizes, one after the other: each is a map of the elements of one axis.
// https://onnx.ai/onnx/operators/onnx__Resize.html
func resize(c *call) (operand, error) {
	x, err := c.tensorAt(0)
	if err != nil {
		return operand{}, err
	}
	r, err := c.resampling()
	if err != nil {
		return operand{}, err
	}
	axes, scales, sizes, err := c.targets(x.Dims())
	if err != nil {
		return operand{}, err
	}
	if spec, ok := c.enlargement(x, axes, scales, sizes); ok {
		return of(c.b.Upsample(x, spec))
	}
	for i, a := range axes {
		if a < 0 {
			a += int64(x.Dims())
		}
		if a < 0 || a >= int64(x.Dims()) {
			return operand{}, fmt.Errorf("axis %d of rank %d: %w", axes[i], x.Dims(), ErrGraph)
		}
		from := x.Shape()[a]
		scale, to := float32(1), from
		if sizes != nil {
			if sizes[i] < 1 || sizes[i] > mostPlaces {
				return operand{}, fmt.Errorf("to %d elements: %w", sizes[i], ErrUnsupported)
			}
			to = int(sizes[i])
			scale = float32(to) / float32(from)
		} else {
			scale = scales[i]
			if !(scale > 0 && float64(scale)*float64(from) >= 1 && float64(scale)*float64(from) <= mostPlaces) {
				return operand{}, fmt.Errorf("%d elements by %g: %w", from, scale, ErrUnsupported)
			}
			to = int(scale * float32(from))
		}
		if scale == 1 {
			continue
		}
		if a == 0 {
			return operand{}, fmt.Errorf("the batch: %w", ErrUnsupported)
		}
		if r.antialias && scale < 1 {
			return operand{}, fmt.Errorf("to a smaller picture with antialias: %w", ErrUnsupported)
		}
		if x = c.b.Interpolate(x, int(a), r.taps(from, to, scale)); c.b.Err() != nil {
			return operand{}, nil
		}
	}
	return of(x)
}

// enlargement reads a resizing that is a whole number of times, of numbers repeated or of the halves of pixels.
func (c *call) enlargement(x *G.Node, axes []int64, scales []float32, sizes []int64) (s builder.UpsampleSpec, ok bool) {
	place, rounding := c.node.Text("coordinate_transformation_mode", "asymmetric"), c.node.Text("nearest_mode", "floor")
	switch mode := c.node.Text("mode", "nearest"); {
	case mode == "nearest" && place == "asymmetric" && rounding == "floor":
		s.Mode = builder.Nearest
	case mode == "linear" && (place == "half_pixel" || place == "pytorch_half_pixel"):
		s.Mode = builder.Linear
	default:
		return s, false
	}
	if x.Dims() < 3 || len(axes) != x.Dims() || c.node.Ints("axes") != nil || c.graph.Opset < 11 && s.Mode == builder.Linear {
		return s, false
	}
	for i, from := range x.Shape() {
		times := 0
		switch {
		case sizes != nil && sizes[i]%int64(from) == 0 && sizes[i] <= mostPlaces:
			times = int(sizes[i]) / from
		case sizes == nil && scales[i] >= 1 && scales[i] <= mostPlaces && float32(int(scales[i])) == scales[i]:
			times = int(scales[i])
		}
		if times < 1 || i < 2 && times != 1 || from*times > mostPlaces {
			return s, false
		}
		if i >= 2 {
			s.Scale = append(s.Scale, times)
		}
	}
	return s, true
}

// targets returns the axes that are resized, with the scales or the sizes that they get.
func (c *call) targets(dims int) (axes []int64, scales []float32, sizes []int64, err error) {
	if axes = c.node.Ints("axes"); axes == nil {
		for i := range dims {
			axes = append(axes, int64(i))
		}
	}
	at := 2 // behind a region, since opset 11
	if c.graph.Opset < 11 {
		at = 1
	}
	if c.has(at) && c.in[at].known != nil {
		scales, _ = c.in[at].known.Data.([]float32)
	}
	if c.has(3) {
		if sizes, err = c.ints("", 3); err != nil {
			return nil, nil, nil, err
		}
		scales = nil
	}
	if policy := c.node.Text("keep_aspect_ratio_policy", "stretch"); sizes != nil && policy != "stretch" {
		return nil, nil, nil, fmt.Errorf("the policy %q: %w", policy, ErrUnsupported)
	}
	if len(scales) != len(axes) && len(sizes) != len(axes) {
		return nil, nil, nil, fmt.Errorf("of %d axes to scales or sizes that are not known: %w", len(axes), ErrUnsupported)
	}
	return axes, scales, sizes, nil
}

// A resampling says of which elements others are made between them.
type resampling struct {
	place     func(i, from, to int, scale float32) float32 // of element i among those that there were
	taps1     func(r resampling, at float32, from int) []builder.Tap
	round     func(x float32) float64
	cubic     float64
	outside   bool // weights of elements that do not exist are left out
	antialias bool
}

// placings are where the elements of the result lie among those of the operand, by the names of ONNX. Like onnxruntime they compute in
// float32, by which the nearest of two is decided.
var placings = map[string]func(i, from, to int, scale float32) float32{
	"half_pixel": half,
	"half_pixel_symmetric": func(i, from, to int, scale float32) float32 {
		middle := float32(from) / 2
		return middle*(1-float32(to)/(scale*float32(from))) + half(i, from, to, scale)
	},
	"pytorch_half_pixel": func(i, from, to int, scale float32) float32 {
		if to == 1 {
			return 0
		}
		return half(i, from, to, scale)
	},
	"align_corners": func(i, from, to int, _ float32) float32 {
		if to == 1 {
			return 0
		}
		return float32(i) * float32(from-1) / float32(to-1)
	},
	"asymmetric":           func(i, _, _ int, scale float32) float32 { return float32(i) / scale },
	"tf_half_pixel_for_nn": func(i, _, _ int, scale float32) float32 { return (float32(i) + 0.5) / scale },
}

func half(i, _, _ int, scale float32) float32 { return (float32(i)+0.5)/scale - 0.5 }

// roundings decide which element is the nearest.
var roundings = map[string]func(x float32) float64{
	"round_prefer_floor": func(x float32) float64 { return math.Ceil(float64(x) - 0.5) },
	"round_prefer_ceil":  func(x float32) float64 { return math.Floor(float64(x) + 0.5) },
	"floor":              func(x float32) float64 { return math.Floor(float64(x)) },
	"ceil":               func(x float32) float64 { return math.Ceil(float64(x)) },
}

// modes make an element of those around its place.
var modes = map[string]func(r resampling, at float32, from int) []builder.Tap{
	"nearest": func(r resampling, at float32, from int) []builder.Tap {
		return []builder.Tap{{At: within(r.round(at), from), Weight: 1}}
	},
	"linear": func(_ resampling, at float32, from int) []builder.Tap {
		below := math.Floor(float64(at))
		part := float64(at) - below
		return []builder.Tap{{At: within(below, from), Weight: 1 - part}, {At: within(below+1, from), Weight: part}}
	},
	"cubic": func(r resampling, at float32, from int) []builder.Tap {
		below := math.Floor(float64(at))
		var taps []builder.Tap
		sum := 0.0
		for k := -1.0; k <= 2; k++ {
			weight := cubic(r.cubic, math.Abs(float64(at)-below-k))
			if r.outside && (below+k < 0 || below+k >= float64(from)) {
				continue
			}
			taps, sum = append(taps, builder.Tap{At: within(below+k, from), Weight: weight}), sum+weight
		}
		for i := range taps {
			taps[i].Weight /= sum
		}
		return taps
	},
}

// cubic is the kernel of R. Keys, Cubic convolution interpolation for digital image processing, 1981.
func cubic(a, x float64) float64 {
	if x <= 1 {
		return ((a+2)*x-(a+3))*x*x + 1
	}
	return ((a*x-5*a)*x+8*a)*x - 4*a
}

func within(x float64, n int) int { return int(min(max(x, 0), float64(n-1))) }

func (c *call) resampling() (resampling, error) {
	old := "asymmetric" // before opset 11
	if c.graph.Opset >= 11 {
		old = "half_pixel"
	}
	r := resampling{
		cubic: float64(c.node.Float("cubic_coeff_a", -0.75)), outside: c.node.Int("exclude_outside", 0) != 0, antialias: c.node.Int("antialias", 0) != 0,
	}
	rounding := "round_prefer_floor"
	if c.graph.Opset < 11 {
		rounding = "floor"
	}
	for _, choice := range []struct {
		attribute, absent string
		known             func(name string) bool
	}{
		{"coordinate_transformation_mode", old, func(name string) bool { r.place = placings[name]; return r.place != nil }},
		{"nearest_mode", rounding, func(name string) bool { r.round = roundings[name]; return r.round != nil }},
		{"mode", "nearest", func(name string) bool { r.taps1 = modes[name]; return r.taps1 != nil }},
	} {
		if name := c.node.Text(choice.attribute, choice.absent); !choice.known(name) {
			return r, fmt.Errorf("%s %q: %w", choice.attribute, name, ErrUnsupported)
		}
	}
	return r, nil
}

// taps returns of what each element of an axis is made. Elements of no weight are left out, and those that are named twice are one.
func (r resampling) taps(from, to int, scale float32) [][]builder.Tap {
	all := make([][]builder.Tap, to)
	for i := range all {
		for _, t := range r.taps1(r, r.place(i, from, to, scale), from) {
			at := slices.IndexFunc(all[i], func(u builder.Tap) bool { return u.At == t.At })
			switch {
			case t.Weight == 0:
			case at >= 0:
				all[i][at].Weight += t.Weight
			default:
				all[i] = append(all[i], t)
			}
		}
	}
	return all
}
