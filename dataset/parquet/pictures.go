package parquet

import (
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/picture"
)

// Pictures are files in a binary column, or in the entry bytes of a structure, as Hugging Face's datasets write them:
// https://huggingface.co/docs/datasets/image_dataset. They become rows as picture files do: see package picture.

// pictureRows is how many pictures are read at once.
const pictureRows = 16

// flatten puts the entry bytes of structures in their place, and keeps the entry path, which says where a picture came from.
func (r *reader) flatten() {
	fields := r.table.Manifest.Fields
	r.paths = map[int]pqarrow.SchemaField{}
	for i, f := range fields {
		if f.Field.Type.ID() != arrow.STRUCT {
			continue
		}
		for _, child := range f.Children {
			switch {
			case !child.IsLeaf():
			case child.Field.Name == "path":
				r.paths[i] = child
			case child.Field.Name == "bytes" && child.Field.Type.ID() == arrow.BINARY:
				field := *child.Field
				field.Name = f.Field.Name
				child.Field = &field
				fields[i] = child
			}
		}
	}
}

// findPictures reports whether the first row that has a value holds a picture, and takes its size where the rule has none.
func (r *reader) findPictures() (bool, error) {
	a := r.batch.Column(r.holds[0].field)
	if len(r.holds) > 1 || !isBinary(a.DataType()) {
		return false, nil
	}
	if r.o.Image != nil {
		r.fit = *r.o.Image
	}
	for i := range int(r.batch.NumRows()) {
		file := binaryOf(a, i)
		if len(file) == 0 {
			continue
		}
		if !picture.Is(file) {
			return false, nil
		}
		if err := r.fit.Check(); err != nil {
			return false, fmt.Errorf("dataset: %w", err)
		}
		if r.fit.Size() == 0 {
			var err error
			if r.fit.Height, r.fit.Width, err = r.fit.Measure(file); err != nil {
				continue
			}
		}
		return true, nil
	}
	return false, nil
}

// picture writes the row of the picture that is next.
func (r *reader) picture(row []byte, number int) error {
	file := binaryOf(r.batch.Column(r.holds[0].field), r.at)
	if len(file) == 0 {
		return r.bad(number, "it holds no bytes of a picture")
	}
	err := r.fit.Decode(r.file.Context(), row, file)
	var bad *picture.Error
	if errors.As(err, &bad) {
		return &dataset.RowError{File: r.info.Source, Row: number, Reason: bad.Reason, Cause: bad.Cause}
	}
	if err != nil {
		if stopped := reading.Stopped(r.info.Source, err); stopped != nil {
			return stopped
		}
		return fmt.Errorf("dataset: %s: row %d: %w", r.info.Source, number, err)
	}
	return nil
}
