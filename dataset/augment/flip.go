package augment

// Flip mirrors a picture.
type Flip struct {
	Horizontal float64 `json:"horizontal,omitempty" doc:"chance that left and right change places" range:"[0,1]"`
	Vertical   float64 `json:"vertical,omitempty" doc:"chance that top and bottom change places" range:"[0,1]"`
}

func (f Flip) does() bool    { return f.Horizontal > 0 || f.Vertical > 0 }
func (Flip) outside() string { return "" }

func (f Flip) move(d draw, of *form, at places, _ *memory) {
	var u [2]float32
	d.uniform(u[:])
	if float64(u[0]) < f.Horizontal {
		for i, x := range at.x {
			at.x[i] = float32(of.width-1) - x
		}
	}
	if float64(u[1]) < f.Vertical {
		for i, y := range at.y {
			at.y[i] = float32(of.height-1) - y
		}
	}
}
