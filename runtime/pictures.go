package runtime

import (
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/picture"
)

// Pictures returns the rule by which pictures become the rows of a manifest's model, and false where rows are not of the shape
// [height, width], or [3, height, width] for colours.
func Pictures(in bundle.Input) (rule picture.Rule, ok bool) {
	shape := in.Shape
	if len(shape) == 3 && shape[0] == 3 {
		rule.Color, shape = picture.RGB, shape[1:]
	}
	if len(shape) != 2 {
		return picture.Rule{}, false
	}
	rule.Height, rule.Width, rule.Resize = int(shape[0]), int(shape[1]), picture.ResizeNone
	if in.Image != nil {
		rule.Fit, rule.Resize = picture.CutFit(in.Image.Resize)
		rule.Background, rule.Orientation = in.Image.Background, in.Image.Orientation
	}
	return rule, true
}

// Pictures returns the rule by which pictures become the model's rows: of bytes, which [Model.EncodeBytes] takes. A model whose
// rows are no pictures takes none: an [ErrInput].
func (m *Model) Pictures() (picture.Rule, error) {
	rule, ok := Pictures(m.manifest.Input)
	if !ok {
		return rule, fmt.Errorf("runtime: %w: the model takes rows of shape %s, which are no pictures", ErrInput, shapeText(m.manifest.Input.Shape))
	}
	return rule, nil
}

// EncodePicture appends the packed code of a picture's file (PNG, JPEG and so on: see [picture.Formats]) to dst. The code is that
// of infer. A file that is no such picture is an [ErrInput].
func (m *Model) EncodePicture(ctx context.Context, dst, file []byte) ([]byte, error) {
	return m.encodePicture(ctx, dst, func(rule picture.Rule, row []byte) error { return rule.Decode(ctx, row, file) })
}

// EncodeImage is [Model.EncodePicture] for an image in memory, which is upright.
func (m *Model) EncodeImage(ctx context.Context, dst []byte, img image.Image) ([]byte, error) {
	return m.encodePicture(ctx, dst, func(rule picture.Rule, row []byte) error { return rule.Row(row, img) })
}

func (m *Model) encodePicture(ctx context.Context, dst []byte, write func(rule picture.Rule, row []byte) error) ([]byte, error) {
	rule, err := m.Pictures()
	if err != nil {
		return dst, err
	}
	row := make([]byte, rule.Size())
	if err := write(rule, row); errors.Is(err, picture.ErrBad) {
		return dst, fmt.Errorf("runtime: %w: %w", ErrInput, err)
	} else if err != nil {
		return dst, err
	}
	return m.EncodeBytes(ctx, dst, row)
}
