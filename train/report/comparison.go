package report

import (
	"bytes"
	_ "embed" // for the page
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"

	"github.com/catvae/catvae/internal/imgrid"
)

// A Comparison is a page that shows runs side by side.
type Comparison struct {
	Title  string
	Runs   []ComparedRun
	Curves []Curve // a series for each run

	Retrieval *Table // what the codes find; nil where no run measured it

	Shape        []int // of one row, for the pictures
	Black, White float32
	Rows         [][]float32 // of which each run has reconstructions
}

// A ComparedRun is a column of the comparison.
type ComparedRun struct {
	Name            string
	Steps           int
	Seconds         float64
	HeldOut, Test   *Bounds           // nil where there are none yet
	Settings        map[string]string // of the keys in which the runs differ
	Reconstructions [][]float32       // from hard codes; nil where the run has no bundle
	Note            string
}

// Bounds are figures of a model on rows, in nats a row; of its hard codes in bits.
type Bounds struct {
	ELBO, IWAE, Reconstruction, KL float64 // bounds with their sign turned: lower is better
	Samples                        int     // of the IWAE bound
	Dead, Duplicate                int
	Entropy                        float64
}

//go:embed comparison.html
var comparisonText string

var comparisonPage = template.Must(template.New("comparison").Parse(comparisonText + styleText))

// Write writes the page: one HTML file that needs nothing else.
func (c Comparison) Write(w io.Writer) error {
	v := comparisonView{Comparison: c}
	keys := map[string]bool{}
	for _, r := range c.Runs {
		for key := range r.Settings {
			keys[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		row := settingRow{Key: key}
		for _, r := range c.Runs {
			row.Values = append(row.Values, r.Settings[key])
		}
		v.Settings = append(v.Settings, row)
	}
	for _, curve := range c.Curves {
		svg, err := curve.svg()
		if err != nil {
			return fmt.Errorf("report: plot %q: %w", curve.Name, err)
		}
		if svg != "" {
			v.Plots = append(v.Plots, plotView{curve.Name, svg})
		}
	}
	if len(c.Rows) > 0 && imgrid.Pictures(c.Shape) {
		d := Data{Shape: c.Shape, Black: c.Black, White: c.White}
		sheet, err := d.picture(c.Rows)
		if err != nil {
			return fmt.Errorf("report: rows: %w", err)
		}
		v.Sheets = append(v.Sheets, sheetView{"The rows.", sheet})
		for _, r := range c.Runs {
			if sheet, err = d.picture(r.Reconstructions); err != nil {
				return fmt.Errorf("report: reconstructions of %s: %w", r.Name, err)
			}
			v.Sheets = append(v.Sheets, sheetView{r.Name, sheet})
		}
	}
	var page bytes.Buffer // whole or not at all
	if err := comparisonPage.Execute(&page, v); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err := w.Write(page.Bytes())
	return err
}

type comparisonView struct {
	Comparison
	Settings []settingRow
	Plots    []plotView
	Sheets   []sheetView
}

// A settingRow is a key with the value of each run, "" where a run has no such key.
type settingRow struct {
	Key    string
	Values []string
}

type sheetView struct {
	Name    string
	Picture template.URL // "" for none
}
