package train

import (
	"context"
	"fmt"
	"io"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dataset/augment"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/imgrid"
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
	if !s.Vector.IsZero() { // its mean is not one of the rows as they are
		s = dist.Standard{}
	}
	return augment.Rows{Shape: set.Shape, Values: set.Values(), Standard: s}
}

// grey reports a rule by which bytes are shades: what lies between two of them is none of the rows' values, or a difference that nobody sees.
func grey(v dist.Values) bool {
	black, white := v.Shades()
	return v.Least == float64(black) && v.Most == float64(white) && v.Byte(0) == black && v.Byte(255) == white
}

// How many pictures [Config.WriteAugmented] shows, and how large.
const (
	sheetColumns = 12
	sheetScale   = 2
	sheetDraws   = 2 // of the whole list
)

// WriteAugmented writes a PNG sheet of what data.augment makes of the first training rows of a source, which must be pictures. The first line
// has them as they are, each following one what one augmentation of the list makes of them, and the last two what the whole list makes of them in
// two steps, where it has several. Each is one of the draws that training makes.
func (c Config) WriteAugmented(ctx context.Context, source string, w io.Writer) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if len(c.Data.Augment) == 0 {
		return fmt.Errorf("train: data.augment is empty, so that there is nothing to show: set it, such as --set 'data.augment=[{\"affine\": {\"rotate\": 20}}]': %w", ErrConfig)
	}
	set, c, err := c.loadSource(ctx, source, 0, false)
	if err != nil {
		return err
	}
	if !imgrid.Pictures(set.Shape) {
		return fmt.Errorf("train: the rows of %s have the shape %v, which are no pictures to show: give rows of [height, width] or [3, height, width]: %w", source, set.Shape, ErrConfig)
	}
	p, err := augment.New(c.Data.Augment, augmented(set, dist.Standard{}), c.Seed, 0)
	if err != nil {
		return fmt.Errorf("train: data.augment%w: %w", err, ErrConfig)
	}
	var images [][]float32
	line := func(p *augment.Pipeline, step int) error {
		for i := range min(sheetColumns, set.Len()) {
			row := make([]float32, set.RowSize())
			set.Row(i, row)
			if p != nil {
				if err := p.Apply(row, uint32(step), uint32(i)); err != nil {
					return fmt.Errorf("train: data.augment: %w", err)
				}
			}
			images = append(images, row)
		}
		return nil
	}
	err = line(nil, 0)
	for i := range c.Data.Augment {
		if err == nil {
			err = line(p.Only(i), 0)
		}
	}
	for step := range sheetDraws {
		if err == nil && len(c.Data.Augment) > 1 {
			err = line(p, step)
		}
	}
	if err != nil {
		return err
	}
	format := imgrid.Of(set.Shape)
	format.Black, format.White = set.Values().Shades()
	return imgrid.Grid{Columns: min(sheetColumns, set.Len()), Scale: sheetScale}.WritePNG(w, images, format)
}
