package dataset_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
)

// Pillow 13.0: Image.open(name).convert("L") on black, printed by testdata/generate.py.
var greys = map[string][]byte{
	"colour.jpg":       {30, 44, 61, 78, 91, 56, 71, 88, 104, 117, 83, 98, 115, 131, 144, 111, 125, 142, 158, 171, 136, 151, 168, 184, 197, 166, 181, 198, 214, 227},
	"colour.png":       {29, 45, 60, 76, 92, 56, 72, 87, 103, 119, 83, 99, 115, 130, 146, 110, 126, 142, 157, 173, 137, 153, 169, 184, 200, 164, 180, 196, 211, 227},
	"grey.jpeg":        {0, 10, 20, 30, 39, 40, 50, 60, 70, 79, 80, 90, 100, 110, 120, 120, 130, 140, 150, 159, 160, 170, 180, 190, 199, 200, 209, 220, 230, 239},
	"grey.png":         {0, 10, 20, 30, 40, 40, 50, 60, 70, 80, 80, 90, 100, 110, 120, 120, 130, 140, 150, 160, 160, 170, 180, 190, 200, 200, 210, 220, 230, 240},
	"more/alpha.png":   {0, 7, 19, 36, 58, 3, 16, 33, 54, 81, 10, 27, 49, 77, 109, 19, 42, 70, 102, 139, 32, 60, 93, 130, 173, 49, 81, 119, 162, 209},
	"more/palette.png": {37, 37, 74, 84, 84, 64, 64, 74, 111, 111, 91, 91, 115, 138, 138, 118, 118, 142, 165, 165, 145, 145, 182, 192, 192, 172, 172, 182, 219, 219},
}

func openBytes(t testing.TB, source string, o dataset.Options) dataset.ByteReader {
	t.Helper()
	r, err := dataset.Open(t.Context(), source, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r.(dataset.ByteReader)
}

func TestGreyAsPillow(t *testing.T) {
	t.Parallel()
	r := openBytes(t, "testdata/pictures", dataset.Options{})
	row := make([]byte, r.Info().RowSize())
	for i := range r.Info().Rows {
		name := r.(dataset.Identified).ID(i)
		if label, err := r.NextBytes(row); label != -1 || err != nil {
			t.Fatal(label, err)
		}
		for j, b := range row {
			if want := greys[name][j]; max(b, want)-min(b, want) > 1 {
				t.Errorf("%s: pixel %d is %d, want %d", name, j, b, want)
			}
		}
	}
	if info := r.Info(); info.Rows != len(greys) || !slices.Equal(info.Shape, []int{6, 5}) {
		t.Errorf("%+v", info)
	}
}

// Rows are called as a path that leads to the picture: from the folder, or as the pattern has it.
func TestPictureNames(t *testing.T) {
	t.Parallel()
	for source, want := range map[string][]string{
		"testdata/pictures":             {"colour.jpg", "colour.png", "grey.jpeg", "grey.png", "more/alpha.png", "more/palette.png"},
		"testdata/pictures/grey*":       {"testdata/pictures/grey.jpeg", "testdata/pictures/grey.png"},
		"testdata/pictures/m*/*":        {"testdata/pictures/more/alpha.png", "testdata/pictures/more/palette.png"},
		"testdata/pictures/grey.png":    {"grey.png"},
		"testdata/pictures/[c]olour.j*": {"testdata/pictures/colour.jpg"},
	} {
		for _, rows := range []int{0, 1} {
			r := openBytes(t, source, dataset.Options{Rows: rows})
			var got []string
			for i := range r.Info().Rows {
				got = append(got, r.(dataset.Identified).ID(i))
			}
			if want := want[:r.Info().Rows]; !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", source, got, want)
			}
		}
	}
	for _, source := range []string{"testdata/pictures/*.gif", t.TempDir()} {
		if _, err := dataset.Open(t.Context(), source, dataset.Options{}); !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", source, err)
		}
	}
	if _, err := dataset.Open(t.Context(), "testdata/[", dataset.Options{}); !errors.Is(err, filepath.ErrBadPattern) {
		t.Error(err)
	}
}

// encoded returns a picture of one grey value.
func encoded(t testing.TB, height, width int, grey uint8) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = grey
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestBadPictures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := encoded(t, 4, 3, 50)
	claims := bytes.Clone(good) // 2^31-1 pixels square, with a checksum that does not fit
	copy(claims[16:], []byte{0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff})
	for name, data := range map[string][]byte{
		"0 good.png": good, "1 cut.png": good[:len(good)-20], "2 empty.png": nil, "3 text.png": []byte("text"),
		"4 other.png": encoded(t, 3, 4, 50), "5 claims.png": claims, "6 good.PNG": good,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "7 folder.png"), 0o755); err != nil {
		t.Fatal(err)
	}
	want := []string{"", "it cannot be decoded", "it is empty", "it is no PNG, JPEG, GIF, WebP, BMP or TIFF", "it has 3x4 pixels, rows have 4x3 (height x width): set data.image_size, such as 4x3, and data.resize", "it is no PNG, JPEG, GIF, WebP, BMP or TIFF that can be read", "", "it is no file"}
	r := openBytes(t, filepath.Join(dir, "*"), dataset.Options{})
	row := make([]byte, 12)
	for i, reason := range want {
		_, err := r.NextBytes(row)
		if reason == "" && (err != nil || row[11] != 50) {
			t.Errorf("%d: %v, %v", i, row, err)
		}
		var bad *dataset.RowError
		if reason != "" && (!errors.As(err, &bad) || bad.Row != i || !strings.HasPrefix(bad.Reason, reason) || !strings.HasPrefix(filepath.Base(bad.File), string(rune('0'+i)))) {
			t.Errorf("%d: %v, want %s", i, err, reason)
		}
	}
	// A folder is walked: what lies in one that is called like a picture counts, it does not.
	if rows := openBytes(t, dir, dataset.Options{}).Info().Rows; rows != 7 {
		t.Errorf("%d rows of the folder", rows)
	}
	for _, name := range []string{"1 cut.png", "3 text.png"} {
		if _, err := dataset.Open(t.Context(), filepath.Join(dir, name), dataset.Options{}); !errors.Is(err, dataset.ErrData) {
			t.Errorf("%s alone: %v", name, err)
		}
	}
}

func TestResize(t *testing.T) {
	t.Parallel()
	half := image.NewGray(image.Rect(0, 0, 8, 8)) // left black, right white
	for i := range half.Pix {
		if i%8 >= 4 {
			half.SetGray(i%8, i/8, color.Gray{Y: 255})
		}
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, half); err != nil {
		t.Fatal(err)
	}
	path := write(t, "half.png", buf.Bytes())
	for _, resize := range []string{"nearest", "bilinear", "catmull-rom"} {
		for _, size := range [][2]int{{2, 2}, {3, 6}, {16, 10}, {1, 1}} {
			r := openBytes(t, path, dataset.Options{Image: &dataset.Image{Height: size[0], Width: size[1], Resize: resize}})
			row := bytes.Repeat([]byte{99}, size[0]*size[1])
			if _, err := r.NextBytes(row); err != nil || !slices.Equal(r.Info().Shape, size[:]) {
				t.Fatal(r.Info(), err)
			}
			left, right := row[0], row[len(row)-1]
			if size[1] > 1 && (left > 63 || int(left)+int(right) < 254 || int(left)+int(right) > 256) || size[1] == 1 && resize == "bilinear" && (left < 126 || left > 129) {
				t.Errorf("%s, %v: %v", resize, size, row)
			}
		}
	}
	for _, o := range []dataset.Image{{Height: 2, Width: 2}, {Height: 2, Width: 2, Resize: "none"}} {
		if _, err := openBytes(t, path, dataset.Options{Image: &o}).NextBytes(make([]byte, 4)); badRow(err) != 0 {
			t.Error(err)
		}
	}
	for _, o := range []dataset.Image{{Height: 2, Width: 2, Resize: "lanczos"}, {Width: 1}, {Height: -1, Width: 1}, {Height: 1 << 20, Width: 1 << 20}, {Height: 1, Width: -1 << 63}} {
		if r, err := dataset.Open(t.Context(), path, dataset.Options{Image: &o}); err == nil {
			t.Errorf("%+v: %+v", o, r.Info())
		}
	}
}
