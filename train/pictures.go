package train

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/picture"
)

// ColorAuto is the value of data.color by which the training pictures say whether rows have colours. Training writes picture.Grey or
// picture.RGB.
const ColorAuto = "auto"

// Image returns the rule by which pictures become rows. Those of color auto are read in colours.
func (d Data) Image() *dataset.Image {
	rule := dataset.Image{Background: d.Background, Orientation: d.Orientation, Color: d.Color}
	if d.Color == ColorAuto {
		rule.Color = picture.RGB
	}
	if len(d.ImageSize) == 2 {
		rule.Height, rule.Width, rule.Resize, rule.Fit = d.ImageSize[0], d.ImageSize[1], d.resize(), d.Fit
	}
	return &rule
}

// resize returns the way to resize.
func (d Data) resize() string {
	if d.fits() {
		return cmp.Or(d.Resize, picture.ResizeBilinear)
	}
	return cmp.Or(d.Resize, picture.ResizeNone)
}

// resizes reports whether pictures of other sizes are resized, fits whether they keep their aspect.
func (d Data) resizes() bool { return d.resize() != picture.ResizeNone }
func (d Data) fits() bool    { return d.Fit != "" && d.Fit != picture.FitStretch }

// validatePictures reports keys of pictures that make no sense together.
func (d Data) validatePictures() error {
	switch {
	case d.fits() && len(d.ImageSize) == 0:
		return fmt.Errorf("train: data.fit is %s, but no size to fit is given: set data.image_size, such as 28x28: %w", d.Fit, ErrConfig)
	case d.fits() && d.Resize == picture.ResizeNone:
		return fmt.Errorf("train: data.fit is %s and data.resize %s: set data.resize=%s, or leave data.fit out: %w", d.Fit, d.Resize, picture.ResizeBilinear, ErrConfig)
	case d.resizes() && len(d.ImageSize) == 0:
		return fmt.Errorf("train: data.resize is %q, but no size to resize to is given: set data.image_size, such as 28x28: %w", d.Resize, ErrConfig)
	}
	if err := d.Image().Check(); err != nil {
		return fmt.Errorf("train: data: %w: %w", err, ErrConfig)
	}
	return nil
}

// canonicalPictures leaves out what is the default.
func (d *Data) canonicalPictures() {
	if d.Fit == picture.FitStretch {
		d.Fit = ""
	}
	if d.Resize = d.resize(); !d.resizes() {
		d.Resize = ""
	}
	if d.Color == picture.Grey {
		d.Color = ""
	}
	if d.Layout == dataset.LayoutFirst {
		d.Layout = ""
	}
	if d.Background == picture.Black {
		d.Background = ""
	}
	if d.Orientation == picture.OrientationNone {
		d.Orientation = ""
	}
}

// resolvePictures names the rules by which a source's pictures became rows, and drops them where the rows are no pictures. So a
// configuration says whether a model was trained on pictures, and its bundle how others become rows. It returns the set in grey where
// the pictures are to say whether they have colours, and have none.
func (d *Data) resolvePictures(set *dataset.Set) (*dataset.Set, error) {
	if set.Pictures {
		d.Background, d.Orientation = cmp.Or(d.Background, picture.Black), cmp.Or(d.Orientation, picture.OrientationNone)
		if d.Color != ColorAuto {
			return set, nil
		}
		set, grey := set.Grey()
		if d.Color = picture.RGB; grey {
			d.Color = picture.Grey
		}
		return set, nil
	}
	shape := (&picture.Rule{Height: 1, Width: 1, Color: d.Color}).Shape()
	if d.Color != "" && d.Color != ColorAuto && (len(set.Shape) != len(shape) || d.Color == picture.RGB && set.Shape[0] != 3) {
		return nil, fmt.Errorf("train: data.color is %s, and the rows of %s have the shape %v, which are no such pictures: leave data.color out, or give pictures: %w", d.Color, set.Source, set.Shape, ErrConfig)
	}
	d.Background, d.Orientation, d.Color = "", "", ""
	return set, nil
}

// manifestImage returns the manifest's entry for rows of a shape, nil where they are no pictures or no rule is named.
func (d Data) manifestImage(shape []int) *bundle.Image {
	in := &bundle.Image{Resize: d.Image().Way(), Background: d.Background, Orientation: d.Orientation}
	switch colours := d.Color == picture.RGB && len(shape) == 3; {
	case colours:
		in.Color = bundle.RGB
	case len(shape) != 2 || !d.resizes() && d.Background == "" && d.Orientation == "":
		return nil
	}
	return in
}

// colors are the words of data.color.
func colors() []string { return append([]string{ColorAuto}, slices.Clone(picture.Colors)...) }
