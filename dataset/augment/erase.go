package augment

// Erase makes one rectangle of a picture black, each of whose sides is uniform between nothing and a part of the picture's, at a uniform place
// (Zhong et al. 1708.04896, with black in place of noise).
type Erase struct {
	Size float64 `json:"size,omitempty" doc:"greatest side of the rectangle, as a part of the picture's" range:"[0,1]"`
}

func (e Erase) does() bool { return e.Size > 0 }

func (e Erase) change(d draw, f *form, row []float32, _ *memory) error {
	var u [4]float32
	d.uniform(u[:])
	span := func(size int, side, place float32) (from, to int) {
		n := int(float64(side)*e.Size*float64(size) + 0.5)
		from = int(place * float32(size-n+1))
		return from, from + n
	}
	left, right := span(f.width, u[0], u[2])
	top, bottom := span(f.height, u[1], u[3])
	for c := range f.channels {
		for line := top; line < bottom; line++ {
			pixels := row[(c*f.height+line)*f.width:][left:right]
			for i := range pixels {
				pixels[i] = f.black
			}
		}
	}
	return nil
}
