package dataset_test

import (
	"bytes"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// writeFiles writes files below a new folder.
func writeFiles(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// idsOf returns the names of a source's rows.
func idsOf(r dataset.Reader) (ids []string) {
	for i := range r.Info().Rows {
		ids = append(ids, r.(dataset.Identified).ID(i))
	}
	return ids
}

// What file managers, archives and notebooks leave in folders is no row; what else is none is counted.
func TestHiddenFiles(t *testing.T) {
	good, double := encoded(t, 4, 3, 50), []byte("\x00\x05\x16\x07 AppleDouble")
	dir := writeFiles(t, map[string][]byte{
		"a.png": good, "sub/b.PNG": good, "sub/.dots.in.name/c.png": good, "d.e.png": good,
		"._a.png": double, "__MACOSX/._a.png": double, "__MACOSX/sub/b.png": good, ".DS_Store": double, ".hidden.png": good, "Thumbs.db": double,
		".thumbnails/a.png": good, "sub/.ipynb_checkpoints/b-checkpoint.png": good, "@eaDir/a.png": good, "desktop.ini": double,
		"notes.txt": good, "sub/raw.cr2": good,
	})
	r := openBytes(t, dir, dataset.Options{})
	if got, want := idsOf(r), []string{"a.png", "d.e.png", "sub/b.PNG"}; !slices.Equal(got, want) {
		t.Errorf("the rows are %q, want %q", got, want)
	}
	p := r.Info().Passed
	if p.Others != 2 || p.Other != "notes.txt" || p.Hidden != 10 {
		t.Errorf("passed over: %+v", p)
	}
	if got := p.String(); got != "passed over: 2 files of kinds that are not read as pictures, such as notes.txt; 10 hidden files and folders, such as .DS_Store" {
		t.Error(got)
	}
	// Patterns find what is hidden where they say so, as in shells. A folder that is named is read, whatever it is called.
	t.Chdir(dir)
	for pattern, want := range map[string][]string{
		"*.png":           {"a.png", "d.e.png"},
		"*/*":             {"sub/b.PNG"},
		".h*.png":         {".hidden.png"},
		".thumb*/*":       {".thumbnails/a.png"},
		".thumbnails":     {"a.png"},
		"__MACOSX/*.png":  nil,
		"__MACOSX/*/*":    {"__MACOSX/sub/b.png"},
		"[._]*.png":       nil,
		"sub/.ipynb*/*-*": {"sub/.ipynb_checkpoints/b-checkpoint.png"},
	} {
		r, err := dataset.Open(t.Context(), pattern, dataset.Options{})
		if err != nil {
			if want != nil || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", pattern, err)
			}
			continue
		}
		if got := idsOf(r); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
		r.Close()
	}
}

// A folder that holds nothing that is read is told which kinds are, and nothing of MNIST's files.
func TestFolderOfOthers(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, map[string][]byte{"a.heic": []byte("x"), "b.avif": []byte("x"), ".c.png": []byte("x")})
	_, err := dataset.Open(t.Context(), dir, dataset.Options{})
	if err == nil || !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "ubyte") || !strings.Contains(err.Error(), "2 files") || !strings.Contains(err.Error(), "WebP") {
		t.Error(err)
	}
}

// Pictures are what their content is, whatever they are called.
func TestPictureContent(t *testing.T) {
	t.Parallel()
	img := image.NewGray(image.Rect(0, 0, 4, 3))
	for i := range img.Pix {
		img.Pix[i] = 200
	}
	in := func(encode func(b *bytes.Buffer) error) []byte {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	webp := fileBytes(t, filepath.Join("..", "picture", "testdata", "lossy_grey.webp"))
	files := map[string][]byte{
		"png":  in(func(b *bytes.Buffer) error { return png.Encode(b, img) }),
		"jpeg": in(func(b *bytes.Buffer) error { return jpeg.Encode(b, img, nil) }),
		"gif":  in(func(b *bytes.Buffer) error { return gif.Encode(b, img, nil) }),
		"bmp":  in(func(b *bytes.Buffer) error { return bmp.Encode(b, img) }),
		"tiff": in(func(b *bytes.Buffer) error { return tiff.Encode(b, img, nil) }),
		"webp": webp,
	}
	for kind, data := range files {
		for _, name := range []string{"x." + kind, "x.png", "x.jpg", "x.webp", "x", "x.csv", "x.npy"} {
			path := write(t, name, data)
			r := openBytes(t, path, dataset.Options{})
			row := make([]byte, r.Info().RowSize())
			if _, err := r.NextBytes(row); err != nil || !r.Info().Pictures || kind != "webp" && (row[5] < 180 || row[5] > 220) {
				t.Errorf("%s called %s: %v, %v", kind, name, row, err)
			}
		}
	}
	// Text that begins as a bitmap does is text.
	if r, err := dataset.Open(t.Context(), write(t, "x.csv", []byte("BMI,age\n0.5,1\n")), dataset.Options{}); err != nil || r.Info().Pictures {
		t.Error(err)
	}
}

// Pictures of several sizes are told the way out, with the sizes that there are.
func TestMixedSizes(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, map[string][]byte{"a.png": encoded(t, 4, 3, 1), "b.png": encoded(t, 4, 3, 1), "c.png": encoded(t, 5, 3, 1), "d.png": encoded(t, 30, 40, 1)})
	_, err := dataset.Load(t.Context(), dir, dataset.Options{})
	for _, word := range []string{"c.png", "data.image_size, such as 4x3", "data.resize", "4x3 (2), 30x40 (1), 5x3 (1)"} {
		if err == nil || !strings.Contains(err.Error(), word) || badRow(err) != 2 {
			t.Errorf("%v lacks %s", err, word)
		}
	}
	_, err = dataset.Load(t.Context(), dir, dataset.Options{Image: &dataset.Image{Height: 4, Width: 3, Resize: "none"}})
	if err == nil || !strings.Contains(err.Error(), "set data.resize") || badRow(err) != 2 {
		t.Error(err)
	}
	if set, err := dataset.Load(t.Context(), dir, dataset.Options{Image: &dataset.Image{Height: 4, Width: 3, Resize: "nearest"}}); err != nil || set.Len() != 4 || !set.Pictures {
		t.Error(err)
	}
}

// The first picture's size is that of the upright picture, and the sums of rows tell rules apart, except from those that have
// always been.
func TestPictureRules(t *testing.T) {
	t.Parallel()
	turned := fileBytes(t, filepath.Join("..", "picture", "testdata", "turned.png"))
	dir := writeFiles(t, map[string][]byte{"a.png": turned, "b.png": turned})
	sums := map[string]string{}
	for _, rule := range []dataset.Image{{}, {Orientation: "exif"}, {Background: "white"}, {Orientation: "exif", Background: "white"}} {
		var s dataset.Sums
		r := openBytes(t, dir, dataset.Options{Image: &rule, Sums: &s})
		want := []int{6, 9}
		if rule.Orientation != "" {
			want = []int{9, 6}
		}
		if !slices.Equal(r.Info().Shape, want) {
			t.Errorf("%+v: %v", rule, r.Info().Shape)
		}
		s.Every(2)
		for range 2 {
			if _, err := r.NextBytes(make([]byte, 54)); err != nil {
				t.Fatal(err)
			}
		}
		sum, ok := s.Block(0)
		if other := sums[sum]; other != "" || !ok {
			t.Errorf("%+v has the sum of %s", rule, other)
		}
		sums[sum] = rule.Background + rule.Orientation + "."
	}
}
