package train

import (
	"fmt"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dataset/augment"
	"github.com/catvae/catvae/dist"
)

// What the decoder explains where rows are augmented, as data.target names it.
const (
	TargetClean = "clean" // the row as it was
	TargetMoved = "moved" // what the encoder sees
)

// cleanTarget reports rows that are augmented for the encoder alone.
func (d Data) cleanTarget() bool { return len(d.Augment) > 0 && d.Target != TargetMoved }

// checkAugment reports augmentations that make no sense, by their keys.
func (d Data) checkAugment() error {
	if err := d.Augment.Check(); err != nil {
		return fmt.Errorf("train: data.augment%w: %w", err, ErrConfig)
	}
	return nil
}

// checkAugmentOf reports augmentations that are not for the rows of a set.
func (c Config) checkAugmentOf(set *dataset.Set, s dist.Standard) error {
	if err := c.Data.Augment.Fits(augmented(set, s)); err != nil {
		return fmt.Errorf("train: data.augment%w: %w", err, ErrConfig)
	}
	return nil
}

// augmented describes a set's rows to augmentations.
func augmented(set *dataset.Set, s dist.Standard) augment.Rows {
	return augment.Rows{Shape: set.Shape, Values: set.Values(), Standard: s}
}

// grey reports a rule by which bytes are shades: what lies between two of them is none of the rows' values, or a difference that nobody sees.
func grey(v dist.Values) bool {
	black, white := v.Shades()
	return v.Least == float64(black) && v.Most == float64(white) && v.Byte(0) == black && v.Byte(255) == white
}
