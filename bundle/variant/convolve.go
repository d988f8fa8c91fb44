package variant

import (
	"fmt"

	"github.com/catvae/catvae/internal/onnxpb"
)

// conv rewrites a convolution with constant weights, with a scale for each map. What lies outside the picture is 0 in float32, and 0 is
// exact in bytes, so that a border needs nothing.
func (q *quantizer) conv(n *onnxpb.NodeProto) error {
	x := n.Input[0]
	a := q.seen[x]
	spatial := len(a.shape) - 1
	if spatial < 1 {
		return fmt.Errorf("rows of shape %v have no places", a.shape)
	}
	w, shape, err := q.c.floats(n.Input[1], spatial+2)
	if err != nil {
		return err
	}
	maps, depth := shape[0], len(w)/max(1, shape[0])
	groups := int(attribute(n, "group", 1))
	if groups < 1 || maps%groups != 0 || a.shape[0] != shape[1]*groups {
		return fmt.Errorf("weights of shape %v in %d groups for %d channels", shape, groups, a.shape[0])
	}
	b, err := q.biasOf(n, maps)
	if err != nil {
		return err
	}
	q.quantized(x)
	// A map's weights lie next to each other here, and above each other in a matrix.
	bytes, scales := quantizeWeights(transpose(w, maps, depth), depth, maps)
	bytes = transpose(bytes, depth, maps)
	mean, rounded := a.means(q.scales[x])
	slides, err := slidesOf(n, a.shape[1:], shape[2:])
	if err != nil {
		return err
	}
	exact, coarse := slides.patch(mean, a.shape[0]), slides.patch(rounded, a.shape[0])
	shift := make([]float64, maps)
	for m := range maps {
		first := m / (maps / groups) * depth // the channels of the map's group
		for i := range depth {
			shift[m] += exact[first+i]*float64(w[m*depth+i]) - coarse[first+i]*float64(scales[m])*float64(bytes[m*depth+i])
		}
	}
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	return q.write(n, "Conv", n.Attribute, depth, weights{bytes, dims, 0, scales}, b, shift)
}

// slides says how a kernel slides over a picture.
type slides struct{ size, kernel, stride, dilation, begin, places []int }

// slidesOf reads a Conv's attributes. https://onnx.ai/onnx/operators/onnx__Conv.html
func slidesOf(n *onnxpb.NodeProto, size, kernel []int) (slides, error) {
	s := slides{size: size, kernel: kernel}
	list := func(name string, absent int64, count int) []int {
		out := make([]int, count)
		for i := range out {
			out[i] = int(absent)
		}
		for _, at := range n.Attribute {
			if at.GetName() == name && len(at.Ints) == count {
				for i, v := range at.Ints {
					out[i] = int(v)
				}
			}
		}
		return out
	}
	for _, at := range n.Attribute {
		if auto := string(at.GetS()); at.GetName() == "auto_pad" && auto != "NOTSET" && auto != "" {
			return s, fmt.Errorf("auto_pad %q: only pads of numbers are quantised", auto)
		}
	}
	rank := len(size)
	pads := list("pads", 0, 2*rank)
	s.stride, s.dilation, s.begin = list("strides", 1, rank), list("dilations", 1, rank), pads[:rank]
	for i := range rank {
		reach := s.dilation[i]*(kernel[i]-1) + 1
		room := size[i] + pads[i] + pads[rank+i] - reach
		if s.stride[i] < 1 || room < 0 {
			return s, fmt.Errorf("a kernel of %v for pictures of %v", kernel, size)
		}
		s.places = append(s.places, room/s.stride[i]+1)
	}
	return s, nil
}

// patch returns what a kernel sees of a picture of some channels, [channels, kernel...], on average over its places.
func (s slides) patch(picture []float64, channels int) []float64 {
	size, kernel, places := 1, 1, 1
	for i := range s.size {
		size, kernel, places = size*s.size[i], kernel*s.kernel[i], places*s.places[i]
	}
	out := make([]float64, channels*kernel)
	for k := range kernel {
		for p := range places {
			at, by, restK, restP := 0, 1, k, p
			for i := len(s.size) - 1; i >= 0 && at >= 0; i-- {
				x := restP%s.places[i]*s.stride[i] - s.begin[i] + restK%s.kernel[i]*s.dilation[i]
				restK, restP = restK/s.kernel[i], restP/s.places[i]
				if at += x * by; x < 0 || x >= s.size[i] {
					at = -1
				}
				by *= s.size[i]
			}
			if at < 0 {
				continue
			}
			for c := range channels {
				out[c*kernel+k] += picture[c*size+at] / float64(places)
			}
		}
	}
	return out
}
