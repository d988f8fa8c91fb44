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
	"math"
	"slices"

	"github.com/catvae/catvae/internal/imgrid"
)

// Data is what a report shows. Empty parts are left out.
type Data struct {
	Title    string
	Figures  []Figure // the results, first
	Warnings []string // shown before everything else
	Notes    []string
	Curves   []Curve

	Shape                      []int       // of one row, for the pictures
	Black, White               float32     // values of rows that are pictures; both 0 mean 0 and 1
	Originals, Reconstructions [][]float32 // pairs; reconstructions from hard codes
	Samples                    [][]float32 // decoded from codes drawn from the prior
	Predicted                  bool        // reconstructions are of a part of a row that is predicted from the rest; pictures have both

	// Of rows that are not pictures: the columns that vary most, of ColumnCount, measured on ColumnRows rows; which columns go
	// with a bit; rows with their reconstructions; and what lies above a column's mean in samples.
	Columns                 []Column
	ColumnCount, ColumnRows int
	BitColumns              []BitColumns
	Profiles                []Profile
	SampleColumns           [][]Value

	Retrieval *Table // what the codes find, beside rivals; nil where it was not measured
	Bits      []Bit
	CodeUse   string // the use of the hard codes in a line
	Settings  []Setting
	Commands  []string // what to do next
}

// A Figure is one number with its unit and what it means.
type Figure struct{ Name, Value, Unit, Meaning string }

// A Table is text in rows and columns. The first cell of a row is its name.
type Table struct {
	Notes []string // above it
	Head  []string
	Rows  [][]string
}

// A Setting is one line of the configuration.
type Setting struct{ Key, Value string }

// A Column is one column of the rows: its mean and deviation, and the part of its variance that is left in the reconstructions,
// 1 for all of it, below 0 where they are worse than the mean; NaN where the column never varies.
type Column struct {
	Name                  string
	Mean, Deviation, Kept float64
}

// KeptText is Kept for people.
func (c Column) KeptText() string {
	if math.IsNaN(c.Kept) {
		return "never varies"
	}
	return fmt.Sprintf("%.0f %%", 100*c.Kept)
}

// A Value is a column with a number.
type Value struct {
	Name  string
	Value float64
}

// BitColumns are the columns that go with a bit: by how much their means are larger, or smaller, in the Share of rows that have
// it.
type BitColumns struct {
	Bit        int
	Share      float64
	More, Less []Value
}

// A Profile is a row with its reconstruction: over some columns, and by the columns in which each lies most above the mean.
type Profile struct {
	Name                string
	Columns             []string
	Row, Reconstruction []float64
	Most, MostDecoded   []Value
}

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

// Bit is the use of one bit: the mean of its posterior and its variable's divergence from the prior in nats; and of the hard
// bit, the share of rows in which it is set, its entropy in bits, and the earlier bit that it repeats, if that is not below 0.
type Bit struct {
	Mean, KL      float64
	Active        bool
	Ones, Entropy float64
	Like          int
}

//go:embed report.html
var pageText string

//go:embed style.html
var styleText string // of every page

var page = template.Must(template.New("report").Parse(pageText + styleText))

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
	if v.Pairs, err = d.picture(pairs(d.Originals, d.Reconstructions, pairColumns)); err != nil {
		return fmt.Errorf("report: reconstructions: %w", err)
	}
	if v.SampleSheet, err = d.picture(d.Samples); err != nil {
		return fmt.Errorf("report: samples: %w", err)
	}
	for _, p := range d.Profiles {
		svg, err := p.svg()
		if err != nil {
			return fmt.Errorf("report: profile %q: %w", p.Name, err)
		}
		v.ProfilePlots = append(v.ProfilePlots, plotView{p.Name, svg})
	}
	if len(d.Bits) > 0 {
		if v.BitPlot, err = bitPlot(d.Bits); err != nil {
			return fmt.Errorf("report: bits: %w", err)
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
	Plots, ProfilePlots []plotView
	Pairs, SampleSheet  template.URL
	BitPlot             template.HTML
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
func (d Data) picture(images [][]float32) (template.URL, error) {
	if len(images) == 0 {
		return "", nil
	}
	format := imgrid.Of(d.Shape)
	format.Black, format.White = d.Black, d.White
	var buf bytes.Buffer
	if err := (imgrid.Grid{Columns: pairColumns, Scale: 2, Gap: 3}).WritePNG(&buf, images, format); err != nil {
		return "", err
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(buf.Bytes())), nil
}
