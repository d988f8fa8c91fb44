package augment

import (
	"cmp"
	"math"
)

// Affine moves a picture by a map that keeps lines straight, about its middle c. Each number is uniform between minus and plus its strength.
// The pixel at p shows what was at
//
//	c + A⁻¹ (p - c - t),   A = rotation(θ) · shear(k) · diagonal(1+a, 1+b)
//
// so that the picture is first scaled, each axis by its own number, then sheared along its lines, rotated, and shifted by t.
type Affine struct {
	Rotate  float64 `json:"rotate,omitempty" doc:"degrees by which it turns at most, to either side" range:"[0,180]"`
	Scale   float64 `json:"scale,omitempty" doc:"by how much each axis grows or shrinks at most, as a part of its length" range:"[0,0.9]"`
	Shear   float64 `json:"shear,omitempty" doc:"columns by which a line moves at most against the next" range:"[0,4]"`
	Shift   float64 `json:"shift,omitempty" doc:"pixels by which it moves along each axis at most" range:"[0,100000]"`
	Outside string  `json:"outside,omitempty" doc:"what comes in from beyond the border; left out: black" oneof:"outsides"`
}

func (a Affine) does() bool      { return a.Rotate > 0 || a.Scale > 0 || a.Shear > 0 || a.Shift > 0 }
func (a Affine) outside() string { return cmp.Or(a.Outside, Black) }

func (a Affine) move(d draw, f *form, at places, _ *memory) {
	var u [6]float32
	d.uniform(u[:])
	sin, cos := math.Sincos(a.Rotate * around(u[0]) * math.Pi / 180)
	width, height := 1/(1+a.Scale*around(u[1])), 1/(1+a.Scale*around(u[2]))
	k := a.Shear * around(u[3])
	// A⁻¹ = diagonal⁻¹ · shear⁻¹ · rotation⁻¹
	xx, xy := float32(width*(cos+k*sin)), float32(width*(sin-k*cos))
	yx, yy := float32(-height*sin), float32(height*cos)
	cx, cy := float32(f.width-1)/2, float32(f.height-1)/2
	tx, ty := cx+float32(a.Shift*around(u[4])), cy+float32(a.Shift*around(u[5]))
	for i, x := range at.x {
		x, y := x-tx, at.y[i]-ty
		at.x[i], at.y[i] = cx+(xx*x+xy*y), cy+(yx*x+yy*y)
	}
}
