package picture

import (
	"image"
	"image/draw"

	xdraw "golang.org/x/image/draw"
)

// The ways to compute the pixels of another size. See [Fits] for what becomes of another aspect.
const (
	ResizeNone       = "none" // another size is an error
	ResizeNearest    = "nearest"
	ResizeBilinear   = "bilinear"
	ResizeCatmullRom = "catmull-rom"
)

// Resizes are all of them.
var Resizes = []string{ResizeNone, ResizeNearest, ResizeBilinear, ResizeCatmullRom}

var scalers = map[string]xdraw.Scaler{ResizeNearest: xdraw.NearestNeighbor, ResizeBilinear: xdraw.BiLinear, ResizeCatmullRom: xdraw.CatmullRom}

// resizing is the memory that resizing a picture of some height takes: rows that are resized in one direction, four numbers a pixel.
func (r Rule) resizing(height int) int64 {
	if r.free() || scalers[r.Resize] == nil {
		return 0
	}
	return 32 * int64(r.Width) * int64(height)
}

// write writes planes to a row, one after the other, resized where that is needed.
func (r Rule) write(row []byte, planes []*image.Gray) {
	background, _ := colourOf(r.Background) // which was checked
	levels := []uint8{greyLevel(background)}
	if r.Color == RGB {
		levels = []uint8{uint8(background.R >> 8), uint8(background.G >> 8), uint8(background.B >> 8)}
	}
	size := r.Height * r.Width
	for i, plane := range planes {
		r.writePlane(row[i*size:][:size], plane, levels[i])
	}
}

// writePlane writes a plane to its part of a row.
func (r Rule) writePlane(row []byte, plane *image.Gray, background uint8) {
	b := plane.Rect
	if b.Dx() != r.Width || b.Dy() != r.Height {
		from, to := r.place(b)
		if r.Fit == FitWhole {
			for i := range row {
				row[i] = background
			}
		}
		whole := image.Rect(0, 0, r.Width, r.Height)
		scalers[r.Resize].Scale(&image.Gray{Pix: row, Stride: r.Width, Rect: whole}, to, plane, from, draw.Src, nil)
		return
	}
	for y := range r.Height {
		copy(row[y*r.Width:][:r.Width], plane.Pix[plane.PixOffset(b.Min.X, b.Min.Y+y):])
	}
}
