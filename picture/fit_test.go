package picture

import (
	"image"
	"testing"
)

// What is taken of a picture, and where it goes: worked out by hand.
func TestPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fit                    string
		height, width, row, of int // of the picture, of the row
		from, to               image.Rectangle
	}{
		{"", 6, 9, 4, 5, image.Rect(0, 0, 9, 6), image.Rect(0, 0, 5, 4)},
		{"fit", 6, 9, 4, 5, image.Rect(0, 0, 9, 6), image.Rect(0, 0, 5, 3)},  // 6·5/9 = 3.3
		{"fit", 6, 9, 10, 6, image.Rect(0, 0, 9, 6), image.Rect(0, 3, 6, 7)}, // 6·6/9 = 4, 3 above and below
		{"fit", 9, 6, 4, 6, image.Rect(0, 0, 6, 9), image.Rect(1, 0, 4, 4)},  // 6·4/9 = 2.7, 1 left and 2 right
		{"fit", 1000, 1, 4, 4, image.Rect(0, 0, 1, 1000), image.Rect(1, 0, 2, 4)},
		{"fill", 6, 9, 4, 5, image.Rect(0, 0, 8, 6), image.Rect(0, 0, 5, 4)}, // 6·5/4 = 7.5, which is rounded up
		{"fill", 9, 6, 4, 4, image.Rect(0, 1, 6, 7), image.Rect(0, 0, 4, 4)},
		{"fill", 1000, 1, 4, 4, image.Rect(0, 499, 1, 500), image.Rect(0, 0, 4, 4)},
		{"fill", 3, 3, 1, 100, image.Rect(0, 1, 3, 2), image.Rect(0, 0, 100, 1)},
	} {
		from, to := Rule{Height: c.row, Width: c.of, Fit: c.fit}.place(image.Rect(0, 0, c.width, c.height))
		if from != c.from || to != c.to {
			t.Errorf("%s: %dx%d to %dx%d: %v becomes %v, want %v and %v", c.fit, c.height, c.width, c.row, c.of, from, to, c.from, c.to)
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	for way, want := range map[string][2]string{
		"fit-bilinear": {"fit", "bilinear"}, "fill-catmull-rom": {"fill", "catmull-rom"}, "catmull-rom": {"", "catmull-rom"}, "none": {"", "none"}, "": {"", ""},
	} {
		fit, resize := CutFit(way)
		if fit != want[0] || resize != want[1] {
			t.Errorf("%s is %q and %q", way, fit, resize)
		}
		if got := (Rule{Fit: fit, Resize: resize}).Way(); got != way && way != "" {
			t.Errorf("%s becomes %s", way, got)
		}
	}
	for name, bad := range map[string]Rule{
		"a fit without a size":       {Fit: FitFill, Resize: ResizeBilinear},
		"a fit without a way":        {Height: 2, Width: 2, Fit: FitWhole},
		"another fit":                {Fit: "crop"},
		"another color":              {Color: "cmyk"},
		"too many bytes in colours":  {Height: 1 << 12, Width: 1 << 12, Color: RGB},
		"a fit that is not computed": {Height: 2, Width: 2, Fit: FitWhole, Resize: ResizeNone},
	} {
		if bad.Check() == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if r := (Rule{Height: 2, Width: 3, Color: RGB}); r.Size() != 18 || r.Check() != nil {
		t.Errorf("%+v has %d bytes, %v", r, r.Size(), r.Check())
	}
}
