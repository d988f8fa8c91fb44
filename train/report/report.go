// Package report writes the page that a training run leaves behind: one HTML file that holds its pictures and needs
// nothing else, to be opened, mailed and kept.
package report

import (
	"bytes"
	_ "embed" // for the page
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/catvae/catvae/internal/imgrid"
)

// Data is what a report shows. Empty parts are left out.
type Data struct {
	Title   string
	Figures []Figure // the results, first
	Notes   []string
	Curves  []Curve

	Shape                      []int       // of one row, for the pictures
	Originals, Reconstructions [][]float32 // pairs, within [0,1]; reconstructions from hard codes
	Samples                    [][]float32 // decoded from codes drawn from the prior

	Bits     []Bit
	Settings []Setting
	Commands []string // what to do next
}

// A Figure is one number with its unit and what it means.
type Figure struct{ Name, Value, Unit, Meaning string }

// A Setting is one line of the configuration.
type Setting struct{ Key, Value string }

// A Curve is one plot.
type Curve struct {
	Name, XLabel, YLabel string
	Series               []Series
}

// A Series is one line of a plot.
type Series struct {
	Name string
	X, Y []float64
}

// Bit is the use of one bit: its mean activation and its variable's divergence from the prior in nats.
type Bit struct {
	Mean, KL float64
	Active   bool
}

//go:embed report.html
var pageText string

var page = template.Must(template.New("report").Parse(pageText))

// Write writes the report. A picture of another size than the rows is an error.
func Write(w io.Writer, d Data) error {
	v := view{Data: d}
	for _, c := range d.Curves {
		svg, err := c.svg()
		if err != nil {
			return fmt.Errorf("report: plot %q: %w", c.Name, err)
		}
		if svg != "" {
			v.Plots = append(v.Plots, plotView{c.Name, svg})
		}
	}
	var err error
	if v.Pairs, err = picture(pairs(d.Originals, d.Reconstructions, pairColumns), d.Shape, pairColumns); err != nil {
		return fmt.Errorf("report: reconstructions: %w", err)
	}
	if v.SampleSheet, err = picture(d.Samples, d.Shape, pairColumns); err != nil {
		return fmt.Errorf("report: samples: %w", err)
	}
	if len(d.Bits) > 0 {
		if v.BitPlot, err = bitPlot(d.Bits); err != nil {
			return fmt.Errorf("report: bits: %w", err)
		}
		for _, b := range d.Bits {
			switch {
			case b.Active:
				v.Active++
			case b.Mean < 0.01 || b.Mean > 0.99:
				v.Stuck++
			default:
				v.Idle++
			}
		}
	}
	var buf bytes.Buffer // whole or not at all
	if err := page.Execute(&buf, v); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = w.Write(buf.Bytes())
	return err
}

type view struct {
	Data
	Plots               []plotView
	Pairs, SampleSheet  template.URL
	BitPlot             template.HTML
	Active, Stuck, Idle int
}

type plotView struct {
	Name string
	SVG  template.HTML
}

// pairColumns is the number of images in a line.
const pairColumns = 16

// pairs lays originals and reconstructions out in alternating lines of a sheet.
func pairs(a, b [][]float32, columns int) [][]float32 {
	n := min(len(a), len(b))
	n -= n % min(columns, max(n, 1)) // whole lines, or one short one
	var out [][]float32
	for from := 0; from < n; from += columns {
		to := min(n, from+columns)
		out = slices.Concat(out, a[from:to], b[from:to])
	}
	return out
}

// picture returns a sheet of images as a PNG inside a data address.
func picture(images [][]float32, shape []int, columns int) (template.URL, error) {
	if len(images) == 0 {
		return "", nil
	}
	height, width := imgrid.Dims(shape)
	var buf bytes.Buffer
	if err := (imgrid.Grid{Columns: columns, Scale: 2, Gap: 3}).WritePNG(&buf, images, height, width); err != nil {
		return "", err
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(buf.Bytes())), nil
}
