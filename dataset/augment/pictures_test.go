package augment_test

import (
	"math"
	"slices"
	"testing"

	"github.com/catvae/catvae/dataset/augment"
)

var gray = augment.Rows{Shape: []int{28, 28}}

// dot is a picture, black but for a disc of radius 2 at a place.
func dot(x, y float64) []float32 {
	row := make([]float32, 784)
	for i := range row {
		row[i] = float32(min(max(2.5-math.Hypot(float64(i%28)-x, float64(i/28)-y), 0), 1))
	}
	return row
}

// centre returns the centre of mass of a picture.
func centre(row []float32) (x, y, mass float64) {
	for i, v := range row {
		x += float64(v) * float64(i%28)
		y += float64(v) * float64(i/28)
		mass += float64(v)
	}
	return x / mass, y / mass, mass
}

// A shift moves a dot uniformly within its strength to all sides, and keeps its mass; a turn keeps its distance from the middle.
func TestAffineMoves(t *testing.T) {
	t.Parallel()
	const draws = 3000
	row := dot(13.5, 13.5)
	_, _, mass := centre(row)
	shift := pipeline(t, `[{"affine": {"shift": 3}}]`, gray)
	var mean, square [2]float64
	for step := range uint32(draws) {
		x, y, m := centre(apply(t, shift, row, step, 0))
		if math.Abs(m/mass-1) > 1e-3 || math.Abs(x-13.5) > 3.001 || math.Abs(y-13.5) > 3.001 {
			t.Fatalf("step %d: the dot is at %g, %g, with %g of %g", step, x, y, m, mass)
		}
		for i, d := range []float64{x - 13.5, y - 13.5} {
			mean[i] += d / draws
			square[i] += d * d / draws
		}
	}
	for i := range mean {
		if math.Abs(mean[i]) > 5*math.Sqrt(3.0/draws) || math.Abs(square[i]/3-1) > 0.1 { // of a number uniform within ±3 the variance is 3
			t.Errorf("axis %d: mean %g, variance %g, want 0 and 3", i, mean[i], square[i])
		}
	}
	turn := pipeline(t, `[{"affine": {"rotate": 20}}]`, gray)
	widest := 0.0
	for step := range uint32(500) {
		x, y, _ := centre(apply(t, turn, dot(21.5, 13.5), step, 0))
		if r := math.Hypot(x-13.5, y-13.5); math.Abs(r-8) > 0.02 {
			t.Fatalf("step %d: a turned dot is %g from the middle, want 8", step, r)
		}
		widest = max(widest, math.Abs(math.Atan2(y-13.5, x-13.5))*180/math.Pi)
	}
	if widest > 20.1 || widest < 19.5 {
		t.Errorf("dots turn by up to %g degrees, want 20", widest)
	}
	scale := pipeline(t, `[{"affine": {"scale": 0.2}}]`, gray)
	least, most := 9.0, 0.0
	for step := range uint32(500) {
		x, _, _ := centre(apply(t, scale, dot(21.5, 13.5), step, 0))
		least, most = min(least, (x-13.5)/8), max(most, (x-13.5)/8)
	}
	if math.Abs(least-0.8) > 0.02 || math.Abs(most-1.2) > 0.02 {
		t.Errorf("pictures are scaled by %g to %g, want 0.8 to 1.2", least, most)
	}
	shear := pipeline(t, `[{"affine": {"shear": 0.5}}]`, gray)
	most = 0
	for step := range uint32(500) {
		x, y, _ := centre(apply(t, shear, dot(13.5, 19.5), step, 0))
		if math.Abs(y-19.5) > 0.02 {
			t.Fatalf("a sheared dot is on line %g, want 19.5", y)
		}
		most = max(most, math.Abs(x-13.5))
	}
	if math.Abs(most-3) > 0.05 { // 6 lines below the middle
		t.Errorf("lines are sheared by up to %g columns, want 3", most)
	}
}

// What lies outside is as the key says.
func TestOutside(t *testing.T) {
	t.Parallel()
	row := slices.Repeat([]float32{0.5}, 784)
	for _, c := range []struct {
		outside string
		want    float32
	}{{"", 0}, {"black", 0}, {"white", 1}, {"edge", 0.5}} {
		text := `[{"affine": {"shift": 100000}}]`
		if c.outside != "" {
			text = `[{"affine": {"shift": 100000, "outside": "` + c.outside + `"}}]`
		}
		if got := apply(t, pipeline(t, text, gray), row, 1, 1); got[0] != c.want || got[400] != c.want {
			t.Errorf("%q: %g, want %g", c.outside, got[400], c.want)
		}
	}
}

// A field moves pixels by its strength, the root of the mean square along each axis; pixels near each other move together, as the Gaussian says:
// their correlation at a distance d is exp(-d²/(4 smooth²)). A ramp shows the moves: the value of a pixel is where it was looked up.
func TestElasticField(t *testing.T) {
	t.Parallel()
	const side, draws = 32, 400
	for _, smooth := range []string{"3", "4", "8"} {
		r := augment.Rows{Shape: []int{2, 3 * side, 3 * side}}
		p := pipeline(t, `[{"elastic": {"strength": 1.5, "smooth": `+smooth+`}}]`, r)
		ramp := make([]float32, 2*9*side*side)
		for i := range ramp {
			if ramp[i] = float32(i % (3 * side)); i >= len(ramp)/2 {
				ramp[i] = float32(i % (len(ramp) / 2) / (3 * side))
			}
			ramp[i] /= 3 * side
		}
		var square [2]float64
		together, apart, n := 0.0, 0.0, 0.0
		distance := map[string]int{"3": 3, "4": 4, "8": 8}[smooth]
		for step := range uint32(draws) {
			got := apply(t, p, ramp, step, 0)
			for y := side; y < 2*side; y += 3 {
				for x := side; x < 2*side; x += 3 {
					i := y*3*side + x
					for axis := range square {
						d := 3 * side * float64(got[axis*len(ramp)/2+i]-ramp[axis*len(ramp)/2+i])
						square[axis] += d * d
					}
					a, b := float64(got[i]-ramp[i]), float64(got[i+distance]-ramp[i+distance])
					together, apart, n = together+a*b, apart+(a*a+b*b)/2, n+1
				}
			}
		}
		for axis, s := range square {
			if rms := math.Sqrt(s / n); math.Abs(rms/1.5-1) > 0.05 {
				t.Errorf("smooth %s: pixels move by %g along axis %d, want 1.5", smooth, rms, axis)
			}
		}
		if got, want := together/apart, math.Exp(-0.25); math.Abs(got-want) > 0.06 {
			t.Errorf("smooth %s: pixels so far from each other move with a correlation of %g, want %g", smooth, got, want)
		}
	}
}

// Moves that follow each other look the picture up once, and give what they give one after the other, the picture in between sampled finely.
func TestMovesAreOne(t *testing.T) {
	t.Parallel()
	// Whole shifts and mirrors lose nothing in between.
	flips := pipeline(t, `[{"flip": {"horizontal": 1}}, {"flip": {"vertical": 1}}]`, gray)
	row := picture(gray)
	want := slices.Clone(row)
	slices.Reverse(want)
	if got := apply(t, flips, row, 1, 1); !slices.Equal(got, want) {
		t.Error("both mirrors do not turn the picture by half")
	}
	// First cropped, then mirrored: the window is mirrored. A dot right of the middle goes left.
	p := pipeline(t, `[{"crop": 0.3}, {"flip": 1}]`, gray)
	first, both := p.Only(0), p
	for step := range uint32(50) {
		x, y, _ := centre(apply(t, first, dot(17, 12), step, 0))
		mx, my, _ := centre(apply(t, both, dot(17, 12), step, 0))
		if math.Abs(27-x-mx) > 1e-3 || math.Abs(y-my) > 1e-3 {
			t.Fatalf("step %d: cropped at %g, %g, then mirrored at %g, %g", step, x, y, mx, my)
		}
	}
	// A move is made before what follows it, which is none.
	p = pipeline(t, `[{"flip": 1}, {"mask": 0.5}]`, gray)
	mirrored, masked := apply(t, p.Only(0), row, 1, 1), apply(t, p, row, 1, 1)
	for i, x := range masked {
		if x != 0 && x != mirrored[i] {
			t.Fatalf("pixel %d is %g, mirrored %g", i, x, mirrored[i])
		}
	}
	// Another outside keeps two moves apart: the second's border comes in where the first's picture ends.
	p = pipeline(t, `[{"affine": {"shift": 100000, "outside": "white"}}, {"affine": {"shift": 1}}]`, gray)
	if got := apply(t, p, row, 1, 1); got[13*28+13] != 1 || slices.Min(got) > 0.9 {
		t.Errorf("white, moved before black: %g to %g", slices.Min(got), slices.Max(got))
	}
}

// A crop shows the picture larger, never what lies beyond it, wherever the window is.
func TestCrop(t *testing.T) {
	t.Parallel()
	row := slices.Repeat([]float32{0.7}, 784)
	p := pipeline(t, `[{"crop": {"cut": 0.6, "aspect": 1}}]`, gray)
	largest := 0.0
	_, _, mass := centre(dot(13.5, 13.5))
	for step := range uint32(300) {
		for _, x := range apply(t, p, row, step, 0) {
			if math.Abs(float64(x)-0.7) > 1e-6 {
				t.Fatalf("step %d: a pixel of %g", step, x)
			}
		}
		_, _, m := centre(append(apply(t, p, dot(13.5, 13.5), step, 0), 1e-9))
		largest = max(largest, m/mass)
	}
	if largest < 3 || largest > 1/(0.4*0.4)+0.5 {
		t.Errorf("windows are enlarged by up to %g, want about 6", largest)
	}
}

// Brightness is a factor, contrast keeps the mean, saturation keeps greys, a hue of 120 degrees changes the colours' places up to their lightness.
func TestColor(t *testing.T) {
	t.Parallel()
	r := augment.Rows{Shape: []int{3, 4, 4}}
	row := make([]float32, 48)
	for i := range row {
		row[i] = 0.3 + 0.2*float32(i%7)/7
	}
	light := func(row []float32, i int) float64 {
		return 0.299*float64(row[i]) + 0.587*float64(row[16+i]) + 0.114*float64(row[32+i])
	}
	factors := map[string][2]float64{}
	for step := range uint32(400) {
		bright := apply(t, pipeline(t, `[{"color": {"brightness": 0.3}}]`, r), row, step, 0)
		f := float64(bright[5] / row[5])
		for i := range row {
			if math.Abs(float64(bright[i])-f*float64(row[i])) > 1e-5 {
				t.Fatalf("brightness: value %d is %g of %g, the factor is %g", i, bright[i], row[i], f)
			}
		}
		contrast := apply(t, pipeline(t, `[{"color": {"contrast": 0.5}}]`, r), row, step, 0)
		before, after := 0.0, 0.0
		for i := range 16 {
			before += light(row, i)
			after += light(contrast, i)
		}
		if math.Abs(before-after) > 1e-4 {
			t.Fatalf("contrast: the mean luminance is %g, before %g", after/16, before/16)
		}
		c := float64((contrast[5] - contrast[6]) / (row[5] - row[6]))
		turned := apply(t, pipeline(t, `[{"color": {"saturation": 0.5, "hue": 40}}]`, r), row, step, 0)
		for i := range 16 {
			if math.Abs(light(turned, i)-light(row, i)) > 1e-5 {
				t.Fatalf("saturation and hue: the luminance of pixel %d is %g, before %g", i, light(turned, i), light(row, i))
			}
		}
		for name, x := range map[string]float64{"brightness": f, "contrast": c} {
			if step == 0 {
				factors[name] = [2]float64{x, x}
			}
			factors[name] = [2]float64{min(factors[name][0], x), max(factors[name][1], x)}
		}
	}
	for name, s := range map[string]float64{"brightness": 0.3, "contrast": 0.5} {
		if f := factors[name]; math.Abs(f[0]-1+s) > 0.02 || math.Abs(f[1]-1-s) > 0.02 {
			t.Errorf("%s: factors of %g to %g, want %g to %g", name, f[0], f[1], 1-s, 1+s)
		}
	}
	grey := slices.Repeat([]float32{0.25}, 48)
	if got := apply(t, pipeline(t, `[{"color": {"saturation": 1, "hue": 180}}]`, r), grey, 3, 0); !near(got, grey, 1e-6) {
		t.Errorf("greys become %v", got)
	}
}

// A blur keeps the sum of a dot, and spreads it by its deviation, which is drawn up to sigma.
func TestBlur(t *testing.T) {
	t.Parallel()
	row := make([]float32, 784)
	row[14*28+13] = 1
	p := pipeline(t, `[{"blur": 2}]`, gray)
	widest := 0.0
	for step := range uint32(300) {
		got := apply(t, p, row, step, 0)
		x, y, mass := centre(got)
		square := 0.0
		for i, v := range got {
			square += float64(v) * (math.Pow(float64(i%28)-x, 2) + math.Pow(float64(i/28)-y, 2)) / 2
		}
		if math.Abs(mass-1) > 1e-4 || math.Abs(x-13) > 1e-4 || math.Abs(y-14) > 1e-4 {
			t.Fatalf("step %d: mass %g at %g, %g", step, mass, x, y)
		}
		widest = max(widest, math.Sqrt(square))
	}
	if widest < 1.9 || widest > 2.01 {
		t.Errorf("the widest blur has a deviation of %g, want 2", widest)
	}
	flat := slices.Repeat([]float32{0.6}, 784)
	if got := apply(t, p, flat, 1, 1); !near(got, flat, 1e-6) {
		t.Errorf("a flat picture becomes %v", got[:5])
	}
}

// Masks and salt and pepper take the same pixels of all channels, in the shares that they say; patches are whole.
func TestDamage(t *testing.T) {
	t.Parallel()
	r := augment.Rows{Shape: []int{3, 30, 30}}
	row := slices.Repeat([]float32{0.5}, 2700)
	shares := map[string]float64{}
	const draws = 200
	for step := range uint32(draws) {
		mask := apply(t, pipeline(t, `[{"mask": {"part": 0.3, "patch": 5}}]`, r), row, step, 0)
		salt := apply(t, pipeline(t, `[{"salt_pepper": 0.2}]`, r), row, step, 0)
		erased := apply(t, pipeline(t, `[{"erase": 0.5}]`, r), row, step, 0)
		for i := range 900 {
			corner := i/30/5*5*30 + i%30/5*5
			if mask[i] != mask[corner] || mask[i] != mask[900+i] || salt[i] != salt[1800+i] || erased[i] != erased[900+i] {
				t.Fatalf("step %d: pixel %d", step, i)
			}
			for name, here := range map[string]bool{"mask": mask[i] == 0, "salt": salt[i] == 1, "pepper": salt[i] == 0, "erase": erased[i] == 0} {
				if here {
					shares[name] += 1 / (900.0 * draws)
				}
			}
		}
	}
	for name, want := range map[string]float64{"mask": 0.3, "salt": 0.1, "pepper": 0.1, "erase": 1.0 / 16} {
		if got := shares[name]; math.Abs(got-want) > 0.02 {
			t.Errorf("%s: a share of %g, want %g", name, got, want)
		}
	}
}

// JPEG at its best is almost the picture, and at its worst is not; it keeps colours apart.
func TestJPEG(t *testing.T) {
	t.Parallel()
	for _, r := range []augment.Rows{{Shape: []int{24, 30}}, {Shape: []int{3, 24, 30}}} {
		row := make([]float32, len(picture(r)))
		for i := range row { // smooth, each channel in its own way
			row[i] = 0.5 + 0.4*float32(math.Sin(float64(i%30)/8+float64(i/720)))*float32(math.Cos(float64(i%720/30)/9))
		}
		distance := func(quality string) float64 {
			sum := 0.0
			for i, x := range apply(t, pipeline(t, `[{"jpeg": `+quality+`}]`, r), row, 1, 1) {
				sum += math.Abs(float64(x-row[i])) / float64(len(row))
			}
			return sum
		}
		best, poor := distance("100"), 0.0
		p := pipeline(t, `[{"jpeg": 1}]`, r)
		for step := range uint32(200) {
			sum := 0.0
			for i, x := range apply(t, p, row, step, 1) {
				sum += math.Abs(float64(x-row[i])) / float64(len(row))
			}
			poor = max(poor, sum)
		}
		if best > 0.012 || poor < 0.03 {
			t.Errorf("%v: the mean distance is %g at quality 100, at most %g from 1 on", r.Shape, best, poor)
		}
	}
}
