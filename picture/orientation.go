package picture

import "image"

// An orientation is the value of EXIF's entry of that name, 1 to 8: how the pixels lie in the file. Anything else is upright.
type orientation int

const upright orientation = 1

// sideways reports that height and width change places.
func (o orientation) sideways() bool { return o >= 5 && o <= 8 }

// apply returns a picture turned upright.
func (o orientation) apply(g *image.Gray) *image.Gray {
	if o <= upright || o > 8 {
		return g
	}
	h, w := g.Rect.Dy(), g.Rect.Dx()
	to := image.NewGray(image.Rect(0, 0, w, h))
	if o.sideways() {
		to = image.NewGray(image.Rect(0, 0, h, w))
	}
	for y := range h {
		line := g.Pix[g.PixOffset(g.Rect.Min.X, g.Rect.Min.Y+y):][:w]
		for x, p := range line {
			row, column := o.place(y, x, h, w)
			to.Pix[row*to.Stride+column] = p
		}
	}
	return to
}

// place returns where the pixel in row y, column x of a file of height h and width w belongs.
func (o orientation) place(y, x, h, w int) (row, column int) {
	switch o {
	case 2: // mirrored
		return y, w - 1 - x
	case 3: // upside down
		return h - 1 - y, w - 1 - x
	case 4: // upside down and mirrored
		return h - 1 - y, x
	case 5: // lying on its side, mirrored
		return x, y
	case 6: // to be turned clockwise
		return x, h - 1 - y
	case 7:
		return w - 1 - x, h - 1 - y
	case 8: // to be turned anticlockwise
		return w - 1 - x, y
	}
	return y, x
}
