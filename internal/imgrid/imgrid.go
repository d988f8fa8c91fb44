// Package imgrid lays grey images out on one sheet, for reports and for `catvae sample` and `decode`.
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

// Dims returns height and width of rows of the given shape: the two last dimensions of an image, one line of anything
// else.
func Dims(shape []int) (height, width int) {
	width = 1
	for _, d := range shape {
		width *= d
	}
	if n := len(shape); n >= 2 && shape[n-2]*shape[n-1] == width {
		return shape[n-2], shape[n-1]
	}
	return 1, width
}

// Pictures reports whether rows of a shape are pictures: those with height and width.
func Pictures(shape []int) bool {
	height, width := Dims(shape)
	return height > 1 && width > 1
}

// Image returns the sheet of images of height x width values, 0 black and 1 white; values outside are cut off, NaN is
// grey. An image of another size is an error.
func (g Grid) Image(images [][]float32, height, width int) (*image.Gray, error) {
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
	sheet := image.NewGray(image.Rect(0, 0, columns*step(width)+g.Gap, lines*step(height)+g.Gap))
	for i := range sheet.Pix {
		sheet.Pix[i] = 96
	}
	for i, values := range images {
		if len(values) != height*width {
			return nil, fmt.Errorf("imgrid: image %d has %d values, %dx%d are %d", i, len(values), height, width, height*width)
		}
		left, top := g.Gap+i%columns*step(width), g.Gap+i/columns*step(height)
		for y := range height * g.Scale {
			for x := range width * g.Scale {
				sheet.SetGray(left+x, top+y, shade(values[y/g.Scale*width+x/g.Scale]))
			}
		}
	}
	return sheet, nil
}

func shade(v float32) color.Gray {
	if v != v {
		return color.Gray{Y: 128}
	}
	return color.Gray{Y: uint8(math.Round(255 * float64(min(max(v, 0), 1))))}
}

// WritePNG writes the sheet as a PNG file.
func (g Grid) WritePNG(w io.Writer, images [][]float32, height, width int) error {
	sheet, err := g.Image(images, height, width)
	if err != nil {
		return err
	}
	return png.Encode(w, sheet)
}
