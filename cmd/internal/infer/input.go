package infer

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
)

// An input is an open source: rows are taken from it in order, and their bytes are hashed as they are read.
type input struct {
	reader dataset.Reader
	sums   *dataset.Sums
	at     int // the next row
}

// skipTo passes over rows without a look at them.
func (in *input) skipTo(row int) error {
	rows := row - in.at
	if rows < 0 {
		return fmt.Errorf("infer: row %d of %s has passed", row, in.reader.Info().Source)
	}
	in.at = row
	if rows == 0 {
		return nil
	}
	return in.reader.Skip(rows)
}

// openSource opens the source as the model wants its rows.
func (p *Plan) openSource(ctx context.Context) (*input, error) {
	in := &input{sums: &dataset.Sums{}}
	o := dataset.Options{Split: p.Job.Split, Values: p.values(), Sums: in.sums, Table: p.Job.Table, Texts: p.texts.dataset(p.Job.Texts), IDs: true}
	if made, _ := productOf(p.Job.Mode, p.Job.Codes); !made.takesCodes {
		o.Image = Pictures(p.bundle.Manifest.Input)
		o.Shape = rowShape(p.bundle.Manifest)
		o.Table = LikeTrained(o.Table, p.bundle.Manifest.Input)
	}
	var err error
	in.reader, err = dataset.Open(ctx, p.Job.In, o)
	return in, err
}

// take returns the input that the planning opened, or a new one. Whoever takes it closes its reader, or gives it back.
func (p *Plan) take(ctx context.Context) (*input, error) {
	p.opened.Lock()
	in := p.opened.input
	p.opened.input = nil
	p.opened.Unlock()
	if in == nil {
		var err error
		if in, err = p.openSource(ctx); err != nil {
			return nil, err
		}
		if got := in.reader.Info(); got.Rows != p.Source.Rows || !slices.Equal(got.Shape, p.Source.Shape) || got.Bytes != p.Source.Bytes {
			in.reader.Close()
			return nil, fmt.Errorf("infer: %s has changed since the run began: it had %d rows of %v, it has %d of %v", p.Source.Source, p.Source.Rows, p.Source.Shape, got.Rows, got.Shape)
		}
	}
	if in.at == 0 && !p.direct { // only records need sums
		in.sums.Every(p.partRows)
		if p.Job.Check == Sample {
			in.sums.OnlySampled()
		}
	}
	return in, nil
}

// giveBack keeps standard input, which cannot be opened again, and closes any other.
func (p *Plan) giveBack(in *input) error {
	if p.Job.In != dataset.Stdin {
		return in.reader.Close()
	}
	p.opened.Lock()
	defer p.opened.Unlock()
	p.opened.input = in
	return nil
}

// LikeTrained returns a table whose columns are taken by the names that a model was trained on.
func LikeTrained(t dataset.Table, in bundle.Input) dataset.Table {
	t.Like, t.LikeSum = in.Columns, in.ColumnsSum
	if in.FirstColumn != nil && (t.FirstColumn == "" || t.FirstColumn == dataset.Auto) {
		t.FirstColumn = strconv.Itoa(*in.FirstColumn)
	}
	return t
}
