package train_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
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

// Without data.resize nothing is stretched, and the manifest says so; "none" is another way to leave the key out.
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
	if in := b.Manifest.Input; fmt.Sprint(in.Shape) != "[9 12]" || in.Image == nil || *in.Image != (bundle.Image{Resize: "none", Background: "white", Orientation: "exif"}) || strings.Contains(string(b.Manifest.Model), "resize") {
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
		"": "0x0  white exif  ", "data.image_size=[]": "0x0  white exif  ", "data.resize=none data.background=#102030": "0x0  #102030 exif  ",
		"data.image_size=28x30": "28x30 none white exif  ",
		"data.image_size=[28,30] data.resize=nearest data.background= data.orientation=none": "28x30 nearest  none  ",
		"data.image_size=28x30 data.fit=fill data.color=auto":                                "28x30 bilinear white exif fill rgb",
		"data.image_size=28x30 data.fit=fit data.color=grey data.resize=nearest":             "28x30 nearest white exif fit grey",
	} {
		c := config(t, strings.Fields(text)...)
		i := c.Data.Image()
		if got := fmt.Sprintf("%dx%d %s %s %s %s %s", i.Height, i.Width, i.Resize, i.Background, i.Orientation, i.Fit, i.Color); got != want || c.Validate() != nil {
			t.Errorf("%q: %s, %v, want %s", text, got, c.Validate(), want)
		}
	}
	for text, reason := range map[string]string{
		"data.image_size=28":                                 "data.image_size is [28]: use height and width",
		"data.image_size=28x28x3":                            "data.image_size",
		"data.image_size=0x28":                               "data.image_size",
		"data.image_size=5000x1":                             "from 1, up to 4096",
		"data.resize=bilinear":                               "set data.image_size",
		"data.background=256":                                "background is \"256\": use black, white",
		"data.background=#12345":                             "use black, white",
		"data.orientation=up":                                "data.orientation is \"up\": use none, exif",
		"data.fit=fit":                                       "data.fit is fit, but no size to fit is given: set data.image_size",
		"data.fit=fill data.image_size=8x8 data.resize=none": "data.fit is fill and data.resize none: set data.resize=bilinear",
		"data.fit=crop data.image_size=8x8":                  "data.fit is \"crop\": use stretch, fit, fill",
		"data.color=blue":                                    "data.color is \"blue\": use auto, grey, rgb",
		"data.layout=rgb":                                    "data.layout is \"rgb\": use auto, channels_first, channels_last",
		"data.image_size=8x8 data.resize=lanczos":            "use none, nearest, bilinear, catmull-rom",
	} {
		if err := config(t, strings.Fields(text)...).Validate(); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// transparent writes pictures of black ink on nothing, each turned by its EXIF entry, and one file that is no picture.
func transparent(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		img := image.NewNRGBA(image.Rect(0, 0, 12, 9))
		for x := range 12 {
			img.Set(x, i%9, color.NRGBA{A: 255})
			img.Set(i%12, x%9, color.NRGBA{R: uint8(20 * x), A: 200})
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		entry := append([]byte("\x00\x00\x00\x1aeXIf"), "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x03\x00\x00\x00\x00\x00\x00"...)
		entry = binary.BigEndian.AppendUint32(entry, crc32.ChecksumIEEE(entry[4:]))
		file := slices.Insert(b.Bytes(), 33, entry...) // after IHDR
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.png", i)), file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"notes.txt", "._000.png"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A run that began before pictures had rules is resumed by its own: on black, as the pixels lie. A new run of the same pictures has
// other rows, by the catalogue's rules. Neither is mistaken for the other.
func TestRunsKeepTheirPictureRules(t *testing.T) {
	backend, source := ortest.Backend(t), transparent(t, 60)
	train1 := func(c train.Config, out string, resume bool) (train.Result, string, error) {
		var log strings.Builder
		r, err := train.Run(context.Background(), c, train.Options{Source: source, Out: out, Backend: backend, Samples: 2, Resume: resume, Log: func(line string) { log.WriteString(line + "\n") }})
		return r, log.String(), err
	}
	old, out := config(t, "epochs=1", "batch=10", "data.validation=20", "data.background=", "data.orientation="), filepath.Join(t.TempDir(), "old")
	if _, log, err := train1(old, out, false); err != nil || !strings.Contains(log, "1 file of a kind that is not read as a picture, notes.txt; 1 hidden file or folder, ._000.png") {
		t.Fatal(log, err)
	}
	// As an older version wrote it: without the keys, and without what such a run's manifest has now.
	path := filepath.Join(out, train.ConfigFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(text, &keys); err != nil {
		t.Fatal(err)
	}
	data := keys["data"].(map[string]any)
	if data["background"] != "black" || data["orientation"] != "none" {
		t.Errorf("a run's rules are %v", data)
	}
	delete(data, "background")
	delete(data, "orientation")
	delete(keys, "sha256")
	if text, err = json.Marshal(keys); err == nil {
		err = os.WriteFile(path, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	now := config(t, "epochs=2", "batch=10", "data.validation=20") // the catalogue's
	if r, _, err := train1(now, out, true); err != nil || r.ResumedAt != 4 || r.Steps != 8 {
		t.Errorf("an old run is resumed: %+v, %v", r, err)
	}
	fresh := filepath.Join(t.TempDir(), "new")
	now.Epochs = 1
	if _, _, err := train1(now, fresh, false); err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open(filepath.Join(fresh, train.BundleDir))
	if err != nil || b.Manifest.Input.Image == nil || b.Manifest.Input.Image.Background != "white" {
		t.Errorf("a new run's input is %+v, %v", b.Manifest.Input, err)
	}
	now.Epochs, now.Data.Background = 2, "90"
	if _, _, err := train1(now, fresh, true); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), "data.background") {
		t.Errorf("resumed on another background: %v", err)
	}
}

// Pictures in colours become rows of planes where one of them has a colour, and the bundle says so.
func TestColours(t *testing.T) {
	t.Parallel()
	backend, source := ortest.Backend(t), pictures(t, 60)
	run := func(source, out string, set ...string) (bundle.Input, train.Config, error) {
		c := config(t, append([]string{"epochs=1", "batch=10", "data.validation=20", "data.color=auto"}, set...)...)
		if _, err := train.Run(context.Background(), c, train.Options{Source: source, Out: out, Backend: backend, Samples: 2}); err != nil {
			return bundle.Input{}, c, err
		}
		b, err := bundle.Open(filepath.Join(out, train.BundleDir))
		if err != nil {
			t.Fatal(err)
		}
		c, err = train.RunConfig(out)
		if err != nil {
			t.Fatal(err)
		}
		return b.Manifest.Input, c, nil
	}
	dir := t.TempDir()
	in, c, err := run(source, filepath.Join(dir, "grey"))
	if err != nil || fmt.Sprint(in.Shape) != "[9 12]" || *in.Image != (bundle.Image{Resize: "none", Background: "white", Orientation: "exif"}) || c.Data.Color != "grey" {
		t.Errorf("grey pictures: %+v, %+v, %v", in, c.Data, err)
	}
	img := image.NewNRGBA(image.Rect(0, 0, 7, 9))
	img.Set(3, 3, color.NRGBA{R: 255, A: 255})
	f, err := os.Create(filepath.Join(source, "red.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(f, img), f.Close()); err != nil {
		t.Fatal(err)
	}
	in, c, err = run(source, filepath.Join(dir, "rgb"), "data.image_size=6x8", "data.fit=fit")
	if err != nil || fmt.Sprint(in.Shape) != "[3 6 8]" || *in.Image != (bundle.Image{Resize: "fit-bilinear", Color: "rgb", Background: "white", Orientation: "exif"}) || c.Data.Color != "rgb" {
		t.Errorf("pictures in colours: %+v, %+v, %v", in, c.Data, err)
	}
	if _, _, err := run("glyphs", filepath.Join(dir, "glyphs"), "data.color=rgb"); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), "data.color is rgb, and the rows of glyphs have the shape [28 28]") {
		t.Errorf("glyphs in colours: %v", err)
	}
}
