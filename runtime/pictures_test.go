package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"log"
	"os"
	"path/filepath"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/purego"
)

// withImage opens the example's bundle with another rule for pictures in its manifest.
func withImage(t *testing.T, dir string, rule *bundle.Image) *runtime.Model {
	t.Helper()
	b, err := bundle.Open(filepath.Join(dir, "bundle"))
	if err != nil {
		t.Fatal(err)
	}
	b.Manifest.Input.Image = rule
	text, err := b.Manifest.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bundle", bundle.ManifestFile), text, 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := runtime.Open(t.Context(), filepath.Join(dir, "bundle"), runtime.WithBackend(purego.New()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// A manifest without rules for pictures means what it always meant: on black, as the pixels lie, of one size. The same rules by their
// names give the same codes, others give other ones.
func TestOldManifestsReadPicturesAsEver(t *testing.T) {
	t.Parallel()
	dir := exampleBundle()
	t.Cleanup(func() { os.RemoveAll(dir) })
	img := image.NewNRGBA(image.Rect(0, 0, 28, 28))
	for i := range 28 * 20 {
		img.Set(i%28, i/28, color.NRGBA{uint8(i), uint8(3 * i), uint8(7 * i), uint8(11 * i)})
	}
	var file bytes.Buffer
	if err := png.Encode(&file, img); err != nil {
		t.Fatal(err)
	}
	row := image.NewGray(img.Rect)
	draw.Draw(row, row.Rect, img, image.Point{}, draw.Src) // as rows have always been made

	old := withImage(t, dir, nil)
	want, err := old.EncodeBytes(t.Context(), nil, row.Pix)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range []*bundle.Image{nil, {Resize: "none"}, {Resize: "none", Background: "black", Orientation: "none"}} {
		m := withImage(t, dir, rule)
		got, err := m.EncodePicture(t.Context(), nil, file.Bytes())
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%+v: %x, %v, want %x", rule, got, err, want)
		}
		if got, err = m.EncodeImage(t.Context(), got[:0], img); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%+v, in memory: %x, %v, want %x", rule, got, err, want)
		}
	}
	m := withImage(t, dir, &bundle.Image{Resize: "none", Background: "white", Orientation: "exif"})
	if got, err := m.EncodePicture(t.Context(), nil, file.Bytes()); err != nil || bytes.Equal(got, want) {
		t.Errorf("on white: %x, %v, as on black", got, err)
	}
	small := image.NewGray(image.Rect(0, 0, 9, 9))
	if _, err := m.EncodeImage(t.Context(), nil, small); !errors.Is(err, runtime.ErrInput) {
		t.Errorf("another size: %v", err)
	}
	if _, err := m.EncodePicture(t.Context(), nil, []byte("no picture")); !errors.Is(err, runtime.ErrInput) {
		t.Errorf("no picture: %v", err)
	}
	for _, bad := range []bundle.Image{{Resize: "none", Background: "256"}, {Resize: "none", Background: "#12"}, {Resize: "none", Background: "pink"}, {Resize: "none", Orientation: "up"}} {
		in := m.Manifest().Input
		in.Image = &bad
		b := *m.Manifest()
		b.Input = in
		if err := b.Validate(); !errors.Is(err, bundle.ErrFormat) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// A service has a picture in memory, or the bytes of its file: nothing is written, and no preprocessing is repeated by hand.
func ExampleModel_EncodePicture() {
	dir := exampleBundle()
	defer os.RemoveAll(dir)
	ctx := context.Background()
	model, err := runtime.Open(ctx, filepath.Join(dir, "bundle"), runtime.WithBackend(purego.New()))
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()

	img := image.NewGray(image.Rect(0, 0, 28, 28))
	var upload bytes.Buffer
	if err := png.Encode(&upload, img); err != nil {
		log.Fatal(err)
	}
	ofFile, err := model.EncodePicture(ctx, nil, upload.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	ofImage, err := model.EncodeImage(ctx, nil, img)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(ofFile), "bytes,", bytes.Equal(ofFile, ofImage))

	rule, err := model.Pictures() // for the row itself
	fmt.Println(rule.Height, rule.Width, rule.Resize, err)
	// Output:
	// 3 bytes, true
	// 28 28 none <nil>
}
