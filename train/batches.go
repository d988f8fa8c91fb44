package train

import (
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/train/engine"
)

// batches makes what steps are given. Everything drawn follows from the seed, the step and the row, so that any step of a
// run can be made again, by any engine.
type batches struct {
	config    Config
	set       *dataset.Set
	form      Rows
	width     int // of the latent's noise, a row
	binarizer dataset.Binarizer
	order     []int // of the rows in the epoch
	epoch     int
	memory    []engine.Batch
}

func newBatches(c Config, set *dataset.Set, bits, atOnce int) *batches {
	b := &batches{config: c, set: set, form: rowsOf(set, c.Data.Binarize), width: bits, binarizer: dataset.Binarizer{Rule: c.Data.Binarize, Seed: c.Seed}}
	for range atOnce {
		var rows any = make([]uint8, c.Batch*set.RowSize())
		if b.form == FloatRows {
			rows = make([]float32, c.Batch*set.RowSize())
		}
		b.memory = append(b.memory, engine.Batch{rows, make([]float32, c.Batch*bits), make([]float32, 1), make([]float32, 1)})
	}
	return b
}

// perEpoch returns the number of steps in an epoch. What is left over takes part in other epochs.
func (b *batches) perEpoch() int { return b.set.Len() / b.config.Batch }

// at returns the batches of steps step, …, step+n-1 (from 0), which lie in one epoch. They are valid until the next call.
func (b *batches) at(step, n int) []engine.Batch {
	epoch := step/b.perEpoch() + 1
	if b.epoch != epoch {
		b.order = noise.Stream{Seed: b.config.Seed, Purpose: noise.Shuffle}.Permutation(b.set.Len(), uint32(epoch))
		b.epoch = epoch
	}
	for i := range n {
		first := (step + i) % b.perEpoch() * b.config.Batch
		b.fill(b.memory[i], step+i, b.order[first:first+b.config.Batch])
	}
	return b.memory[:n]
}

func (b *batches) fill(to engine.Batch, step int, rows []int) {
	size := b.set.RowSize()
	latent := noise.Stream{Seed: b.config.Seed, Purpose: noise.Latent}
	for i, row := range rows {
		switch data := to[0].(type) {
		case []uint8:
			b.binarizer.Bytes(data[i*size:][:size], b.set.Bytes(row), uint32(b.epoch), uint32(row))
		case []float32:
			values := data[i*size:][:size]
			b.set.Row(row, values)
			if b.config.Data.Binarize != dataset.Threshold { // that one is in the graph
				b.binarizer.Apply(values, uint32(b.epoch), uint32(row))
			}
		}
		latent.Uniform(to[1].([]float32)[i*b.width:][:b.width], uint32(step), uint32(i))
	}
	to[2].([]float32)[0] = float32(b.config.Temperature.At(step))
	to[3].([]float32)[0] = float32(b.config.Objective.At(step))
}
