package dataset

import (
	"context"
	"fmt"
	"image"
	"io"
	"math"
	"sync"

	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/internal/noise"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// The glyphs: digits of 28x28 pixels, white on black, about 20 pixels tall, from seven cuts of the Go fonts. The label
// is the digit. Nothing is downloaded, and train and test never share a drawing's numbers.
const (
	glyphSize     = 28
	glyphAlphabet = "0123456789"
	glyphTrain    = 20_000
	glyphTest     = 4_000
)

// glyphs draws glyphs: row i is a function of the seed, the split and i.
type glyphs struct {
	info  Info
	split uint32
	noise noise.Stream
	row   int
	tally *Tally

	raster vector.Rasterizer
	alpha  image.Alpha
	buf    []byte
	table  *[256]float32 // what bytes become
}

// openGlyphs returns the glyphs of a split and seed.
func openGlyphs(_ context.Context, _ string, o Options) (Reader, error) { return newGlyphs(o), nil }

func newGlyphs(o Options) *glyphs {
	rows, split := glyphTrain, uint32(0)
	if o.Split == Test {
		rows, split = glyphTest, 1
	}
	if o.Rows > 0 {
		rows = o.Rows
	}
	return &glyphs{
		tally: o.Tally(rows, "glyphs", fmt.Sprint(o.Seed), fmt.Sprint(split)),
		info:  Info{Source: GlyphsSource, Rows: rows, Shape: []int{glyphSize, glyphSize}, DType: "uint8", Labels: true},
		split: split, noise: noise.Stream{Seed: o.Seed, Purpose: noise.Glyphs},
		alpha: *image.NewAlpha(image.Rect(0, 0, glyphSize, glyphSize)),
		buf:   make([]byte, glyphSize*glyphSize),
		table: tableOf(o.Values.OrUnit()),
	}
}

// Info describes the glyphs.
func (g *glyphs) Info() Info { return g.info }

// Close does nothing.
func (g *glyphs) Close() error { return nil }

// Next draws the next row.
func (g *glyphs) Next(row []float32) (int, error) {
	label, err := g.NextBytes(g.buf)
	if err != nil {
		return -1, err
	}
	greyOf(row, g.buf, g.table)
	return label, nil
}

// NextBytes is Next for the bytes themselves.
func (g *glyphs) NextBytes(row []byte) (int, error) {
	if g.row == g.info.Rows {
		return -1, io.EOF
	}
	label := g.draw(row, g.row)
	g.tally.Rows(g.row, 1, row[:len(g.buf)], []byte{byte(label)})
	g.row++
	return label, nil
}

// Bytes draws the next rows.
func (g *glyphs) Bytes(dst []byte) (int, Decode, error) {
	return reading.Rowwise(dst, g.info.RowSize(), g.NextBytes)
}

// Floats draws the next rows.
func (g *glyphs) Floats(dst []float32) (int, Decode, error) {
	return reading.Rowwise(dst, g.info.RowSize(), g.Next)
}

// Skip passes over rows without drawing them.
func (g *glyphs) Skip(rows int) error {
	g.row = min(g.row+rows, g.info.Rows)
	return nil
}

// Scan draws rows, since nothing else says what they are.
func (g *glyphs) Scan(rows int) error {
	for range min(rows, g.info.Rows-g.row) {
		if _, err := g.NextBytes(g.buf); err != nil {
			return err
		}
	}
	return nil
}

// draw draws row i and returns its label.
//
// Eight uniform numbers choose the digit, the font, and the distortion: rotation by up to 12 degrees, slant by up to
// 0.15, height of 17 to 21 pixels, width by 0.85 to 1.1, shift by up to 2 pixels.
func (g *glyphs) draw(row []byte, i int) int {
	var u [8]float32
	g.noise.Uniform(u[:], g.split, uint32(i))
	outlines := glyphOutlines()
	label := int(u[0] * float32(len(glyphAlphabet)))
	o := outlines[int(u[1]*float32(len(outlines)/len(glyphAlphabet)))*len(glyphAlphabet)+label]

	between := func(k int, least, most float64) float64 { return least + (most-least)*float64(u[k]) }
	angle, slant := between(2, -12, 12)*math.Pi/180, between(3, -0.15, 0.15)
	height := between(4, 17, 21)
	width := height * between(5, 0.85, 1.1)
	dx, dy := glyphSize/2+between(6, -2, 2), glyphSize/2+between(7, -2, 2)
	sin, cos := math.Sincos(angle)
	o.draw(&g.raster, func(x, y float64) (float32, float32) { // from the unit-height box around the origin
		x, y = (x+slant*y)*width, y*height
		return float32(cos*x - sin*y + dx), float32(sin*x + cos*y + dy)
	})
	clear(g.alpha.Pix)
	g.raster.Draw(&g.alpha, g.alpha.Rect, image.Opaque, image.Point{})
	copy(row, g.alpha.Pix)
	return label
}

// An outline is a glyph's contours, centred and scaled to height 1.
type outline struct{ segments []segment }

type segment struct {
	op   sfnt.SegmentOp
	args [3][2]float64
}

func (o outline) draw(r *vector.Rasterizer, place func(x, y float64) (float32, float32)) {
	r.Reset(glyphSize, glyphSize)
	for _, s := range o.segments {
		ax, ay := place(s.args[0][0], s.args[0][1])
		bx, by := place(s.args[1][0], s.args[1][1])
		cx, cy := place(s.args[2][0], s.args[2][1])
		switch s.op {
		case sfnt.SegmentOpMoveTo:
			r.ClosePath()
			r.MoveTo(ax, ay)
		case sfnt.SegmentOpLineTo:
			r.LineTo(ax, ay)
		case sfnt.SegmentOpQuadTo:
			r.QuadTo(ax, ay, bx, by)
		case sfnt.SegmentOpCubeTo:
			r.CubeTo(ax, ay, bx, by, cx, cy)
		}
	}
	r.ClosePath()
}

// glyphOutlines holds every character of the alphabet in every font, font by font. The fonts are part of the program,
// so that a failure to read them is a mistake in it.
var glyphOutlines = sync.OnceValue(func() []outline {
	var outlines []outline
	for _, ttf := range [][]byte{
		goregular.TTF, gobold.TTF, gomedium.TTF, goitalic.TTF, gobolditalic.TTF, gomono.TTF, gomonobold.TTF,
	} {
		f, err := sfnt.Parse(ttf)
		if err != nil {
			panic("dataset: a Go font does not parse: " + err.Error())
		}
		for _, r := range glyphAlphabet {
			o, err := outlineOf(f, r)
			if err != nil {
				panic("dataset: a Go font lacks a digit: " + err.Error())
			}
			outlines = append(outlines, o)
		}
	}
	return outlines
})

func outlineOf(f *sfnt.Font, r rune) (outline, error) {
	var buf sfnt.Buffer
	index, err := f.GlyphIndex(&buf, r)
	if err != nil {
		return outline{}, err
	}
	const ppem = 1000
	loaded, err := f.LoadGlyph(&buf, index, fixed.I(ppem), nil)
	if err != nil {
		return outline{}, err
	}
	bounds, _, err := f.GlyphBounds(&buf, index, fixed.I(ppem), font.HintingNone)
	if err != nil {
		return outline{}, err
	}
	number := func(x fixed.Int26_6) float64 { return float64(x) / 64 }
	cx, cy := number(bounds.Min.X+bounds.Max.X)/2, number(bounds.Min.Y+bounds.Max.Y)/2
	height := number(bounds.Max.Y - bounds.Min.Y)
	var o outline
	for _, s := range loaded {
		t := segment{op: s.Op}
		for i, p := range s.Args {
			t.args[i] = [2]float64{(number(p.X) - cx) / height, (number(p.Y) - cy) / height}
		}
		o.segments = append(o.segments, t)
	}
	return o, nil
}
