package augment

import (
	"cmp"
	"math"
)

// Elastic moves each pixel by a smooth random field, one for each axis: what hands do to letters (Simard, Steinkraus, Platt: "Best practices for
// convolutional neural networks applied to visual document analysis", ICDAR 2003, section 2). The field is uniform noise on a grid half as fine as
// it is smooth, beyond the picture too, smoothed by a Gaussian and interpolated bilinearly. Its strength is what it moves pixels by, not, as in
// the paper, the factor of the smoothed noise: their strength 34 at smoothness 4 is 1.4 pixels.
type Elastic struct {
	Strength float64 `json:"strength,omitempty" doc:"pixels by which a pixel moves along each axis: the root of the mean square" range:"[0,1000]"`
	Smooth   float64 `json:"smooth,omitempty" doc:"deviation of the Gaussian, in pixels: how far from each other pixels are that move apart; at least 2 is used; left out: 4" range:"[0,1000]"`
	Outside  string  `json:"outside,omitempty" doc:"what comes in from beyond the border; left out: black" oneof:"outsides"`
}

// defaultSmooth is Simard's, for pictures of 28x28.
const defaultSmooth = 4

func (e Elastic) does() bool      { return e.Strength > 0 }
func (e Elastic) outside() string { return cmp.Or(e.Outside, Black) }

// The Gaussian on the grid, whose cells are half its deviation, to two deviations: its numbers have the sum of squares 1, so that
// smoothing along an axis keeps the variance of independent noise.
const elasticReach = 4

var elasticKernel, elasticFactor = func() (k [2*elasticReach + 1]float32, factor float64) {
	squares, products := 0.0, 0.0
	g := func(i int) float64 { return math.Exp(-float64(i*i) / (2 * 2 * 2)) }
	for i := -elasticReach; i <= elasticReach; i++ {
		squares += g(i) * g(i)
		if i < elasticReach {
			products += g(i) * g(i+1)
		}
	}
	for i := range k {
		k[i] = float32(g(i-elasticReach) / math.Sqrt(squares))
	}
	// Uniform noise within ±1 has the variance 1/3. Between two points of the grid, of correlation r, the variance of an interpolated field is
	// (2 + r)/3 of theirs on average, for each axis.
	return k, math.Sqrt(3) / ((2 + products/squares) / 3)
}()

func (e Elastic) move(d draw, f *form, at places, m *memory) {
	cell := max(cmp.Or(e.Smooth, defaultSmooth)/2, 1)
	columns, lines := int(float64(f.width-1)/cell)+2, int(float64(f.height-1)/cell)+2
	wide, high := columns+2*elasticReach, lines+2*elasticReach
	raw := floats(&m.values, 2*wide*high)
	d.uniform(raw)
	for i, u := range raw {
		raw[i] = 2*u - 1
	}
	between := floats(&m.second, columns*high) // smoothed along lines
	strength := float32(e.Strength * elasticFactor)
	fields := [2][]float32{}
	for axis := range fields {
		noise := raw[axis*wide*high:][:wide*high]
		for line := range high {
			smoothLine(between[line*columns:][:columns], noise[line*wide:][:wide])
		}
		field := noise[:columns*lines] // its noise is not needed any more
		for line := range lines {
			smoothColumns(field[line*columns:][:columns], between[line*columns:], strength)
		}
		fields[axis] = field
	}
	displace(at, fields[0], fields[1], columns, lines, float32(1/cell))
}

// smoothLine writes the smoothed line, which is shorter by the kernel's reach at both ends.
func smoothLine(to, from []float32) {
	k := &elasticKernel
	for i := range to {
		v := from[i:][: 2*elasticReach+1 : 2*elasticReach+1]
		to[i] = k[0]*(v[0]+v[8]) + k[1]*(v[1]+v[7]) + k[2]*(v[2]+v[6]) + k[3]*(v[3]+v[5]) + k[4]*v[4]
	}
}

// smoothColumns is smoothLine along the other axis: from holds lines of the length of to, of which it takes as many as the kernel has numbers.
func smoothColumns(to, from []float32, strength float32) {
	k, n := &elasticKernel, len(to)
	line := func(i int) []float32 { return from[i*n:][:n] }
	a, b, c, d, e, f, g, h, j := line(0), line(1), line(2), line(3), line(4), line(5), line(6), line(7), line(8)
	for i := range to {
		to[i] = strength * (k[0]*(a[i]+j[i]) + k[1]*(b[i]+h[i]) + k[2]*(c[i]+g[i]) + k[3]*(d[i]+f[i]) + k[4]*e[i])
	}
}

// displace moves places by fields on a grid; those beyond the grid move as its border does.
func displace(at places, dx, dy []float32, columns, lines int, perPixel float32) {
	right, bottom := float32(columns-1), float32(lines-1)
	ys := at.y[:len(at.x)]
	for i, x := range at.x {
		gx, gy := within(x*perPixel, right), within(ys[i]*perPixel, bottom)
		column, line := min(int(gx), columns-2), min(int(gy), lines-2)
		fx, fy := gx-float32(column), gy-float32(line)
		j := line*columns + column
		x0, x1, y0, y1 := dx[j:j+2:j+2], dx[j+columns:j+columns+2:j+columns+2], dy[j:j+2:j+2], dy[j+columns:j+columns+2:j+columns+2]
		top, left := x0[0]+fx*(x0[1]-x0[0]), y0[0]+fx*(y0[1]-y0[0])
		at.x[i] = x + (top + fy*(x1[0]+fx*(x1[1]-x1[0])-top))
		ys[i] += left + fy*(y1[0]+fx*(y1[1]-y1[0])-left)
	}
}

// within cuts x off at 0 and most; what is no number becomes 0.
func within(x, most float32) float32 {
	if !(x > 0) {
		return 0
	}
	if x > most {
		return most
	}
	return x
}
