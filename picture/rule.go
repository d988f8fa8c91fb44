package picture

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image"
	"slices"
	"strings"
)

// A Rule says how a picture becomes a row. The zero value takes pictures of any size as they lie in the file, on black.
type Rule struct {
	// Height and Width are those of a row. Where both are 0, each picture keeps its own size.
	Height, Width int
	// Resize is one of [Resizes]; "" means none.
	Resize string
	// Fit is one of [Fits]: how a picture of another aspect is made to fit; "" means stretch.
	Fit string
	// Color is one of [Colors]; "" means grey.
	Color string
	// Background is what transparent pixels are laid on: black, white, a grey level from 0 to 255, or a colour such as #ff8000; ""
	// means black.
	Background string
	// Orientation is one of [Orientations]; "" means none.
	Orientation string
}

// The ways to turn a picture.
const (
	OrientationNone = "none" // as the pixels lie in the file
	OrientationEXIF = "exif" // upright, as the file's EXIF entry says
)

// Orientations are all of them.
var Orientations = []string{OrientationNone, OrientationEXIF}

// The colours of rows.
const (
	Grey = "grey" // one byte a pixel: rows of [height, width]
	RGB  = "rgb"  // three planes, red, green and blue: rows of [3, height, width]
)

// Colors are all of them.
var Colors = []string{Grey, RGB}

// maxSide bounds a row's sides, so that their product is a number.
const maxSide = 1 << 24

// Check reports a rule that makes no sense.
func (r Rule) Check() error {
	if !slices.Contains(Resizes, cmp.Or(r.Resize, ResizeNone)) {
		return fmt.Errorf("picture: resize is %.100q: use %s", r.Resize, enumerate("or", Resizes))
	}
	if !slices.Contains(Fits, cmp.Or(r.Fit, FitStretch)) {
		return fmt.Errorf("picture: fit is %.100q: use %s", r.Fit, enumerate("or", Fits))
	}
	if r.fitted() && (scalers[r.Resize] == nil || r.free()) {
		return fmt.Errorf("picture: fit is %s, and pictures are not resized: give a size and a way to resize, such as %s", r.Fit, ResizeBilinear)
	}
	if !slices.Contains(Colors, cmp.Or(r.Color, Grey)) {
		return fmt.Errorf("picture: color is %.100q: use %s", r.Color, enumerate("or", Colors))
	}
	if !slices.Contains(Orientations, cmp.Or(r.Orientation, OrientationNone)) {
		return fmt.Errorf("picture: orientation is %.100q: use %s", r.Orientation, enumerate("or", Orientations))
	}
	if _, err := colourOf(r.Background); err != nil {
		return fmt.Errorf("picture: %w", err)
	}
	if r.free() {
		return nil
	}
	if r.Height < 1 || r.Width < 1 || r.Height > maxSide/r.Width/r.channels() {
		return fmt.Errorf("picture: rows of %dx%d: both sides must be at least 1, their product at most %d", r.Height, r.Width, maxSide)
	}
	return nil
}

// free reports that pictures keep their own size.
func (r Rule) free() bool { return r.Height == 0 && r.Width == 0 }

// channels returns the number of planes of a row.
func (r Rule) channels() int {
	if r.Color == RGB {
		return 3
	}
	return 1
}

// Size returns the number of bytes of a row.
func (r Rule) Size() int { return r.channels() * r.Height * r.Width }

// Shape returns the shape of a row: [height, width], or [3, height, width] of colours.
func (r Rule) Shape() []int {
	if r.Color == RGB {
		return []int{3, r.Height, r.Width}
	}
	return []int{r.Height, r.Width}
}

// Decode writes the row of a picture's file, of any of the [Formats], to row, which has [Rule.Size] bytes. A file that cannot be
// used is an [Error]; any other error is the context's. It waits until the [Budget] has room.
func (r Rule) Decode(ctx context.Context, row, file []byte) error {
	if err := r.fits(row); err != nil {
		return err
	}
	return r.decode(ctx, file, func(planes []*image.Gray) { r.write(row, planes) })
}

// Grey returns the picture of a file in grey: upright and on the background as the rule says, at its own size. See [Rule.Decode].
func (r Rule) Grey(ctx context.Context, file []byte) (grey *image.Gray, err error) {
	r.Height, r.Width, r.Resize, r.Fit, r.Color = 0, 0, "", "", ""
	if err := r.Check(); err != nil {
		return nil, err
	}
	err = r.decode(ctx, file, func(planes []*image.Gray) { grey = planes[0] })
	return grey, err
}

// Row writes the row of an image, which is upright, to row, which has [Rule.Size] bytes. An image of another size, where the rule
// does not resize, is an [Error].
func (r Rule) Row(row []byte, img image.Image) error {
	if err := r.fits(row); err != nil {
		return err
	}
	b := img.Bounds()
	if err := r.mismatch(b.Dy(), b.Dx()); err != nil {
		return err
	}
	background, err := colourOf(r.Background)
	if err != nil {
		return err
	}
	r.write(row, r.planes(img, b, background))
	return nil
}

// fits reports a rule that makes no sense, and a row of another size than its.
func (r Rule) fits(row []byte) error {
	if err := r.Check(); err != nil {
		return err
	}
	if len(row) != r.Size() || r.free() {
		return fmt.Errorf("picture: a row of %d bytes for pictures of %dx%d", len(row), r.Height, r.Width)
	}
	return nil
}

// Measure returns the height and width that a file's picture has once it is turned as the rule says. It looks at the header, of which
// file may hold no more than the beginning.
func (r Rule) Measure(file []byte) (height, width int, err error) {
	h, err := r.header(file)
	return h.height, h.width, err
}

// head is what a file says of its picture before it is decoded.
type head struct {
	format        Format
	config        image.Config
	turn          orientation
	height, width int // once it is turned
}

func (r Rule) header(file []byte) (h head, err error) {
	var ok bool
	if h.format, ok = formatOf(file); !ok {
		return h, &Error{Reason: "it is no " + Names("or")}
	}
	if h.config, err = h.format.config(file); err != nil {
		return h, &Error{Reason: "it is no " + Names("or") + " that can be read", Cause: err}
	}
	h.height, h.width, h.turn = h.config.Height, h.config.Width, upright
	if h.width < 1 || h.height < 1 || h.width > maxPixels/h.height {
		return h, &Error{Reason: fmt.Sprintf("it has %dx%d pixels, up to %d in all are decoded", h.height, h.width, maxPixels)}
	}
	if r.Orientation == OrientationEXIF {
		h.turn = h.format.orientation(file)
	}
	if h.turn.sideways() {
		h.height, h.width = h.width, h.height
	}
	return h, nil
}

// decode decodes a file within the budget, and hands its planes to use.
func (r Rule) decode(ctx context.Context, file []byte, use func(planes []*image.Gray)) error {
	h, err := r.header(file)
	if err != nil {
		return err
	}
	if err := r.mismatch(h.height, h.width); err != nil {
		return err
	}
	background, err := colourOf(r.Background)
	if err != nil {
		return err
	}
	planes := int64(r.channels())
	need := h.format.memory(file, h.config) + planes*area(h.config, 0) + r.resizing(h.height)
	if h.turn != upright {
		need += planes * area(h.config, 0)
	}
	release, err := take(ctx, need)
	if err != nil {
		return err
	}
	defer release()
	img, err := h.format.decode(bytes.NewReader(file))
	if err != nil {
		return &Error{Reason: "it cannot be decoded", Cause: err}
	}
	all := r.planes(img, image.Rect(0, 0, h.config.Width, h.config.Height), background)
	for i, plane := range all {
		all[i] = h.turn.apply(plane)
	}
	use(all)
	return nil
}

// mismatch reports pictures of another size that are not resized.
func (r Rule) mismatch(height, width int) error {
	if r.free() || scalers[r.Resize] != nil || height == r.Height && width == r.Width {
		return nil
	}
	return &Error{
		Reason: fmt.Sprintf("it has %dx%d pixels, rows have %dx%d (height x width)", height, width, r.Height, r.Width),
		Height: height, Width: width,
	}
}

// enumerate joins words, the last by a word: "PNG, JPEG or GIF".
func enumerate(last string, words []string) string {
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
	}
	return strings.Join(words, "")
}
