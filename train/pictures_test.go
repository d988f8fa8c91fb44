package train_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
)

// pictures writes grey pictures of 9x12 pixels (height x width), each with a bright bar, and returns their folder.
func pictures(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		img := image.NewGray(image.Rect(0, 0, 12, 9))
		for y := range 9 {
			img.SetGray(i%12, y, color.Gray{Y: 255})
		}
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%03d.png", i)))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(png.Encode(f, img), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A model trained on pictures says in its bundle how others are made to fit; a run of pictures is resumed like any other.
func TestPictures(t *testing.T) {
	backend, source, out := ortest.Backend(t), pictures(t, 60), filepath.Join(t.TempDir(), "run")
	c := config(t, "epochs=1", "batch=10", "data.validation=20", "data.image_size=6x8", "data.resize=bilinear")
	if _, err := train.Run(context.Background(), c, train.Options{Source: source, Out: out, Backend: backend, Samples: 2}); err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open(filepath.Join(out, train.BundleDir))
	if err != nil {
		t.Fatal(err)
	}
	if in := b.Manifest.Input; fmt.Sprint(in.Shape) != "[6 8]" || in.Image == nil || in.Image.Resize != "bilinear" {
		t.Errorf("the manifest's input is %+v", in)
	}
	c.Epochs = 2
	r, err := train.Run(context.Background(), c, train.Options{Source: source, Out: out, Backend: backend, Samples: 2, Resume: true})
	if err != nil || r.ResumedAt != 4 || r.Steps != 8 {
		t.Errorf("resumed: %+v, %v", r, err)
	}
	c.Data.Resize = "nearest"
	if _, err := train.Run(context.Background(), c, train.Options{Source: source, Out: out, Backend: backend, Resume: true}); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), "data.resize") {
		t.Errorf("resumed with another data.resize: %v", err)
	}
}

// Without data.resize nothing is stretched and the manifest is as it always was; "none" is another way to leave the key out.
func TestPicturesOfOneSize(t *testing.T) {
	backend, source, out := ortest.Backend(t), pictures(t, 60), filepath.Join(t.TempDir(), "run")
	c := config(t, "epochs=1", "batch=10", "data.validation=20")
	if _, err := train.Run(context.Background(), c, train.Options{Source: source, Out: out, Backend: backend, Samples: 2}); err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open(filepath.Join(out, train.BundleDir))
	if err != nil {
		t.Fatal(err)
	}
	if in := b.Manifest.Input; fmt.Sprint(in.Shape) != "[9 12]" || in.Image != nil || strings.Contains(string(b.Manifest.Model), "resize") {
		t.Errorf("the manifest's input is %+v, its model %s", in, b.Manifest.Model)
	}
	c.Epochs, c.Data.Resize = 2, "none"
	if r, err := train.Run(context.Background(), c, train.Options{Source: source, Out: out, Backend: backend, Samples: 2, Resume: true}); err != nil || r.ResumedAt != 4 {
		t.Errorf("resumed: %+v, %v", r, err)
	}
	c = config(t, "epochs=1", "batch=10", "data.validation=20", "data.image_size=6,8")
	if _, err := train.Run(context.Background(), c, train.Options{Source: source, Out: out, Backend: backend, Force: true}); !errors.Is(err, dataset.ErrData) {
		t.Errorf("pictures of another size: %v", err)
	}
	if _, err := train.Run(context.Background(), c, train.Options{Source: "glyphs", Out: out, Backend: backend, Force: true}); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), "data.image_size") {
		t.Errorf("glyphs of another size: %v", err)
	}
}

func TestImageKeys(t *testing.T) {
	for text, want := range map[string]string{
		"": "<nil>", "data.image_size=[]": "<nil>", "data.resize=none": "<nil>",
		"data.image_size=28x30":                       "&{28 30 none}",
		"data.image_size=[28,30] data.resize=nearest": "&{28 30 nearest}",
	} {
		c := config(t, strings.Fields(text)...)
		if got := fmt.Sprint(c.Data.Image()); got != want || c.Validate() != nil {
			t.Errorf("%q: %s, %v, want %s", text, got, c.Validate(), want)
		}
	}
	for text, reason := range map[string]string{
		"data.image_size=28":                      "data.image_size is [28]: use height and width",
		"data.image_size=28x28x3":                 "data.image_size",
		"data.image_size=0x28":                    "data.image_size",
		"data.image_size=5000x1":                  "from 1, up to 4096",
		"data.resize=bilinear":                    "set data.image_size",
		"data.image_size=8x8 data.resize=lanczos": "use none, nearest, bilinear, catmull-rom",
	} {
		if err := config(t, strings.Fields(text)...).Validate(); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
