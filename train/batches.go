package train

import (
	"fmt"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/train/engine"
)

// batches makes the inputs of steps: it fills every input of the objective by its purpose. Everything drawn depends
// only on the seed, the step and the row, so any engine can repeat any step of a run.
type batches struct {
	config    Config
	set       *dataset.Set
	form      RowForm
	inputs    []builder.Input
	binarizer dataset.Binarizer
	order     []int // of the rows in the epoch
	epoch     int
	memory    []engine.Batch
}

// fillers write one input of one step, by its purpose. rows are the numbers of the batch's rows in the set.
var fillers = map[builder.Purpose]func(b *batches, name string, to any, step int, rows []int){
	builder.RowsPurpose:   (*batches).fillRows,
	builder.TargetPurpose: (*batches).fillRows, // the same rows, by the same draws
	builder.NoisePurpose:  (*batches).fillNoise,
	builder.SchedulePurpose: func(b *batches, name string, to any, step int, _ []int) {
		to.([]float32)[0] = float32(schedules[name](b.config, step))
	},
}

// newBatches makes memory for atOnce steps. An input with a purpose or a schedule that nothing fills is an error.
func newBatches(c Config, set *dataset.Set, form RowForm, inputs []builder.Input, atOnce int) (*batches, error) {
	b := &batches{config: c, set: set, form: form, inputs: inputs, binarizer: dataset.Binarizer{Rule: c.Data.Binarize, Seed: c.Seed, Values: set.Values()}}
	for _, in := range inputs {
		if fillers[in.Purpose] == nil || in.Purpose == builder.SchedulePurpose && schedules[in.Name] == nil {
			return nil, fmt.Errorf("train: the objective asks for %q of purpose %q, which nothing fills: %w", in.Name, in.Purpose, ErrConfig)
		}
	}
	for range atOnce {
		step := engine.Batch{}
		for _, in := range inputs {
			size := in.Node.Shape().TotalSize()
			if (in.Purpose == builder.RowsPurpose || in.Purpose == builder.TargetPurpose) && form != FloatRows {
				step[in.Name] = make([]uint8, size)
			} else {
				step[in.Name] = make([]float32, size)
			}
		}
		b.memory = append(b.memory, step)
	}
	return b, nil
}

func (b *batches) perEpoch() int { return b.config.perEpoch(b.set) }

// at returns the batches of steps step, …, step+n-1 (from 0), which must be of one epoch. They are valid until the next
// call.
func (b *batches) at(step, n int) []engine.Batch {
	epoch := step/b.perEpoch() + 1
	if b.epoch != epoch {
		b.order = noise.Stream{Seed: b.config.Seed, Purpose: noise.Shuffle}.Permutation(b.set.Len(), uint32(epoch))
		b.epoch = epoch
	}
	for i := range n {
		first := (step + i) % b.perEpoch() * b.config.Batch
		for _, in := range b.inputs {
			fillers[in.Purpose](b, in.Name, b.memory[i][in.Name], step+i, b.order[first:first+b.config.Batch])
		}
	}
	return b.memory[:n]
}

func (b *batches) fillRows(_ string, to any, _ int, rows []int) {
	size := b.set.RowSize()
	for i, row := range rows {
		switch data := to.(type) {
		case []uint8:
			b.binarizer.Bytes(data[i*size:][:size], b.set.Bytes(row), uint32(b.epoch), uint32(row))
		case []float32:
			values := data[i*size:][:size]
			b.set.Row(row, values)
			if b.config.Data.Binarize != dataset.Threshold { // that one is in the graph
				b.binarizer.Apply(values, uint32(b.epoch), uint32(row))
			}
		}
	}
}

// fillNoise draws noise of the step, row by row. The relaxation's noise has the purpose that it always had; other noise
// is kept apart by its name.
func (b *batches) fillNoise(name string, to any, step int, rows []int) {
	s := noise.Stream{Seed: b.config.Seed, Purpose: noise.Latent}
	if name != builder.NoiseInput {
		s.Purpose = noise.Named(name)
	}
	u := to.([]float32)
	width := len(u) / len(rows)
	for i := range rows {
		s.Uniform(u[i*width:][:width], uint32(step), uint32(i))
	}
}
