package augment

import "math"

// Crop cuts a window out of a picture and makes it as large as the picture was. The window's sides are 1-cut·u of the picture's, u uniform, its
// aspect is changed by a factor uniform in the logarithm, and its place is uniform.
type Crop struct {
	Cut    float64 `json:"cut,omitempty" doc:"how much of each side is cut off at most, as a part of it" range:"[0,0.95]"`
	Aspect float64 `json:"aspect,omitempty" doc:"by how much the window's aspect differs from the picture's at most: 0.3 is up to 1.3 times wider, or higher" range:"[0,10]"`
}

func (c Crop) does() bool    { return c.Cut > 0 || c.Aspect > 0 }
func (Crop) outside() string { return "" }

func (c Crop) move(d draw, f *form, at places, _ *memory) {
	var u [4]float32
	d.uniform(u[:])
	side := 1 - c.Cut*float64(u[0])
	stretch := math.Pow(1+c.Aspect, around(u[1])/2)
	cropAxis(at.x, f.width, min(1, side*stretch), float64(u[2]))
	cropAxis(at.y, f.height, min(1, side/stretch), float64(u[3]))
}

// cropAxis maps places along an axis into a window: pixels of the new picture are narrower. A pixel within the picture stays within it.
func cropAxis(at []float32, size int, side, place float64) {
	first, last := float32(place*(1-side)*float64(size)-0.5), float32(size-1)
	for i, x := range at {
		y := (x+0.5)*float32(side) + first
		if x >= 0 && x <= last {
			y = within(y, last)
		}
		at[i] = y
	}
}
