package picture

import (
	"image"
	"image/draw"

	xdraw "golang.org/x/image/draw"
)

// The ways to make pictures fit a size. All except none stretch a picture, whatever its aspect.
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

// write writes a grey picture to a row, resized where that is needed.
func (r Rule) write(row []byte, grey *image.Gray) {
	b := grey.Rect
	if b.Dx() != r.Width || b.Dy() != r.Height {
		to := image.Rect(0, 0, r.Width, r.Height)
		scalers[r.Resize].Scale(&image.Gray{Pix: row, Stride: r.Width, Rect: to}, to, grey, b, draw.Src, nil)
		return
	}
	for y := range r.Height {
		copy(row[y*r.Width:][:r.Width], grey.Pix[grey.PixOffset(b.Min.X, b.Min.Y+y):])
	}
}
