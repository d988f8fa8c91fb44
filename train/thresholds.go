package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/projection"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/train/engine"
	"github.com/catvae/catvae/train/retrieval"
	"github.com/catvae/catvae/train/rivals"
)

// Thresholds say where the bits of codes are decided by some weights, and how that was found. No step depends on them, and no bound:
// those are of samples of the posterior. See builder.Latent.Thresholds.
type Thresholds struct {
	Chosen  string   `json:"chosen"`                  // builder.ThresholdsZero or builder.ThresholdsMedian
	Rows    int      `json:"rows"`                    // trained on, evenly taken, of whose logits the medians are
	HeldOut int      `json:"held_out,omitempty"`      // rows that chose; 0 where the configuration did
	Zero    *float64 `json:"recall_zero,omitempty"`   // recall@10 of these rows' codes
	Median  *float64 `json:"recall_median,omitempty"` // the same

	values []float32 // one for each bit that is decided by one; nil for 0. A checkpoint has them in state.safetensors
}

// thresholdsTensor is the name of the values in state.safetensors.
const thresholdsTensor = "latent/thresholds"

// mostMedian is of how many rows medians are taken, and mostLogits of how many logits in all.
const (
	mostMedian = 20_000
	mostLogits = 1 << 26
)

// By how many held-out rows thresholds are chosen, and how many of them search. mostChosenNumbers bounds the numbers of the rows.
const (
	mostChosen        = 10_000
	mostChosenNumbers = 1 << 28
	choosingQueries   = 1000
	choosingRecall    = 10
)

// checkThresholds reports thresholds that nothing can choose.
func (c Config) checkThresholds(held int) error {
	if c.Latent.Thresholds == builder.ThresholdsBest && held <= choosingRecall+1 {
		return fmt.Errorf("train: latent.thresholds is %s, and %d rows are held out, by which they are chosen: set data.validation to %d or more, or latent.thresholds=%s: %w",
			builder.ThresholdsBest, held, choosingRecall+2, builder.ThresholdsMedian, ErrConfig)
	}
	return nil
}

// checkBest reports a choice by rows whose nearest ones are not what codes are for.
func (c Config) checkBest() error {
	if c.Latent.Thresholds == builder.ThresholdsBest && c.Data.Predict > 0 {
		return fmt.Errorf("train: latent.thresholds is %s, and data.predict %d: codes are of a part of a row then, and whole rows say what is near: set latent.thresholds=%s: %w",
			builder.ThresholdsBest, c.Data.Predict, builder.ThresholdsMedian, ErrConfig)
	}
	return nil
}

// String says it in a line, "" for nil.
func (t *Thresholds) String() string {
	switch {
	case t == nil:
		return ""
	case t.HeldOut == 0:
		return fmt.Sprintf("each bit is decided at the median of its logit over %d of the rows trained on", t.Rows)
	}
	chosen := "0"
	if t.Chosen == builder.ThresholdsMedian {
		chosen = fmt.Sprintf("the median of its logit over %d of the rows trained on", t.Rows)
	}
	return fmt.Sprintf("each bit is decided at %s: of %d held-out rows recall@%d is %.3f at 0 and %.3f at the medians", chosen, t.HeldOut, choosingRecall, *t.Zero, *t.Median)
}

// decide finds the thresholds for the weights that r.trained has, and decides its codes by them.
func (r *run) decide(ctx context.Context) (*Thresholds, error) {
	r.trained.Thresholds = nil
	if !r.config.Latent.Calibrated() {
		return nil, nil
	}
	model, err := r.trained.InMemory(ctx, r.options.resting())
	if err != nil {
		return nil, err
	}
	defer model.Close()
	taken := projection.Evenly(r.training.Len(), min(mostMedian, max(1, mostLogits/r.trained.Model.Latent.Dist().Logits())))
	t := &Thresholds{Chosen: builder.ThresholdsMedian, Rows: len(taken)}
	if t.values, err = medianLogits(ctx, model, r.training.Select(taken)); err != nil {
		return nil, err
	}
	if r.config.Latent.Thresholds == builder.ThresholdsBest {
		if err := r.choose(ctx, model, t); err != nil {
			return nil, err
		}
	}
	r.trained.Thresholds = t.values
	return t, nil
}

// decideNow is decide for the newest weights. The next checkpoint of their step keeps what it finds.
func (r *run) decideNow(ctx context.Context) error {
	if r.thresholdsNow() == nil {
		t, err := r.decide(ctx)
		if err != nil {
			return err
		}
		r.decided, r.decidedAt = t, r.step
	}
	r.trained.Thresholds = r.decided.of()
	return nil
}

// stop saves the last checkpoint of a run that ends within an epoch. Where no epoch ended before, its weights are those that are exported, so that it
// has their thresholds too.
func (r *run) stop() error {
	if r.best == nil && r.config.Latent.Calibrated() {
		if err := setParams(r.trained.Params, r.engine.State().Tensors); err != nil {
			return fmt.Errorf("train: %w", err)
		}
		if err := r.decideNow(context.Background()); err != nil {
			return err
		}
	}
	return r.checkpoint()
}

// thresholdsNow returns the thresholds of the newest weights, nil where they were not asked for, or are not known.
func (r *run) thresholdsNow() *Thresholds {
	if r.decidedAt != r.step {
		return nil
	}
	return r.decided
}

// of returns the numbers, nil for 0.
func (t *Thresholds) of() []float32 {
	if t == nil {
		return nil
	}
	return t.values
}

// choose takes the thresholds back if 0 finds as many of the nearest rows of floats as they do.
func (r *run) choose(ctx context.Context, model *runtime.Model, t *Thresholds) (err error) {
	held := r.held.Select(projection.Evenly(r.held.Len(), min(mostChosen, max(choosingRecall+2, mostChosenNumbers/r.held.RowSize()))))
	if r.ground == nil { // whose rows stay the same
		r.ground, err = rivals.NewGround(ctx, held, rivals.Options{
			Queries: choosingQueries, Which: rivals.RandomRows, Metric: retrieval.Cosine, Standard: r.trained.Model.Standard, Seed: r.config.Seed, Recall: choosingRecall,
		})
		if err != nil {
			return fmt.Errorf("train: latent.thresholds: %w", err)
		}
	}
	latent := model.Manifest().Latent.Dist()
	above := latent
	above.Thresholds = t.values
	packed, err := packedAt(ctx, model, held, latent, above)
	if err != nil {
		return err
	}
	recall := make([]float64, len(packed))
	for i := range packed {
		if recall[i], err = r.ground.Recall(ctx, packed[i], latent.Bits()); err != nil {
			return fmt.Errorf("train: latent.thresholds: %w", err)
		}
	}
	t.HeldOut, t.Zero, t.Median = held.Len(), &recall[0], &recall[1]
	if recall[1] <= recall[0]+1e-9 { // rounding of the sum
		t.Chosen, t.values = builder.ThresholdsZero, nil
	}
	return nil
}

// logitsChunk is how many rows are encoded at once.
const logitsChunk = 256

// eachLogits calls f for every row of a set, in order, with its latent logits.
func eachLogits(ctx context.Context, model *runtime.Model, set *dataset.Set, f func(row int, logits []float32) error) error {
	size, width := set.RowSize(), model.Manifest().Latent.Dist().Logits()
	rows, logits := make([]float32, min(logitsChunk, set.Len())*size), []float32(nil)
	for from := 0; from < set.Len(); from += logitsChunk {
		n := min(logitsChunk, set.Len()-from)
		for i := range n {
			set.Row(from+i, rows[i*size:][:size])
		}
		var err error
		if logits, err = model.Logits(ctx, logits[:0], rows[:n*size]); err != nil {
			return err
		}
		for i := range n {
			if err := f(from+i, logits[i*width:][:width]); err != nil {
				return err
			}
		}
	}
	return nil
}

// medianLogits returns the median over a set's rows of each logit that is decided by a threshold.
func medianLogits(ctx context.Context, model *runtime.Model, set *dataset.Set) ([]float32, error) {
	places, n := model.Manifest().Latent.Dist().Decided(), set.Len()
	columns := make([]float32, len(places)*n)
	err := eachLogits(ctx, model, set, func(row int, logits []float32) error {
		for i, place := range places {
			x := logits[place]
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				return fmt.Errorf("train: a latent logit is %g: set optimizer.learning_rate lower, or optimizer.clip to 100", x)
			}
			columns[i*n+row] = x
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	medians := make([]float32, len(places))
	for i := range medians {
		medians[i] = median(columns[i*n:][:n])
	}
	return medians, nil
}

// median sorts numbers and returns the middle one, or of two the number halfway between: such that of an even number of different values
// half are above it, as a bit is set that is above its threshold.
func median(x []float32) float32 {
	slices.Sort(x)
	low, high := x[(len(x)-1)/2], x[len(x)/2]
	m := float32((float64(low) + float64(high)) / 2)
	if m >= high {
		m = low
	}
	return m + 0 // no negative zero
}

// packedAt returns the packed codes of a set's rows as each of several latents decides them.
func packedAt(ctx context.Context, model *runtime.Model, set *dataset.Set, latents ...dist.Latent) ([][]byte, error) {
	packed := make([][]byte, len(latents))
	err := eachLogits(ctx, model, set, func(_ int, logits []float32) (err error) {
		for i, l := range latents {
			code := make([]float32, l.Bits())
			l.Harden(code, logits)
			if packed[i], err = codes.Pack(packed[i], code, len(code)); err != nil {
				return err
			}
		}
		return nil
	})
	return packed, err
}

// tensor is the numbers as a checkpoint has them, none for 0.
func (t *Thresholds) tensor() []onnxtensor.Tensor {
	if t.of() == nil {
		return nil
	}
	return []onnxtensor.Tensor{{Name: thresholdsTensor, Shape: []int64{int64(len(t.values))}, Data: t.values}}
}

// takeThresholds takes the thresholds out of the tensors of a checkpoint.
func (c *Checkpoint) takeThresholds(s *engine.State) error {
	t, rest, found := takeTensor(s.Tensors, thresholdsTensor)
	if median := c.Thresholds != nil && c.Thresholds.Chosen == builder.ThresholdsMedian; median != found {
		return errors.New("its thresholds are not those that it says")
	}
	if !found {
		return nil
	}
	values, ok := t.Data.([]float32)
	if !ok {
		return fmt.Errorf("%s are no float32", thresholdsTensor)
	}
	c.Thresholds.values, s.Tensors = values, rest
	return nil
}

// thresholdsOf returns the thresholds of a checkpoint's weights, as a model takes them: nil for 0. A checkpoint within an epoch has
// none yet.
func (c Checkpoint) thresholdsOf(l builder.Latent) ([]float32, error) {
	if !l.Calibrated() {
		return nil, nil
	}
	if c.Thresholds == nil {
		return nil, fmt.Errorf("train: the checkpoint of step %d has no thresholds, which latent.thresholds=%s takes when an epoch ends: let it train for longer, or resume it", c.Step, l.Thresholds)
	}
	values := c.Thresholds.values
	if n := len(l.Dist().Decided()); values != nil && len(values) != n {
		return nil, fmt.Errorf("train: the checkpoint of step %d has %d thresholds, and the model %d bits that have one: %w: %w", c.Step, len(values), n, ErrCheckpoint, ErrResume)
	}
	return values, nil
}
