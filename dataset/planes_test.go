package dataset_test

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
)

// colours writes an array of 5 rows with the numbers 0, 1, 2 …, and returns its path.
func colours(t *testing.T, dtype string, shape ...int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.npy")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := dataset.NewNPYWriter(f, dtype, append([]int{5}, shape...)...)
	if err != nil {
		t.Fatal(err)
	}
	n := 5
	for _, d := range shape {
		n *= d
	}
	bytes, floats := make([]byte, n), make([]float32, n)
	for i := range n {
		bytes[i], floats[i] = byte(i), float32(byte(i))/255
	}
	if dtype == "uint8" {
		err = w.WriteBytes(bytes)
	} else {
		err = w.WriteFloats(floats)
	}
	for _, err := range []error{err, w.Close(), f.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// Colours that lie next to each other become planes, by every way to read.
func TestPlanes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dtype string
		shape []int
		o     dataset.Options
		want  []int
	}{
		"auto":                    {"uint8", []int{2, 4, 3}, dataset.Options{Layout: dataset.LayoutAuto}, []int{3, 2, 4}},
		"auto, one channel":       {"uint8", []int{2, 4, 1}, dataset.Options{Layout: dataset.LayoutAuto}, []int{2, 4}},
		"auto, planes":            {"uint8", []int{3, 2, 4}, dataset.Options{Layout: dataset.LayoutAuto}, []int{3, 2, 4}},
		"auto, floats":            {"float32", []int{2, 4, 3}, dataset.Options{Layout: dataset.LayoutAuto}, []int{2, 4, 3}},
		"auto, four channels":     {"uint8", []int{2, 2, 4}, dataset.Options{Layout: dataset.LayoutAuto}, []int{2, 2, 4}},
		"auto, flat":              {"uint8", []int{24}, dataset.Options{Layout: dataset.LayoutAuto}, []int{24}},
		"left out":                {"uint8", []int{2, 4, 3}, dataset.Options{}, []int{2, 4, 3}},
		"first":                   {"uint8", []int{3, 4, 3}, dataset.Options{Layout: dataset.LayoutFirst}, []int{3, 4, 3}},
		"last":                    {"float32", []int{3, 4, 3}, dataset.Options{Layout: dataset.LayoutLast}, []int{3, 3, 4}},
		"a model's":               {"uint8", []int{2, 4, 3}, dataset.Options{Shape: []int{3, 2, 4}}, []int{3, 2, 4}},
		"a model's, floats":       {"float32", []int{2, 4, 3}, dataset.Options{Shape: []int{3, 2, 4}}, []int{3, 2, 4}},
		"a model's, planes":       {"uint8", []int{3, 2, 4}, dataset.Options{Shape: []int{3, 2, 4}}, []int{3, 2, 4}},
		"a model's, either":       {"uint8", []int{3, 3, 3}, dataset.Options{Shape: []int{3, 3, 3}}, []int{3, 3, 3}},
		"a model's, another size": {"uint8", []int{4, 2, 3}, dataset.Options{Shape: []int{3, 2, 4}}, []int{4, 2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := colours(t, c.dtype, c.shape...)
			plain, err := dataset.Load(t.Context(), path, dataset.Options{})
			if err != nil {
				t.Fatal(err)
			}
			set, err := dataset.Load(t.Context(), path, c.o)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(set.Shape, c.want) || set.Len() != plain.Len() {
				t.Fatalf("the shape is %v, want %v", set.Shape, c.want)
			}
			size := set.RowSize()
			was, row := make([]float32, size), make([]float32, size)
			all := make([]float32, 0, 5*size)
			turned := len(c.want) == 3 && !slices.Equal(c.want, c.shape)
			for i := range set.Len() {
				plain.Row(i, was)
				set.Row(i, row)
				for j, x := range was {
					to := j
					if turned {
						to = j%3*(size/3) + j/3
					}
					if row[to] != x {
						t.Fatalf("row %d, value %d is %g, want %g", i, to, row[to], x)
					}
				}
				all = append(all, row...)
			}
			r, err := dataset.Open(t.Context(), path, c.o)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got := make([]float32, 5*size)
			for at := 0; ; {
				n, decode, err := r.Floats(got[at : at+min(2*size, len(got)-at)])
				if n == 0 {
					if err != io.EOF && at < len(got) {
						t.Fatal(err)
					}
					break
				}
				if decode != nil {
					if bad, err := decode(); len(bad) > 0 || err != nil {
						t.Fatal(bad, err)
					}
				}
				if at += n * size; at == len(got) {
					break
				}
			}
			if !slices.Equal(got, all) {
				t.Error("batches have other rows")
			}
		})
	}
	_, err := dataset.Load(t.Context(), colours(t, "uint8", 3, 4, 3), dataset.Options{Layout: dataset.LayoutAuto})
	if err == nil || !strings.Contains(err.Error(), "set data.layout to channels_first or channels_last") {
		t.Errorf("colours first or last: %v", err)
	}
	if _, err := dataset.Load(t.Context(), "glyphs", dataset.Options{Layout: "rgb"}); err == nil || !strings.Contains(err.Error(), "use auto, channels_first or channels_last") {
		t.Errorf("another layout: %v", err)
	}
}

// Pictures without colours, read in colours, become what they are in grey; one with a colour keeps all in colours.
func TestGrey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 4 {
		img := image.NewNRGBA(image.Rect(0, 0, 5+i, 6))
		for y := range 6 {
			for x := range 5 + i {
				img.Set(x, y, color.NRGBA{uint8(40 * x), uint8(40 * x), uint8(40 * x), uint8(50 * y)})
			}
		}
		writePNG(t, filepath.Join(dir, fmt.Sprintf("%d.png", i)), img)
	}
	rule := dataset.Image{Height: 4, Width: 3, Resize: "bilinear", Fit: "fit", Background: "90"}
	grey, err := dataset.Load(t.Context(), dir, dataset.Options{Image: &rule})
	if err != nil {
		t.Fatal(err)
	}
	rgb := rule
	rgb.Color = "rgb"
	set, err := dataset.Load(t.Context(), dir, dataset.Options{Image: &rgb})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(set.Shape) != "[3 4 3]" {
		t.Errorf("the shape is %v", set.Shape)
	}
	now, ok := set.Grey()
	if !ok || now.Fingerprint() != grey.Fingerprint() {
		t.Errorf("grey pictures in colours are grey: %t, with other rows", ok)
	}
	tinted := image.NewNRGBA(image.Rect(0, 0, 3, 4))
	tinted.Set(1, 2, color.NRGBA{9, 9, 10, 255})
	writePNG(t, filepath.Join(dir, "9.png"), tinted)
	if set, err = dataset.Load(t.Context(), dir, dataset.Options{Image: &rgb}); err != nil {
		t.Fatal(err)
	}
	if same, ok := set.Grey(); ok || same != set {
		t.Error("a picture in colours is grey")
	}
}

func writePNG(t *testing.T, path string, img image.Image) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{png.Encode(f, img), f.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
}
