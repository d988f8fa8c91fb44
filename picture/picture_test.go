package picture_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	stdgif "image/gif"
	stdpng "image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/picture"
	xbmp "golang.org/x/image/bmp"
	xtiff "golang.org/x/image/tiff"
)

// On black, grey is what package image/draw makes of any image: rows of models that name no rule are what they always were.
func TestBlackAsDraw(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	bounds := image.Rect(3, 2, 20, 15)
	palette := color.Palette{color.NRGBA{10, 200, 30, 100}, color.RGBA64{0x1234, 0x8000, 0x10, 0xffff}, color.Gray{7}, color.NRGBA64{0xffff, 0, 0x8000, 0x7000}}
	images := []draw.Image{
		image.NewNRGBA(bounds), image.NewRGBA(bounds), image.NewNRGBA64(bounds), image.NewRGBA64(bounds), image.NewGray(bounds), image.NewGray16(bounds),
		image.NewCMYK(bounds), image.NewAlpha(bounds), image.NewPaletted(bounds, palette),
	}
	for _, img := range images {
		for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
			for x := bounds.Min.X; x < bounds.Max.X; x++ {
				img.Set(x, y, color.NRGBA64{uint16(r.Uint32()), uint16(r.Uint32()), uint16(r.Uint32()), uint16(r.Uint32())})
			}
		}
	}
	ycc := image.NewYCbCr(bounds, image.YCbCrSubsampleRatio420)
	for i := range ycc.Y {
		ycc.Y[i] = uint8(r.Uint32())
	}
	for i := range ycc.Cb {
		ycc.Cb[i], ycc.Cr[i] = uint8(r.Uint32()), uint8(r.Uint32())
	}
	check := func(img image.Image) {
		want := image.NewGray(bounds)
		draw.Draw(want, bounds, img, bounds.Min, draw.Src)
		for _, background := range []string{"", "black", "0", "#000000"} {
			rule := picture.Rule{Height: bounds.Dy(), Width: bounds.Dx(), Background: background}
			got := make([]byte, rule.Size())
			if err := rule.Row(got, img); err != nil || !bytes.Equal(got, want.Pix) {
				t.Errorf("%T on %q: %v, %v, want %v", img, background, err, got, want.Pix)
			}
		}
	}
	for _, img := range images {
		check(img)
		check(struct{ image.Image }{img}) // an image that has no fast way
	}
	check(ycc)
}

// Black ink on nothing is black on white, and nothing at all on black.
func TestInk(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("testdata/ink.png")
	if err != nil {
		t.Fatal(err)
	}
	for background, want := range map[string][2]byte{"": {0, 0}, "white": {255, 0}, "128": {128, 0}, "#ff0000": {76, 0}, "#00ff00": {150, 0}} {
		rule := picture.Rule{Height: 6, Width: 9, Background: background}
		row := make([]byte, 54)
		if err := rule.Decode(t.Context(), row, file); err != nil || row[0] != want[0] || row[1*9+4] != want[1] {
			t.Errorf("on %q: %v, %v", background, err, row)
		}
	}
}

func TestRuleCheck(t *testing.T) {
	t.Parallel()
	for text, rule := range map[string]picture.Rule{
		"resize":      {Height: 1, Width: 1, Resize: "lanczos"},
		"orientation": {Orientation: "up"},
		"#ff8000":     {Background: "#ff80"},
		"black":       {Background: "256"},
		"white":       {Background: "-1"},
		"at least 1":  {Height: 1},
		"at most":     {Height: 1 << 20, Width: 1 << 20},
	} {
		if err := rule.Check(); err == nil || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", rule, err)
		}
	}
	for _, rule := range []picture.Rule{{}, {Background: "#A0b0C0", Orientation: "none"}, {Height: 3, Width: 4, Resize: "catmull-rom", Background: "7", Orientation: "exif"}} {
		if err := rule.Check(); err != nil {
			t.Errorf("%+v: %v", rule, err)
		}
	}
	rule := picture.Rule{Height: 2, Width: 2}
	var bad *picture.Error
	if err := rule.Row(make([]byte, 4), image.NewGray(image.Rect(0, 0, 3, 2))); !errors.As(err, &bad) || bad.Height != 2 || bad.Width != 3 || !errors.Is(err, picture.ErrBad) {
		t.Errorf("another size: %v", err)
	}
	if err := rule.Row(make([]byte, 3), image.NewGray(image.Rect(0, 0, 2, 2))); err == nil {
		t.Error("a row of three bytes is taken for four pixels")
	}
}

// The first frame lies on its canvas: what it does not cover is the background.
func TestGIFCanvas(t *testing.T) {
	t.Parallel()
	grey := color.Palette{color.Gray{200}, color.Gray{10}}
	frame := func(r image.Rectangle) *image.Paletted { return image.NewPaletted(r, grey) }
	var file bytes.Buffer
	err := stdgif.EncodeAll(&file, &stdgif.GIF{
		Image: []*image.Paletted{frame(image.Rect(1, 1, 3, 2)), frame(image.Rect(0, 0, 4, 3))}, Delay: []int{1, 1},
		Config: image.Config{ColorModel: grey, Width: 4, Height: 3},
	})
	if err != nil {
		t.Fatal(err)
	}
	row := make([]byte, 12)
	rule := picture.Rule{Height: 3, Width: 4, Background: "99"}
	if err := rule.Decode(t.Context(), row, file.Bytes()); err != nil || !slices.Equal(row, []byte{99, 99, 99, 99, 99, 200, 200, 99, 99, 99, 99, 99}) {
		t.Error(row, err)
	}
}

// claims are files of a few bytes that claim many pixels.
func claims(t testing.TB, side int) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	small := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	put := func(name string, encode func(b *bytes.Buffer) error, change func(file []byte)) {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		change(b.Bytes())
		files[name] = b.Bytes()
	}
	put("gif", func(b *bytes.Buffer) error { return stdgif.Encode(b, small, nil) }, func(file []byte) {
		binary.LittleEndian.PutUint16(file[6:], uint16(side))
		binary.LittleEndian.PutUint16(file[8:], uint16(side))
		at := bytes.IndexByte(file[13+3*256:], ',') + 13 + 3*256
		binary.LittleEndian.PutUint16(file[at+5:], uint16(side))
		binary.LittleEndian.PutUint16(file[at+7:], uint16(side))
	})
	put("bmp", func(b *bytes.Buffer) error { return xbmp.Encode(b, small) }, func(file []byte) {
		binary.LittleEndian.PutUint32(file[18:], uint32(side))
		binary.LittleEndian.PutUint32(file[22:], uint32(side))
	})
	for name, o := range map[string]*xtiff.Options{"tiff": nil, "tiff, packed": {Compression: xtiff.Deflate}} {
		put(name, func(b *bytes.Buffer) error { return xtiff.Encode(b, small, o) }, func(file []byte) {
			for at := int(binary.LittleEndian.Uint32(file[4:])) + 2; at+12 <= len(file); at += 12 {
				if tag := binary.LittleEndian.Uint16(file[at:]); tag == 256 || tag == 257 || tag == 278 { // width, length, rows of a strip
					binary.LittleEndian.PutUint16(file[at+8:], uint16(side))
				}
			}
		})
	}
	lossless := append([]byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00"), make([]byte, 14)...)
	lossless[20] = 0x2f
	binary.LittleEndian.PutUint32(lossless[21:], uint32(side-1)|uint32(side-1)<<14)
	files["webp"] = lossless
	return files
}

// What decoding takes is known before it is allocated, in every format.
func TestClaims(t *testing.T) {
	for _, side := range []int{1 << 13, 1<<14 - 1} {
		for name, file := range claims(t, side) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := picture.Rule{}.Grey(t.Context(), file)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, picture.ErrBad) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s of %d: %v", name, side, err)
			}
			if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > picture.Budget>>20 || side > 1<<13 && mib > 1 {
				t.Errorf("%s of %d: %d MiB were allocated for %d bytes: %v", name, side, mib, len(file), err)
			}
		}
	}
}

// An error that is the context's says nothing of the picture.
func TestContext(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("testdata/alpha.png")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (picture.Rule{}).Grey(ctx, file); err != nil && (!errors.Is(err, context.Canceled) || errors.Is(err, picture.ErrBad)) {
		t.Error(err)
	}
}

// Entries of EXIF that make no sense leave a picture as it lies; so do damaged ones.
func TestDamagedEXIF(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("testdata/turned6.jpg")
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(file, []byte("Exif\x00\x00")) + 6
	entry := at + 8 + 2 // the only one
	for name, change := range map[string]func(b []byte){
		"orientation 0":   func(b []byte) { b[entry+9] = 0 },
		"orientation 9":   func(b []byte) { b[entry+9] = 9 },
		"orientation 262": func(b []byte) { b[entry+8] = 1 },
		"two values":      func(b []byte) { b[entry+7] = 2 },
		"text":            func(b []byte) { b[entry+3] = 2 },
		"another order":   func(b []byte) { b[at] = 'X' },
		"far away":        func(b []byte) { copy(b[at+4:], "\xff\xff\xff\xff") },
		"at the end":      func(b []byte) { copy(b[at+4:], "\x00\x00\x00\x19") },
		"many entries":    func(b []byte) { copy(b[at+8:], "\xff\xff"); b[entry+1] = 0x13 },
	} {
		damaged := bytes.Clone(file)
		change(damaged)
		if h, w, err := (picture.Rule{Orientation: "exif"}).Measure(damaged); err != nil || h != 6 || w != 9 {
			t.Errorf("%s: %dx%d, %v", name, h, w, err)
		}
	}
	if h, w, err := (picture.Rule{Orientation: "exif"}).Measure(file); err != nil || h != 9 || w != 6 {
		t.Errorf("undamaged: %dx%d, %v", h, w, err)
	}
}

func FuzzDecode(f *testing.F) {
	names, err := filepath.Glob("testdata/*.*")
	if err != nil || len(names) < 30 {
		f.Fatal(names, err)
	}
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if picture.Is(file) {
			f.Add(file)
			f.Add(file[:len(file)*2/3])
		}
	}
	for _, file := range claims(f, 300) {
		f.Add(file)
	}
	rule := picture.Rule{Height: 5, Width: 6, Resize: "bilinear", Background: "white", Orientation: "exif"}
	f.Fuzz(func(t *testing.T, file []byte) {
		row := make([]byte, rule.Size())
		if err := rule.Decode(t.Context(), row, file); err != nil && (!errors.Is(err, picture.ErrBad) || strings.Contains(err.Error(), "\n")) {
			t.Fatal(err)
		}
	})
}

// A picture in memory and the file that it is saved in give the same row.
func ExampleRule() {
	img := image.NewNRGBA(image.Rect(0, 0, 4, 4)) // transparent
	img.Set(1, 1, color.Black)
	var file bytes.Buffer
	if err := stdpng.Encode(&file, img); err != nil {
		fmt.Println(err)
	}

	rule := picture.Rule{Height: 2, Width: 2, Resize: "bilinear", Background: "white", Orientation: "exif"}
	a, b := make([]byte, rule.Size()), make([]byte, rule.Size())
	fmt.Println(rule.Row(a, img), a)
	fmt.Println(rule.Decode(context.Background(), b, file.Bytes()), b)
	// Output:
	// <nil> [208 240 240 250]
	// <nil> [208 240 240 250]
}
