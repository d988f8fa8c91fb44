package main

import (
	"context"
	"fmt"
	"time"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/engine"
	"gorgonia.org/tensor"
)

// config is one of the models of the table: perceptrons, or convolutions where there are channels.
type config struct {
	Hidden     int   `json:"hidden"`
	Variables  int   `json:"variables"`
	Categories int   `json:"categories"`
	Picture    []int `json:"picture,omitempty"`  // channels, height, width
	Channels   []int `json:"channels,omitempty"` // of two convolutions
}

var configs = map[string]config{
	"bernoulli":   {Hidden: 400, Variables: 200},
	"categorical": {Hidden: 400, Variables: 20, Categories: 10},
	"wide":        {Hidden: 1024, Variables: 512},

	"conv":             {Variables: 200, Picture: []int{1, 28, 28}, Channels: []int{16, 32}},
	"conv-colour":      {Variables: 200, Picture: []int{3, 32, 32}, Channels: []int{16, 32}},
	"conv-wide":        {Variables: 200, Picture: []int{1, 28, 28}, Channels: []int{64, 128}},
	"conv-colour-wide": {Variables: 200, Picture: []int{3, 32, 32}, Channels: []int{64, 128}},
}

var titles = map[string]string{
	"bernoulli":   "784-400-200, Bernoulli",
	"categorical": "784-400-20x10, categorical",
	"wide":        "784-1024-512, Bernoulli",

	"conv":             "1x28x28, convolutions of 16 and 32",
	"conv-colour":      "3x32x32, convolutions of 16 and 32",
	"conv-wide":        "1x28x28, convolutions of 64 and 128",
	"conv-colour-wide": "3x32x32, convolutions of 64 and 128",
}

func (c config) model() builder.Model {
	m := builder.Model{
		Input: []int{784}, Activation: builder.ReLU,
		Latent:  builder.Latent{Kind: dist.Bernoulli, Variables: c.Variables, Categories: c.Categories, Prior: builder.PriorUniform},
		Encoder: builder.MLP{Hidden: []int{c.Hidden}}, Decoder: builder.MLP{Hidden: []int{c.Hidden}},
	}
	if c.Channels != nil {
		m.Input, m.Encoder, m.Decoder = c.Picture, builder.Conv{Channels: c.Channels}, builder.Conv{Channels: c.Channels}
	}
	if c.Categories > 0 {
		m.Latent.Kind = dist.Categorical
	}
	return m
}

// compile makes our engine for a model of the table.
func compile(ctx context.Context, backend backend.Backend, c config, batch int) (*engine.Compiled, error) {
	trace, err := c.trace()
	if err != nil {
		return nil, err
	}
	return engine.Compile(ctx, backend, trace, optimizer, batch, engine.Options{})
}

// optimizer is what both sides train with.
var optimizer = engine.Optimizer{Name: "adam", LearningRate: 1e-3}

func (c config) trace() (engine.Trace, error) {
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		return nil, err
	}
	return train.TraceModel(c.model(), params, train.BitRows), nil
}

// contender takes steps as training does: rows gathered in a shuffled order, noise drawn, one step.
type contender struct {
	engine engine.Engine
	set    *dataset.Set // bytes of 0 and 1, or grey ones where they are binarised anew in each epoch
	draw   *dataset.Binarizer
	batch  engine.Batch
	rows   []uint8
	noise  []float32
	size   int
	width  int // of a row
	order  []int
	at     int
	epoch  uint32
	steps  uint32
	last   float64
}

func newContender(e engine.Engine, c config, set *dataset.Set, batch int) *contender {
	width := c.model().Width()
	k := &contender{engine: e, set: set, size: batch, width: width, rows: make([]uint8, batch*width), noise: make([]float32, batch*c.model().Bits())}
	k.batch = engine.Batch{"sample": k.rows, "noise": k.noise, "temperature": []float32{0.5}, "kl_weight": []float32{1}}
	return k
}

func (k *contender) step(ctx context.Context) error {
	if k.order == nil || k.at+k.size > len(k.order) {
		k.epoch++
		k.order, k.at = noise.Stream{Seed: 1, Purpose: noise.Shuffle}.Permutation(k.set.Len(), k.epoch), 0
	}
	width := len(k.noise) / k.size
	latent := noise.Stream{Seed: 1, Purpose: noise.Latent}
	for i, row := range k.order[k.at : k.at+k.size] {
		to := k.rows[i*k.width:][:k.width]
		switch {
		case k.width > 784:
			colour(to, k.set, row)
		case k.draw != nil:
			k.draw.Bytes(to, k.set.Bytes(row), k.epoch, uint32(row))
		default:
			copy(to, k.set.Bytes(row))
		}
		latent.Uniform(k.noise[i*width:][:width], k.steps, uint32(i))
	}
	k.at += k.size
	k.steps++
	values, err := k.engine.Step(ctx, k.batch)
	if err != nil {
		return err
	}
	k.last = values[0][0]
	return nil
}

// block takes steps and returns milliseconds a step.
func (k *contender) block(ctx context.Context, steps int) (float64, error) {
	start := time.Now()
	for range steps {
		if err := k.step(ctx); err != nil {
			return 0, fmt.Errorf("%s: %w", k.engine.Name(), err)
		}
	}
	return time.Since(start).Seconds() / float64(steps) * 1e3, nil
}
