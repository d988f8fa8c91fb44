// Package imgrid lays images out on one sheet, for reports and for `catvae sample` and `decode`.
package imgrid

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
)

// A Grid says how a sheet is laid out. The zero value has 10 columns, a gap of 2 and the images' own size.
type Grid struct {
	Columns int // images a line
	Gap     int // pixels between images
	Scale   int // pixels a pixel
}

// A Format is how values are images: planes one after the other, each of height lines of width values. Of 3 planes they are
// red, green and blue; of any other number they lie below each other, as one grey image.
type Format struct {
	Height, Width, Planes int
	Black, White          float32 // values; both 0 mean 0 and 1
}

// Of returns the format of rows of the given shape: [height, width], [planes, height, width], one line of anything else.
func Of(shape []int) Format {
	width := 1
	for _, d := range shape {
		width *= d
	}
	n := len(shape)
	switch {
	case n >= 2 && shape[n-2]*shape[n-1] == width:
		return Format{Height: shape[n-2], Width: shape[n-1], Planes: 1}
	case n == 3 && shape[0] == 3:
		return Format{Height: shape[1], Width: shape[2], Planes: 3}
	}
	return Format{Height: 1, Width: width, Planes: 1}
}

// Pictures reports whether rows of a shape are pictures: those with height and width.
func Pictures(shape []int) bool {
	f := Of(shape)
	return f.Height > 1 && f.Width > 1
}

// Size returns the number of an image's values.
func (f Format) Size() int { return f.Planes * f.Height * f.Width }

// Shade returns a value as a byte: values outside of black and white are cut off, NaN is grey.
func (f Format) Shade(v float32) uint8 {
	if v != v {
		return 128
	}
	if f.Black != 0 || f.White != 0 {
		v = (v - f.Black) / (f.White - f.Black)
	}
	return uint8(math.Round(255 * float64(min(max(v, 0), 1))))
}

// New returns an image of a size, grey or in colours.
func (f Format) New(width, height int) Image {
	if f.Planes == 3 {
		return image.NewNRGBA(image.Rect(0, 0, width, height))
	}
	return image.NewGray(image.Rect(0, 0, width, height))
}

// An Image can be written to.
type Image interface {
	image.Image
	Set(x, y int, c color.Color)
}

// Draw writes an image to a place of one that [Format.New] made, each pixel scale times in both directions.
func (f Format) Draw(to Image, left, top, scale int, values []float32) {
	size := f.Height * f.Width
	grey, _ := to.(*image.Gray)
	colours, _ := to.(*image.NRGBA)
	for y := range f.Height * scale {
		for x := range f.Width * scale {
			i := y/scale*f.Width + x/scale
			if grey != nil {
				grey.Pix[grey.PixOffset(left+x, top+y)] = f.Shade(values[i])
			} else if colours != nil {
				colours.SetNRGBA(left+x, top+y, color.NRGBA{f.Shade(values[i]), f.Shade(values[size+i]), f.Shade(values[2*size+i]), 255})
			}
		}
	}
}

// Image returns the sheet of images. An image of another size is an error.
func (g Grid) Image(images [][]float32, f Format) (image.Image, error) {
	if g.Columns <= 0 {
		g.Columns = 10
	}
	if g.Gap <= 0 {
		g.Gap = 2
	}
	if g.Scale <= 0 {
		g.Scale = 1
	}
	columns := max(1, min(g.Columns, len(images)))
	lines := (len(images) + columns - 1) / columns
	step := func(size int) int { return size*g.Scale + g.Gap }
	sheet := f.New(columns*step(f.Width)+g.Gap, lines*step(f.Height)+g.Gap)
	for y := range sheet.Bounds().Dy() {
		for x := range sheet.Bounds().Dx() {
			sheet.Set(x, y, color.Gray{Y: 96})
		}
	}
	for i, values := range images {
		if len(values) != f.Size() {
			return nil, fmt.Errorf("imgrid: image %d has %d values, %dx%dx%d are %d", i, len(values), f.Planes, f.Height, f.Width, f.Size())
		}
		f.Draw(sheet, g.Gap+i%columns*step(f.Width), g.Gap+i/columns*step(f.Height), g.Scale, values)
	}
	return sheet, nil
}

// WritePNG writes the sheet as a PNG file.
func (g Grid) WritePNG(w io.Writer, images [][]float32, f Format) error {
	sheet, err := g.Image(images, f)
	if err != nil {
		return err
	}
	return png.Encode(w, sheet)
}
