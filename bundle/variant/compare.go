package variant

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxcompose"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
)

// A Comparison compares a variant with float32, on rows that it was not calibrated on.
type Comparison struct {
	Rows          int     `json:"rows"`
	Bits          int     `json:"bits"`  // compared
	Equal         int     `json:"equal"` // of them
	Agreement     float64 `json:"agreement"`
	Turned        int     `json:"turned"` // of those that differ: bits that are further from a decision than float32's own rounding
	MaxDifference float64 `json:"max_logit_difference"`
	Bytes         int64   `json:"bytes"`      // of the graph
	SizeRatio     float64 `json:"size_ratio"` // over float32's graph

	Batch                int     `json:"batch"`           // rows a run when it was timed
	RowsPerSecond        float64 `json:"rows_per_second"` // in runs that take turns with float32's
	Float32RowsPerSecond float64 `json:"float32_rows_per_second"`
	Speed                float64 `json:"speed"`  // median of the ratios of the two
	Faster               bool    `json:"faster"` // here: by more than 5 % in two rounds of three
	Note                 string  `json:"note"`
}

// Margin is how near to a decision float32's own rounding may flip a bit: see dist.Latent.NearDecision.
const Margin = 1e-4

// Compare runs a variant and the bundle's own graphs on rows, and reports an [ErrQuality] where their bits differ
// too often.
func Compare(ctx context.Context, name string, model []byte, v bundle.Variant, s Source, rows Rows) (Comparison, error) {
	p, err := newPair(ctx, name, model, v, s)
	if err != nil {
		return Comparison{}, fmt.Errorf("variant: %s: %w", name, err)
	}
	defer p.close()
	c := Comparison{Bytes: int64(len(model)), SizeRatio: float64(len(model)) / float64(len(p.float32Bytes))}
	if err := p.compare(ctx, &c, rows); err != nil {
		return c, fmt.Errorf("variant: %s: %w", name, err)
	}
	if c.Agreement < variants[name].least {
		return c, fmt.Errorf("variant: %s: %w: %.2f %% of the bits agree with float32, at least %.2f %% must", name, ErrQuality, 100*c.Agreement, 100*variants[name].least)
	}
	if variants[name].exact && c.Turned > 0 {
		return c, fmt.Errorf("variant: %s: %w: %d of %d bits differ from float32, beyond rounding", name, ErrQuality, c.Turned, c.Bits)
	}
	if err := p.race(ctx, &c, rows); err != nil {
		return c, fmt.Errorf("variant: %s: %w", name, err)
	}
	c.Note = fmt.Sprintf("%.2f times as fast as float32 here", c.Speed)
	if !c.Faster {
		c.Note = fmt.Sprintf("not faster than float32 here (%.2g times)", c.Speed)
	}
	return c, nil
}

// pair is a variant and float32. Variant and reference are compared; fast and rival are timed. The rival of int8 takes
// bytes too, as runtime makes float32 take them. uint8 is that same graph, so its rival takes floats.
type pair struct {
	input                           bundle.Input
	takes, rivalTakes               onnxtensor.DType
	latent                          bundle.Latent
	float32Bytes                    []byte
	variant, reference, fast, rival backend.Graph
}

func newPair(ctx context.Context, name string, model []byte, v bundle.Variant, s Source) (*pair, error) {
	p := &pair{input: s.Manifest.Input, takes: v.Input, latent: s.Manifest.Latent}
	encoder, err := onnxpb.Unmarshal(s.Encoder)
	if err != nil {
		return nil, err
	}
	if p.float32Bytes, err = join(encoder, s.Threshold, s.Manifest); err != nil {
		return nil, err
	}
	rival := p.float32Bytes
	p.rivalTakes = onnxtensor.Float32
	if v.Input == onnxtensor.Uint8 && name != bundle.VariantUint8 {
		p.rivalTakes = onnxtensor.Uint8
		rule := p.input.Values()
		if rival, err = onnxcompose.FromBytes(rival, p.input.Name, rule.Bytes, rule.Mean, rule.Deviation); err != nil {
			return nil, err
		}
	}
	timed := s.Timer
	if timed == nil {
		timed = s.Backend
	}
	for _, g := range []struct {
		to    *backend.Graph
		on    backend.Backend
		model []byte
		label string
	}{{&p.variant, s.Backend, model, name}, {&p.reference, s.Backend, p.float32Bytes, "float32"}, {&p.fast, timed, model, name}, {&p.rival, timed, rival, "float32"}} {
		if *g.to, err = backend.Load(ctx, g.on, g.model, g.label); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

func (p *pair) close() {
	for _, l := range []backend.Graph{p.variant, p.reference, p.fast, p.rival} {
		if l != nil {
			l.Close()
		}
	}
}

// sample returns rows as a graph takes them.
func (p *pair) sample(takes onnxtensor.DType, rows Rows) onnxtensor.Tensor {
	n, _ := rows.count(p.input)
	t := onnxtensor.Tensor{Name: p.input.Name, Shape: append([]int64{int64(n)}, p.input.Shape...), Data: rows.Bytes}
	if takes == onnxtensor.Float32 {
		t.Data = rows.floats(p.input)
	}
	return t
}

func (p *pair) compare(ctx context.Context, c *Comparison, rows Rows) error {
	all, whole := rows.count(p.input)
	if !whole {
		return fmt.Errorf("the rows to compare on are not whole rows of %d values", p.input.RowSize())
	}
	for at := 0; at < all; at += batchRows {
		n := min(batchRows, all-at)
		part := rows.part(p.input, at, at+n)
		logits, codes, err := results(p.variant.Run(ctx, p.sample(p.takes, part)))
		if err != nil {
			return err
		}
		wantLogits, want, err := results(p.reference.Run(ctx, p.sample(onnxtensor.Float32, part)))
		if err != nil {
			return err
		}
		c.add(p.latent, n, logits, wantLogits, codes, want)
	}
	if c.Bits == 0 {
		return fmt.Errorf("no rows to compare on are given")
	}
	c.Agreement = float64(c.Equal) / float64(c.Bits)
	return nil
}

// add counts the bits of n rows.
func (c *Comparison) add(l bundle.Latent, n int, logits, wantLogits []float32, codes, want []byte) {
	bits, width, of := l.Bits(), l.PackedBytes(), l.Dist().Logits()
	row := make([]float64, of)
	for i := range n {
		for j, x := range wantLogits[i*of:][:of] {
			row[j] = float64(x)
			c.MaxDifference = max(c.MaxDifference, math.Abs(float64(x-logits[i*of+j])))
		}
		a, b := codes[i*width:][:width], want[i*width:][:width]
		if !bytes.Equal(a, b) {
			near := l.Dist().NearDecision(row, Margin)
			for j := range bits {
				if (a[j/8]^b[j/8])>>(7-j%8)&1 == 0 {
					continue
				}
				c.Equal--
				if !near[j] {
					c.Turned++
				}
			}
		}
	}
	c.Rows += n
	c.Bits += n * bits
	c.Equal += n * bits
}

// results finds logits and packed codes among a variant's outputs, which may be more.
func results(out []onnxtensor.Tensor, err error) (logits []float32, codes []byte, _ error) {
	if err != nil {
		return nil, nil, err
	}
	for _, t := range out {
		switch t.Name {
		case bundle.LatentLogits:
			logits, _ = t.Data.([]float32)
		case bundle.PackedCode:
			codes, _ = t.Data.([]byte)
		}
	}
	if logits == nil || codes == nil {
		return nil, nil, fmt.Errorf("the graph gives no %s or no %s", bundle.LatentLogits, bundle.PackedCode)
	}
	return logits, codes, nil
}

// The race: runs of the variant and of float32 take turns.
const (
	raceRows   = 512 // a run, or fewer of a large model
	raceRounds = 15
)

var raceTime = 30 * time.Millisecond // of each in a round; tests, which look at no times, take less

func (p *pair) race(ctx context.Context, c *Comparison, rows Rows) error {
	for c.Batch = raceRows; ; c.Batch /= 4 {
		x, y, err := p.round(ctx, c.Batch, rows) // warms up, too
		if err != nil {
			return err
		}
		if slow := float64(c.Batch) / min(x, y); c.Batch <= raceRows/32 || slow < 8*raceTime.Seconds() {
			break
		}
	}
	var ours, theirs, ratios []float64
	for range raceRounds {
		x, y, err := p.round(ctx, c.Batch, rows)
		if err != nil {
			return err
		}
		ours, theirs, ratios = append(ours, x), append(theirs, y), append(ratios, x/y)
	}
	c.RowsPerSecond, c.Float32RowsPerSecond, c.Speed = median(ours), median(theirs), median(ratios)
	c.Faster = ratios[len(ratios)/3] > 1.05 // sorted
	return nil
}

// round returns how many rows the variant and its rival take in a second, one after the other.
func (p *pair) round(ctx context.Context, batch int, rows Rows) (ours, theirs float64, err error) {
	var repeated Rows
	if size := batch * p.input.RowSize(); rows.Numbers != nil {
		repeated.Numbers = cycle(rows.Numbers, size)
	} else {
		repeated.Bytes = cycle(rows.Bytes, size)
	}
	if ours, err = rate(ctx, p.fast, p.sample(p.takes, repeated)); err != nil {
		return 0, 0, err
	}
	theirs, err = rate(ctx, p.rival, p.sample(p.rivalTakes, repeated))
	return ours, theirs, err
}

// cycle returns the first n values of a list that is repeated.
func cycle[T any](list []T, n int) []T {
	list = list[:min(n, len(list))]
	return slices.Repeat(list, n/len(list)+1)[:n]
}

// rate returns how many rows a graph takes in a second, from the shortest of a few runs: other work on the machine
// makes the others longer.
func rate(ctx context.Context, l backend.Graph, sample onnxtensor.Tensor) (float64, error) {
	shortest := math.Inf(1)
	for began := time.Now(); ; {
		start := time.Now()
		if _, err := l.Run(ctx, sample); err != nil {
			return 0, err
		}
		shortest = min(shortest, time.Since(start).Seconds())
		if time.Since(began) >= raceTime {
			return float64(sample.Shape[0]) / shortest, nil
		}
	}
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
