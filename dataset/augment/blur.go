package augment

import "math"

// Blur blurs a picture by a Gaussian whose deviation is uniform between 0 and sigma pixels, cut at three deviations. Beyond the border lies the
// nearest pixel.
type Blur struct {
	Sigma float64 `json:"sigma,omitempty" doc:"greatest deviation of the Gaussian, in pixels" range:"[0,100]"`
}

func (b Blur) does() bool { return b.Sigma > 0 }

func (b Blur) change(d draw, f *form, row []float32, m *memory) error {
	sigma := b.Sigma * float64(d.one())
	reach := int(math.Ceil(3 * sigma))
	kernel := make([]float32, reach+1) // of one side
	sum := 0.0
	for i := -reach; i <= reach; i++ {
		sum += math.Exp(-float64(i*i) / (2 * sigma * sigma))
	}
	for i := range kernel {
		kernel[i] = float32(math.Exp(-float64(i*i)/(2*sigma*sigma)) / sum)
	}
	size := f.height * f.width
	long := floats(&m.values, max(f.height, f.width)+2*reach)
	for c := range f.channels {
		plane := row[c*size:][:size]
		for line := range f.height {
			blurAxis(plane[line*f.width:], f.width, 1, kernel, long)
		}
		for column := range f.width {
			blurAxis(plane[column:], f.height, f.width, kernel, long)
		}
	}
	return nil
}

// blurAxis blurs n values that lie stride apart. long has room for them and for the kernel's reach on both sides.
func blurAxis(values []float32, n, stride int, kernel, long []float32) {
	reach := len(kernel) - 1
	for i := range n + 2*reach {
		long[i] = values[min(max(i-reach, 0), n-1)*stride]
	}
	for i := range n {
		sum := kernel[0] * long[i+reach]
		for k := 1; k <= reach; k++ {
			sum += kernel[k] * (long[i+reach-k] + long[i+reach+k])
		}
		values[i*stride] = sum
	}
}
