package dataset_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/catvae/catvae/dataset"
)

// plain is a picture of one colour, of any size and model, which takes no memory.
type plain struct {
	model         color.Model
	height, width int
}

func (p plain) ColorModel() color.Model { return p.model }
func (p plain) Bounds() image.Rectangle { return image.Rect(0, 0, p.width, p.height) }
func (p plain) At(int, int) color.Color { return p.model.Convert(color.Gray{Y: 9}) }

// Small files that decode to very large pictures take no more memory than the budget, however many decode them: what needs more
// is a bad row, and says so.
func TestPictureBombs(t *testing.T) {
	if !isChild(t) {
		t.Parallel()
		dir := t.TempDir()
		put := func(name string, encode func(b *bytes.Buffer) error) {
			var b bytes.Buffer
			if err := errors.Join(encode(&b), os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		bomb := func(model color.Model, side int) func(b *bytes.Buffer) error {
			return func(b *bytes.Buffer) error {
				return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(b, plain{model, side, side})
			}
		}
		put("0.png", bomb(color.NRGBA64Model, 4096)) // 151 MB with what becomes of it
		put("4.jpg", func(b *bytes.Buffer) error { return jpeg.Encode(b, image.NewGray(image.Rect(0, 0, 3000, 3000)), nil) })
		put("5.png", bomb(color.GrayModel, 20))
		put("1.png", bomb(color.GrayModel, 4096)) // 34 MB each: not all at once
		for _, name := range []string{"2.png", "3.png", "6.png", "7.png", "8.png", "9.png"} {
			data := fileBytes(t, filepath.Join(dir, "1.png"))
			put(name, func(b *bytes.Buffer) error { _, err := b.Write(data); return err })
		}
		out, err := child(t, t.Name(), "CATVAE_TEST_RUN="+dir, "GOMEMLIMIT=off", "GOGC=100").CombinedOutput()
		if t.Logf("%s", out); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	r, err := dataset.Open(t.Context(), os.Getenv("CATVAE_TEST_RUN"), dataset.Options{Image: &dataset.Image{Height: 28, Width: 28, Resize: "bilinear"}})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	var all []error
	for range r.Info().Rows {
		_, decode, err := r.Floats(make([]float32, 784))
		if err != nil {
			t.Fatal(err)
		}
		wait.Go(func() {
			bad, err := decode()
			mu.Lock()
			defer mu.Unlock()
			all = append(append(all, bad...), err)
		})
	}
	wait.Wait()
	if err := errors.Join(all...); err == nil || !strings.Contains(err.Error(), "row 0: decoding it takes ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
	// Of this process alone: what getrusage says may be the peak of the one that began it.
	_, peak, _ := bytes.Cut(fileBytes(t, "/proc/self/status"), []byte("VmHWM:"))
	var kib int
	if _, err := fmt.Sscan(string(peak), &kib); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MiB at the peak", kib>>10)
	if kib > 320<<10 {
		t.Errorf("%d MiB at the peak", kib>>10)
	}
}
