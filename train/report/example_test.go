package report_test

import (
	"bytes"
	"fmt"

	"github.com/catvae/catvae/train/report"
)

// A page with a figure and a curve, whole in itself.
func ExampleWrite() {
	var page bytes.Buffer
	err := report.Write(&page, report.Data{
		Title:   "Training run glyphs",
		Figures: []report.Figure{{Name: "-ELBO", Value: "95.71", Unit: "nats a row", Meaning: "Lower is better."}},
		Curves:  []report.Curve{{Name: "loss", XLabel: "step", YLabel: "nats a row", Series: []report.Series{{Name: "loss", X: []float64{1, 2, 3}, Y: []float64{300, 200, 150}}}}},
	})
	fmt.Println(err, bytes.Contains(page.Bytes(), []byte("95.71")), bytes.Contains(page.Bytes(), []byte("<svg")) || bytes.Contains(page.Bytes(), []byte("data:image")))
	// Output: <nil> true true
}
