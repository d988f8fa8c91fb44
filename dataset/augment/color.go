package augment

import "math"

// Color changes a picture's colours, in this order; values x are 0 for black and 1 for white, and cut off at both ends at last. Each strength s
// draws a factor f uniform within 1-s and 1+s:
//
//	brightness  f x
//	contrast    m + f (x - m),   m the mean of the picture's luminance
//	saturation  g + f (x - g),   g the pixel's luminance, 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601)
//	hue         a turn of colours about grey, by an angle uniform within the strength to either side
//
// Pictures that have not three channels keep saturation and hue; their luminance is the mean of the channels.
type Color struct {
	Brightness float64 `json:"brightness,omitempty" doc:"by how much all values grow or shrink at most, as a part of them" range:"[0,1]"`
	Contrast   float64 `json:"contrast,omitempty" doc:"by how much differences from the mean grow or shrink at most" range:"[0,1]"`
	Saturation float64 `json:"saturation,omitempty" doc:"by how much differences from grey grow or shrink at most, of pictures in colours" range:"[0,1]"`
	Hue        float64 `json:"hue,omitempty" doc:"degrees by which colours turn at most, of pictures in colours; 120 makes red green or blue" range:"[0,180]"`
}

func (c Color) does() bool {
	return c.Brightness > 0 || c.Contrast > 0 || c.Saturation > 0 || c.Hue > 0
}

// luminance are the weights of red, green and blue.
var luminance = [3]float64{0.299, 0.587, 0.114}

func (c Color) change(d draw, f *form, row []float32, _ *memory) error {
	var u [4]float32
	d.uniform(u[:])
	factor := func(s float64, u float32) float64 { return 1 + s*around(u) }
	bright := factor(c.Brightness, u[0])
	// All of it is one map of a pixel: x' = M (x - black) + shift + black.
	contrast := factor(c.Contrast, u[1])
	size := f.height * f.width
	weights := make([]float64, f.channels)
	for i := range weights {
		if weights[i] = 1 / float64(f.channels); f.channels == 3 {
			weights[i] = luminance[i]
		}
	}
	mean := 0.0
	if c.Contrast > 0 {
		for i, w := range weights {
			sum := float32(0)
			for _, x := range row[i*size:][:size] {
				sum += x - f.black
			}
			mean += w * float64(sum) / float64(size) * bright
		}
	}
	scale, shift := float32(bright*contrast), float32(mean*(1-contrast))
	if scale != 1 || shift != 0 {
		for i, x := range row {
			row[i] = f.black + (scale*(x-f.black) + shift)
		}
	}
	if f.channels == 3 && (c.Saturation > 0 || c.Hue > 0) {
		turn(row, size, factor(c.Saturation, u[2]), c.Hue*around(u[3])*math.Pi/180)
	}
	for i, x := range row {
		row[i] = min(max(x, f.black), f.white)
	}
	return nil
}

// turn multiplies the distance of colours from grey, and turns them about it. The turn is about the axis of greys, (1,1,1), by Rodrigues'
// formula; the luminance that it changes is given back, so that greys stay and no colour gets darker.
func turn(row []float32, size int, saturation, angle float64) {
	sin, cos := math.Sincos(angle)
	a, b, c := cos+(1-cos)/3, (1-cos)/3-sin/math.Sqrt(3), (1-cos)/3+sin/math.Sqrt(3)
	rotation := [3][3]float64{{a, b, c}, {c, a, b}, {b, c, a}}
	var m [3][3]float32 // grey + saturation · (rotation - luminance of the rotated)
	for j := range 3 {
		light := 0.0
		for k := range 3 {
			light += luminance[k] * rotation[k][j]
		}
		for i := range 3 {
			m[i][j] = float32(luminance[j] + saturation*(rotation[i][j]-light))
		}
	}
	red, green, blue := row[:size], row[size:][:size], row[2*size:][:size]
	for i, r := range red {
		g, b := green[i], blue[i]
		red[i] = m[0][0]*r + m[0][1]*g + m[0][2]*b
		green[i] = m[1][0]*r + m[1][1]*g + m[1][2]*b
		blue[i] = m[2][0]*r + m[2][1]*g + m[2][2]*b
	}
}
