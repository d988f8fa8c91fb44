package picture

import (
	"cmp"
	"image"
	"strings"
)

// The ways to make a picture of another aspect fit a size.
const (
	FitStretch = "stretch" // its sides are stretched, each by what it takes
	FitWhole   = "fit"     // the whole picture, in the middle of the background
	FitFill    = "fill"    // the middle of the picture, as much as fills the size
)

// Fits are all of them.
var Fits = []string{FitStretch, FitWhole, FitFill}

// fitted reports a rule that keeps the aspect of pictures.
func (r Rule) fitted() bool { return r.Fit == FitWhole || r.Fit == FitFill }

// CutFit takes a manifest's way to resize, such as "fit-bilinear", apart into how pictures fit and how they are resized. One
// without a fit stretches them.
func CutFit(name string) (fit, resize string) {
	for _, fit := range []string{FitWhole, FitFill} {
		if way, ok := strings.CutPrefix(name, fit+"-"); ok {
			return fit, way
		}
	}
	return "", name
}

// Way returns the rule's way to resize as a manifest has it: "fit-bilinear", or "bilinear" where pictures are stretched.
func (r Rule) Way() string {
	if r.fitted() {
		return r.Fit + "-" + r.Resize
	}
	return cmp.Or(r.Resize, ResizeNone)
}

// place returns which part of a picture becomes which part of a row. For a picture of h x w and a row of H x W, with round(a/b) =
// floor((2a + b) / 2b), at least 1:
//
//	fit    the whole picture; the longer side is whole, the other is round(w H / h) or round(h W / w)
//	fill   the shorter side of the picture is whole, the other is round(h W / H) or round(w H / W); the whole row
//
// What is left at both sides is halved; of an odd number the larger half is below or right.
func (r Rule) place(picture image.Rectangle) (from, to image.Rectangle) {
	from, to = picture, image.Rect(0, 0, r.Width, r.Height)
	h, w := picture.Dy(), picture.Dx()
	tall := int64(h)*int64(r.Width) >= int64(w)*int64(r.Height) // than the row
	switch {
	case r.Fit == FitWhole && tall:
		to = middle(to, r.Height, share(w, r.Height, h))
	case r.Fit == FitWhole:
		to = middle(to, share(h, r.Width, w), r.Width)
	case r.Fit == FitFill && tall:
		from = middle(picture, share(w, r.Height, r.Width), w)
	case r.Fit == FitFill:
		from = middle(picture, h, share(h, r.Width, r.Height))
	}
	return from, to
}

// share returns round(a b / c), at least 1.
func share(a, b, c int) int { return int(max(1, (2*int64(a)*int64(b)+int64(c))/(2*int64(c)))) }

// middle returns the middle of a rectangle.
func middle(r image.Rectangle, height, width int) image.Rectangle {
	height, width = min(height, r.Dy()), min(width, r.Dx())
	at := image.Pt(r.Min.X+(r.Dx()-width)/2, r.Min.Y+(r.Dy()-height)/2)
	return image.Rectangle{at, at.Add(image.Pt(width, height))}
}
