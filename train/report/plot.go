package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// palette holds colours that stay apart for most colour-blind readers (Okabe and Ito), each with its own line style.
var palette = []struct {
	color  color.RGBA
	dashes []vg.Length
}{
	{color.RGBA{0, 114, 178, 255}, nil},
	{color.RGBA{213, 94, 0, 255}, []vg.Length{6, 3}},
	{color.RGBA{0, 158, 115, 255}, []vg.Length{2, 2}},
	{color.RGBA{204, 121, 167, 255}, []vg.Length{8, 2, 2, 2}},
}

// svg draws a curve; "" where there is nothing to draw.
func (c Curve) svg() (template.HTML, error) {
	p := newPlot(c.XLabel, c.YLabel)
	drawn := 0
	for i, s := range c.Series {
		points := finite(s)
		if len(points) == 0 {
			continue
		}
		drawn++
		style := palette[i%len(palette)]
		if len(points) == 1 {
			dot, err := plotter.NewScatter(points)
			if err != nil {
				return "", err
			}
			dot.GlyphStyle = draw.GlyphStyle{Color: style.color, Radius: 3, Shape: draw.CircleGlyph{}}
			p.Add(dot)
			p.Legend.Add(s.Name, dot)
			continue
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return "", err
		}
		line.LineStyle = draw.LineStyle{Color: style.color, Width: 1.6, Dashes: style.dashes}
		p.Add(line)
		p.Legend.Add(s.Name, line)
	}
	if drawn == 0 {
		return "", nil
	}
	p.Y.Max += 0.18 * (p.Y.Max - p.Y.Min) // room for the legend
	return render(p, 15*vg.Centimeter, 8*vg.Centimeter)
}

// maxNamed is how many columns a profile names on its axis.
const maxNamed = 40

// svg draws a row and its reconstruction over the columns.
func (p Profile) svg() (template.HTML, error) {
	if len(p.Columns) == 0 {
		return "", nil
	}
	plot := newPlot("", "value")
	for i, s := range []struct {
		name   string
		values []float64
	}{{"row", p.Row}, {"reconstruction", p.Reconstruction}} {
		points := make(plotter.XYs, 0, len(s.values))
		for x, y := range s.values {
			if !math.IsNaN(y) && !math.IsInf(y, 0) {
				points = append(points, plotter.XY{X: float64(x), Y: y})
			}
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return "", err
		}
		line.LineStyle = draw.LineStyle{Color: palette[i].color, Width: 1.4, Dashes: palette[i].dashes}
		dots.GlyphStyle = draw.GlyphStyle{Color: palette[i].color, Radius: 2, Shape: draw.CircleGlyph{}}
		plot.Add(line, dots)
		plot.Legend.Add(s.name, line, dots)
	}
	if len(p.Columns) <= maxNamed {
		names := make([]string, len(p.Columns))
		for i, name := range p.Columns {
			names[i] = short(name)
		}
		plot.NominalX(names...)
		label := &plot.X.Tick.Label
		label.Font, label.Rotation, label.XAlign, label.YAlign = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 8}, math.Pi/2, draw.XRight, draw.YCenter
	}
	room := max(plot.Y.Max-plot.Y.Min, 1e-9)
	plot.Y.Min, plot.Y.Max = plot.Y.Min-0.08*room, plot.Y.Max+0.25*room // above for the legend, below for the names
	return render(plot, 15*vg.Centimeter, 7*vg.Centimeter)
}

// short cuts a name for an axis.
func short(name string) string {
	if r := []rune(name); len(r) > 18 {
		return string(r[:17]) + "…"
	}
	return name
}

// bitPlot shows each hard bit as a dot: the share of rows that have it across, the divergence of its variable up.
func bitPlot(bits []Bit) (template.HTML, error) {
	p := newPlot("share of rows in which the hard bit is set", "KL of its variable (nats)")
	p.X.Min, p.X.Max = -0.02, 1.02
	for i, kind := range []struct {
		name string
		is   func(b Bit) bool
	}{
		{"varies", func(b Bit) bool { return b.Entropy > 0 && b.Like < 0 }},
		{"dead", func(b Bit) bool { return !(b.Entropy > 0) }},
		{"duplicate", func(b Bit) bool { return b.Entropy > 0 && b.Like >= 0 }},
	} {
		var points plotter.XYs
		for _, b := range bits {
			if kind.is(b) && !math.IsNaN(b.Ones+b.KL) && !math.IsInf(b.KL, 0) {
				points = append(points, plotter.XY{X: b.Ones, Y: b.KL})
			}
		}
		if len(points) == 0 {
			continue
		}
		dots, err := plotter.NewScatter(points)
		if err != nil {
			return "", err
		}
		dots.GlyphStyle = draw.GlyphStyle{Color: palette[i].color, Radius: 3}
		dots.GlyphStyle.Shape = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.CrossGlyph{}, draw.PyramidGlyph{}}[i]
		p.Add(dots)
		p.Legend.Add(fmt.Sprintf("%s (%d)", kind.name, len(points)), dots)
	}
	p.Y.Min = 0
	p.Y.Max *= 1.15 // room for the legend
	return render(p, 15*vg.Centimeter, 8*vg.Centimeter)
}

func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.Legend.Top = true
	p.Legend.Padding = 2
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{Y: 225}, color.Gray{Y: 240}
	p.Add(grid)
	for _, style := range []*draw.TextStyle{&p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.Legend.TextStyle} {
		style.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 10}
	}
	for _, style := range []*draw.TextStyle{&p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 9}
	}
	return p
}

// finite returns the points that can be drawn, in the order of x.
func finite(s Series) plotter.XYs {
	var points plotter.XYs
	for i := range min(len(s.X), len(s.Y)) {
		if x, y := s.X[i], s.Y[i]; !math.IsNaN(x+y) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
			points = append(points, plotter.XY{X: x, Y: y})
		}
	}
	slices.SortStableFunc(points, func(a, b plotter.XY) int {
		switch {
		case a.X < b.X:
			return -1
		case a.X > b.X:
			return 1
		}
		return 0
	})
	return points
}

// render draws a plot as SVG for use inside a page. gonum/plot panics on what it cannot lay out.
func render(p *plot.Plot, width, height vg.Length) (svg template.HTML, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	canvas := vgsvg.New(width, height)
	p.Draw(draw.New(canvas))
	var buf bytes.Buffer
	if _, err := canvas.WriteTo(&buf); err != nil {
		return "", err
	}
	text := buf.String()
	if i := strings.Index(text, "<svg"); i > 0 { // the XML prologue has no place inside HTML
		text = text[i:]
	}
	return template.HTML(text), nil
}
