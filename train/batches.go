package train

import (
	"fmt"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dataset/augment"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/train/engine"
)

// batches makes the inputs of steps: it fills every input of the objective by its purpose. Everything drawn depends
// only on the seed, the step and the row, so any engine can repeat any step of a run, and several goroutines may make several steps.
type batches struct {
	config Config
	set    *dataset.Set
	form   RowForm
	inputs []builder.Input
	views  [2]rowView // what the encoder sees, and its second view
	target rowView    // what the decoder explains: where nothing moves a pixel, the bits that the encoder sees
	found  neighbours // of the epoch that is made: rows whose second view is another row's
	near   neighbours // rows that come with each into a batch: see objective.similarity
}

// A rowView is what becomes of a row before a model sees it.
type rowView struct {
	augment   *augment.Pipeline // nil for none
	binarizer dataset.Binarizer
}

// A stepRows says which rows a step takes.
type stepRows struct {
	step, epoch int   // from 0, from 1
	rows        []int // their numbers in the set
}

// A filling is one goroutine's memory for making rows.
type filling struct {
	values []float32
	bytes  []byte
}

// fillers write one input of one step, by its purpose.
var fillers = map[builder.Purpose]func(b *batches, f *filling, name string, to any, s stepRows) error{
	builder.RowsPurpose: func(b *batches, f *filling, _ string, to any, s stepRows) error {
		return b.fillRows(f, to, s, s.rows, b.views[0])
	},
	builder.ViewPurpose: func(b *batches, f *filling, _ string, to any, s stepRows) error {
		return b.fillRows(f, to, s, b.found.drawn(b.config.Seed, s), b.views[1])
	},
	builder.TargetPurpose: func(b *batches, f *filling, _ string, to any, s stepRows) error {
		return b.fillRows(f, to, s, s.rows, b.target)
	},
	builder.NoisePurpose: func(b *batches, _ *filling, name string, to any, s stepRows) error {
		b.fillNoise(name, to, s)
		return nil
	},
	builder.SchedulePurpose: func(b *batches, _ *filling, name string, to any, s stepRows) error {
		to.([]float32)[0] = float32(schedules[name](b.config, s.step))
		return nil
	},
}

// holdsRows are the purposes whose inputs hold rows, in the form of rows.
var holdsRows = map[builder.Purpose]bool{builder.RowsPurpose: true, builder.TargetPurpose: true, builder.ViewPurpose: true}

// newBatches prepares a set's rows. An input with a purpose or a schedule that nothing fills is an error.
func newBatches(c Config, standard dist.Standard, set *dataset.Set, form RowForm, inputs []builder.Input) (*batches, error) {
	b := &batches{config: c, set: set, form: form, inputs: inputs}
	for _, in := range inputs {
		if fillers[in.Purpose] == nil || in.Purpose == builder.SchedulePurpose && schedules[in.Name] == nil {
			return nil, fmt.Errorf("train: the objective asks for %q of purpose %q, which nothing fills: %w", in.Name, in.Purpose, ErrConfig)
		}
	}
	for i := range b.views {
		b.views[i].binarizer = dataset.Binarizer{Rule: c.Data.Binarize, Seed: c.Seed, Values: set.Values(), View: i}
		if len(c.Data.Augment) == 0 {
			continue
		}
		var err error
		if b.views[i].augment, err = augment.New(c.Data.Augment, augmented(set, standard), c.Seed, i); err != nil {
			return nil, fmt.Errorf("train: data.augment%w: %w", err, ErrConfig)
		}
	}
	b.target = b.views[0]
	if c.Data.cleanTarget() {
		b.target.augment = nil
	}
	return b, nil
}

// memory returns room for the inputs of n steps.
func (b *batches) memory(n int) []engine.Batch {
	steps := make([]engine.Batch, n)
	for i := range steps {
		steps[i] = engine.Batch{}
		for _, in := range b.inputs {
			size := in.Node.Shape().TotalSize()
			if holdsRows[in.Purpose] && b.form != FloatRows {
				steps[i][in.Name] = make([]uint8, size)
			} else {
				steps[i][in.Name] = make([]float32, size)
			}
		}
	}
	return steps
}

func (b *batches) perEpoch() int { return b.config.perEpoch(b.set) }

// epochOf returns the epoch of a step, and the step's number in it.
func (b *batches) epochOf(step int) (epoch, within int) {
	return step/b.perEpoch() + 1, step % b.perEpoch()
}

// order returns the rows of an epoch in their order.
func (b *batches) order(epoch int) []int {
	order := noise.Stream{Seed: b.config.Seed, Purpose: noise.Shuffle}.Permutation(b.set.Len(), uint32(epoch))
	s, _ := b.config.similar()
	return b.near.among(b.config.Seed, epoch, order, b.config.Batch, s.Near)
}

// fill writes the inputs of a step whose epoch has its rows in this order.
func (b *batches) fill(to engine.Batch, f *filling, step int, order []int) error {
	epoch, within := b.epochOf(step)
	s := stepRows{step, epoch, order[within*b.config.Batch:][:b.config.Batch]}
	for _, in := range b.inputs {
		if err := fillers[in.Purpose](b, f, in.Name, to[in.Name], s); err != nil {
			return err
		}
	}
	return nil
}

// fillRows writes the rows that are seen in place of a step's, as a view has them: augmented while they are grey, then binarised. What is drawn is
// drawn for the step's rows.
func (b *batches) fillRows(f *filling, to any, s stepRows, seen []int, v rowView) error {
	size := b.set.RowSize()
	for i, row := range s.rows {
		var err error
		switch data := to.(type) {
		case []uint8:
			grey := b.set.Bytes(seen[i])
			if v.augment != nil {
				grey, err = f.moved(b.set, seen[i], v.augment, s.step, row)
			}
			if err == nil {
				v.binarizer.Bytes(data[i*size:][:size], grey, uint32(s.epoch), uint32(row))
			}
		case []float32:
			values := data[i*size:][:size]
			b.set.Row(seen[i], values)
			if v.augment != nil {
				err = v.augment.Apply(values, uint32(s.step), uint32(row))
			}
			if b.config.Data.Binarize != dataset.Threshold { // that one is in the graph
				v.binarizer.Apply(values, uint32(s.epoch), uint32(row))
			}
		}
		if err != nil {
			return fmt.Errorf("train: data.augment: %w", err)
		}
	}
	return nil
}

// moved returns a row of bytes, augmented by what is drawn for another or itself, which is valid until the next call.
func (f *filling) moved(set *dataset.Set, seen int, p *augment.Pipeline, step, row int) ([]byte, error) {
	if f.values == nil {
		f.values, f.bytes = make([]float32, set.RowSize()), make([]byte, set.RowSize())
	}
	set.Row(seen, f.values)
	if err := p.Apply(f.values, uint32(step), uint32(row)); err != nil {
		return nil, err
	}
	black, white := set.Values().Shades()
	perShade := 255 / (white - black)
	for i, x := range f.values {
		f.bytes[i] = byte((x-black)*perShade + 0.5)
	}
	return f.bytes, nil
}

// fillNoise draws noise of the step, row by row. The relaxation's noise has the purpose that it always had; other noise
// is kept apart by its name.
func (b *batches) fillNoise(name string, to any, step stepRows) {
	s := noise.Stream{Seed: b.config.Seed, Purpose: noise.Latent}
	if name != builder.NoiseInput {
		s.Purpose = noise.Named(name)
	}
	u := to.([]float32)
	width := len(u) / len(step.rows)
	for i := range step.rows {
		s.Uniform(u[i*width:][:width], uint32(step.step), uint32(i))
	}
}
