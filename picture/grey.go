package picture

import (
	"fmt"
	"image"
	"image/color"
	"strconv"
	"strings"
)

// The names of backgrounds. Grey levels and colours have none.
const (
	Black = "black"
	White = "white"
)

// colourOf returns the colour that a rule names.
func colourOf(name string) (color.RGBA64, error) {
	switch name {
	case "", Black:
		name = "0"
	case White:
		name = "255"
	}
	if hex, ok := strings.CutPrefix(name, "#"); ok && len(hex) == 6 {
		if n, err := strconv.ParseUint(hex, 16, 32); err == nil {
			return colour(uint8(n>>16), uint8(n>>8), uint8(n)), nil
		}
	}
	n, err := strconv.ParseUint(name, 10, 8)
	if err != nil {
		return color.RGBA64{}, fmt.Errorf("background is %.100q: use black, white, a grey level from 0 to 255, or a colour such as #ff8000", name)
	}
	return colour(uint8(n), uint8(n), uint8(n)), nil
}

func colour(r, g, b uint8) color.RGBA64 {
	return color.RGBA64{R: uint16(r) * 0x101, G: uint16(g) * 0x101, B: uint16(b) * 0x101, A: 0xffff}
}

// planes returns an image laid on a canvas of a colour: in grey, or its red, green and blue. A colour of 16 bits is its high byte.
func (r Rule) planes(img image.Image, canvas image.Rectangle, background color.RGBA64) []*image.Gray {
	if r.Color != RGB {
		return []*image.Gray{greyOf(img, canvas, background)}
	}
	if g, ok := img.(*image.Gray); ok && g.Rect == canvas {
		return []*image.Gray{g, g, g}
	}
	b := img.Bounds()
	red, green, blue := image.NewGray(canvas), image.NewGray(canvas), image.NewGray(canvas)
	if !canvas.In(b) { // a frame that is smaller than its canvas
		for i := range red.Pix {
			red.Pix[i], green.Pix[i], blue.Pix[i] = uint8(background.R>>8), uint8(background.G>>8), uint8(background.B>>8)
		}
	}
	at := pixels(img)
	for y := max(b.Min.Y, canvas.Min.Y); y < min(b.Max.Y, canvas.Max.Y); y++ {
		line := (y - canvas.Min.Y) * red.Stride
		for x := max(b.Min.X, canvas.Min.X); x < min(b.Max.X, canvas.Max.X); x++ {
			c := at(x, y)
			if c.A != 0xffff {
				c = over(c, background)
			}
			i := line + x - canvas.Min.X
			red.Pix[i], green.Pix[i], blue.Pix[i] = uint8(c.R>>8), uint8(c.G>>8), uint8(c.B>>8)
		}
	}
	return []*image.Gray{red, green, blue}
}

// greyOf returns an image in grey, laid on a canvas of a colour. In numbers of 16 bits, with colours multiplied by their opacity:
//
//	c = c + background (1 - opacity),   grey = (19595 R + 38470 G + 7471 B + 2^15) / 2^24
//
// which is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601). Fractions are cut off everywhere.
func greyOf(img image.Image, canvas image.Rectangle, background color.RGBA64) *image.Gray {
	if g, ok := img.(*image.Gray); ok && g.Rect == canvas {
		return g
	}
	b := img.Bounds()
	g := image.NewGray(canvas)
	if !canvas.In(b) { // a frame that is smaller than its canvas
		for i := range g.Pix {
			g.Pix[i] = greyLevel(background)
		}
	}
	at := pixels(img)
	for y := max(b.Min.Y, canvas.Min.Y); y < min(b.Max.Y, canvas.Max.Y); y++ {
		line := g.Pix[(y-canvas.Min.Y)*g.Stride:]
		for x := max(b.Min.X, canvas.Min.X); x < min(b.Max.X, canvas.Max.X); x++ {
			c := at(x, y)
			if c.A != 0xffff {
				c = over(c, background)
			}
			line[x-canvas.Min.X] = greyLevel(c)
		}
	}
	return g
}

// pixels returns an image's pixels, with their colours multiplied by their opacity.
func pixels(img image.Image) func(x, y int) color.RGBA64 {
	if img, ok := img.(image.RGBA64Image); ok {
		return img.RGBA64At
	}
	return func(x, y int) color.RGBA64 {
		r, g, b, a := img.At(x, y).RGBA()
		return color.RGBA64{R: uint16(r), G: uint16(g), B: uint16(b), A: uint16(a)}
	}
}

// over lays a pixel on a colour.
func over(c, background color.RGBA64) color.RGBA64 {
	through := 0xffff - uint32(c.A)
	lay := func(c, background uint16) uint16 {
		return uint16(min(uint32(c)+uint32(background)*through/0xffff, 0xffff))
	}
	return color.RGBA64{R: lay(c.R, background.R), G: lay(c.G, background.G), B: lay(c.B, background.B), A: 0xffff}
}

// greyLevel is the formula of [greyOf], which is that of package image/color.
func greyLevel(c color.RGBA64) uint8 {
	return uint8((19595*uint32(c.R) + 38470*uint32(c.G) + 7471*uint32(c.B) + 1<<15) >> 24)
}
