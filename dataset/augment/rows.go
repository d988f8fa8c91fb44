package augment

import (
	"fmt"
	"math"

	"github.com/catvae/catvae/dist"
)

// Rows says what rows are augmented.
type Rows struct {
	Shape    []int         // of one row: [height, width] and [channels, height, width] are pictures
	Values   dist.Values   // the rule that the values were made by, and their range; zero means [dist.Unit]
	Standard dist.Standard // of rows that are no pictures: the means and deviations of columns, where a model has them
}

// picture returns the sizes of a picture, ok false for other rows.
func (r *Rows) picture() (channels, height, width int, ok bool) {
	switch s := r.Shape; len(s) {
	case 2:
		return 1, s[0], s[1], true
	case 3:
		return s[0], s[1], s[2], true
	}
	return 0, 0, 0, false
}

// size returns the number of values of a row.
func (r *Rows) size() int {
	n := 1
	for _, d := range r.Shape {
		n *= d
	}
	return n
}

// bounded reports rows whose values have a least and a greatest one.
func (r *Rows) bounded() bool {
	_, _, _, picture := r.picture()
	return picture || r.Values.Least > -math.MaxFloat32 && r.Values.Most < math.MaxFloat32
}

// A form is what augmentations know of rows: computed once.
type form struct {
	channels, height, width int // of pictures; 0 of other rows
	black, white            float32
	nothing, unit           []float32 // for each value, see [Rows.form]
}

// form returns the rows' form. A value that is dropped becomes nothing: black in pictures, the column's mean in rows that are standardised, else
// the least value of the range or 0. A strength of 1 is a unit: from black to white in pictures, the column's deviation in rows that are
// standardised, else the range, or 1 where there is none.
func (r *Rows) form() *form {
	channels, height, width, picture := r.picture()
	f := &form{channels: channels, height: height, width: width, nothing: make([]float32, r.size()), unit: make([]float32, r.size())}
	f.black, f.white = r.Values.Shades()
	for i := range f.nothing {
		switch n := len(r.Standard.Mean); {
		case !picture && n > 0:
			f.nothing[i], f.unit[i] = float32(r.Standard.Mean[i%n]), float32(r.Standard.Deviation[i%n])
		case r.bounded():
			f.nothing[i], f.unit[i] = f.black, f.white-f.black
		default:
			f.nothing[i], f.unit[i] = f.black, 1
		}
	}
	return f
}

// pictures reports rows that are no pictures.
func pictures(r Rows) error {
	if _, _, _, ok := r.picture(); !ok {
		return fmt.Errorf("it is for pictures, and the rows have the shape %v: give rows of [height, width] or [channels, height, width], or take it out of the list; mask and noise are for any rows", r.Shape)
	}
	return nil
}

// bounded reports rows that know no black and white.
func bounded(r Rows) error {
	if !r.bounded() {
		return fmt.Errorf("it sets values to the ends of their range, and these have none: take it out of the list, or use noise")
	}
	return nil
}
