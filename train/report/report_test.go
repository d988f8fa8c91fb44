package report_test

import (
	"bytes"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/catvae/catvae/train/report"
)

func full() report.Data {
	image := make([]float32, 12)
	for i := range image {
		image[i] = float32(i) / 12
	}
	images := [][]float32{image, image, image}
	return report.Data{
		Title: "A run <of> tests", Notes: []string{"one & two"}, Shape: []int{3, 4},
		Figures:   []report.Figure{{Name: "-ELBO", Value: "12.34", Unit: "nats", Meaning: "lower is better"}},
		Curves:    []report.Curve{{Name: "loss", XLabel: "step", YLabel: "nats", Series: []report.Series{{Name: "loss", X: []float64{1, 2, 3}, Y: []float64{3, 2, 1}}}}},
		Originals: images, Reconstructions: images, Samples: images,
		Bits:    []report.Bit{{Mean: 0.5, KL: 0.3, Active: true, Ones: 0.5, Entropy: 1, Like: -1}, {Mean: 1, KL: 0.7, Ones: 1, Like: -1}, {Mean: 0.4, Ones: 0.5, Entropy: 1}},
		CodeUse: "2 distinct codes", Warnings: []string{"few <codes>"},
		Settings: []report.Setting{{Key: "latent.variables", Value: "3"}}, Commands: []string{"catvae inspect run"},
	}
}

// The page holds everything in itself, and escapes what it is given.
func TestWrite(t *testing.T) {
	var buf bytes.Buffer
	if err := report.Write(&buf, full()); err != nil {
		t.Fatal(err)
	}
	page := buf.String()
	for _, want := range []string{"A run &lt;of&gt; tests", "one &amp; two", "12.34", "<svg", "data:image/png;base64,", "2 distinct codes", ">dead<", "as bit 0", "Warning:</b> few &lt;codes&gt;", "latent.variables", "catvae inspect run"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, address := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(address[1], "data:") && !strings.HasPrefix(address[1], "#") {
			t.Errorf("the page refers to %q", address[1])
		}
	}
}

// Nothing to show, one point, and numbers that cannot be drawn are no reason to fail.
func TestEdges(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, spoil := range map[string]func(d *report.Data){
		"nothing": func(d *report.Data) { *d = report.Data{} },
		"one point": func(d *report.Data) {
			d.Curves[0].Series[0] = report.Series{Name: "x", X: []float64{1}, Y: []float64{2}}
		},
		"no points":   func(d *report.Data) { d.Curves[0].Series[0] = report.Series{Name: "x"} },
		"one height":  func(d *report.Data) { d.Curves[0].Series[0].Y = []float64{5, 5, 5} },
		"NaN":         func(d *report.Data) { d.Curves[0].Series[0].Y = []float64{nan, 1, inf} },
		"only NaN":    func(d *report.Data) { d.Curves[0].Series[0].Y = []float64{nan, nan, nan} },
		"bits of NaN": func(d *report.Data) { d.Bits = []report.Bit{{Mean: nan, KL: inf, Ones: nan, Entropy: nan}} },
		"columns of NaN": func(d *report.Data) {
			d.Columns, d.ColumnCount = []report.Column{{Name: "a", Mean: nan, Deviation: inf, Kept: nan}}, 1
			d.Profiles = []report.Profile{{Name: "row 0", Columns: []string{"a"}, Row: []float64{nan}, Reconstruction: []float64{inf}}}
		},
		"no images":    func(d *report.Data) { d.Originals, d.Reconstructions, d.Samples = nil, nil, nil },
		"flat rows":    func(d *report.Data) { d.Shape = []int{12} },
		"huge numbers": func(d *report.Data) { d.Curves[0].Series[0].Y = []float64{-1e300, 0, 1e300} },
	} {
		d := full()
		spoil(&d)
		if err := report.Write(&bytes.Buffer{}, d); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := full()
	d.Shape = []int{5, 5}
	if err := report.Write(&bytes.Buffer{}, d); err == nil {
		t.Error("images of another size are taken")
	}
}
