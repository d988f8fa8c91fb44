package variant

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxcompose"
	"github.com/catvae/catvae/internal/onnxpb"
)

// A Comparison is what was seen of a variant beside float32, on rows that it was not calibrated on.
type Comparison struct {
	Rows          int     `json:"rows"`
	Bits          int     `json:"bits"`  // compared
	Equal         int     `json:"equal"` // of them
	Agreement     float64 `json:"agreement"`
	MaxDifference float64 `json:"max_logit_difference"`
	Bytes         int64   `json:"bytes"`      // of the graph
	SizeRatio     float64 `json:"size_ratio"` // over float32's graph

	RowsPerSecond        float64 `json:"rows_per_second"` // on the runner, batches of 512 rows (float16: of 32), runs that take turns with float32's
	Float32RowsPerSecond float64 `json:"float32_rows_per_second"`
	Speed                float64 `json:"speed"`  // median of the ratios of the two
	Faster               bool    `json:"faster"` // here: by more than 5 %
	Note                 string  `json:"note"`
}

// slowRows is how many rows float16 is compared on.
const slowRows = 1000

// least is how many bits must agree with float32.
var least = map[string]float64{bundle.VariantUint8: 0.9999, bundle.VariantInt8: 0.9, bundle.VariantFloat16: 0.995}

// Compare runs a variant and the bundle's own graphs on rows of bytes, and reports an [ErrQuality] where their bits differ
// too often. A bit within rounding of its threshold may fall either way.
func Compare(ctx context.Context, name string, model []byte, v bundle.Variant, s Source, rows []byte) (Comparison, error) {
	p, err := newPair(name, model, v, s)
	if err != nil {
		return Comparison{}, fmt.Errorf("variant: %s: %w", name, err)
	}
	defer p.close()
	race := raceRows
	if name == bundle.VariantFloat16 { // a CPU takes milliseconds for a row of it
		rows, race = rows[:min(len(rows), slowRows*p.input.RowSize())], raceRows/16
	}
	c := Comparison{Bytes: int64(len(model)), SizeRatio: float64(len(model)) / float64(len(p.float32Bytes))}
	if err := p.compare(ctx, &c, rows); err != nil {
		return c, fmt.Errorf("variant: %s: %w", name, err)
	}
	if c.Agreement < least[name] {
		return c, fmt.Errorf("variant: %s: %w: %.2f %% of the bits agree with float32, at least %.2f %% must", name, ErrQuality, 100*c.Agreement, 100*least[name])
	}
	if err := p.race(ctx, &c, rows, race); err != nil {
		return c, fmt.Errorf("variant: %s: %w", name, err)
	}
	c.Faster = c.Speed > 1.05
	c.Note = fmt.Sprintf("%.2f times as fast as float32 here", c.Speed)
	if !c.Faster {
		c.Note = fmt.Sprintf("not faster than float32 here (%.2f times)", c.Speed)
	}
	return c, nil
}

// pair is a variant beside float32: reference takes floats, rival what the variant takes.
type pair struct {
	input                     bundle.Input
	takes                     bundle.DType
	latent                    bundle.Latent
	float32Bytes              []byte
	variant, reference, rival Loaded
}

func newPair(name string, model []byte, v bundle.Variant, s Source) (*pair, error) {
	p := &pair{input: s.Manifest.Input, takes: v.Input, latent: s.Manifest.Latent}
	encoder, err := onnxpb.Unmarshal(s.Encoder)
	if err != nil {
		return nil, err
	}
	if p.float32Bytes, err = join(encoder, s.Threshold); err != nil {
		return nil, err
	}
	rival := p.float32Bytes
	if v.Input == bundle.Uint8 {
		if rival, err = onnxcompose.FromBytes(rival, p.input.Name, p.input.Scale); err != nil {
			return nil, err
		}
	}
	for _, g := range []struct {
		to    *Loaded
		model []byte
		label string
	}{{&p.variant, model, name}, {&p.reference, p.float32Bytes, "float32"}, {&p.rival, rival, "float32"}} {
		if *g.to, err = s.Load(g.model, g.label); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

func (p *pair) close() {
	for _, l := range []Loaded{p.variant, p.reference, p.rival} {
		if l != nil {
			l.Close()
		}
	}
}

// sample returns rows as a graph takes them.
func (p *pair) sample(takes bundle.DType, rows []byte) bundle.Tensor {
	n := len(rows) / p.input.RowSize()
	t := bundle.Tensor{Name: p.input.Name, Shape: append([]int64{int64(n)}, p.input.Shape...), Data: rows}
	if takes == bundle.Float32 {
		floats := make([]float32, len(rows))
		for i, b := range rows {
			floats[i] = float32(b) / 255
		}
		t.Data = floats
	}
	return t
}

func (p *pair) compare(ctx context.Context, c *Comparison, rows []byte) error {
	for size := p.input.RowSize(); len(rows) > 0; {
		n := min(batchRows, len(rows)/size)
		if n == 0 {
			return fmt.Errorf("%d bytes are no whole row of %d", len(rows), size)
		}
		logits, codes, err := results(p.variant.Run(ctx, p.sample(p.takes, rows[:n*size])))
		if err != nil {
			return err
		}
		wantLogits, want, err := results(p.reference.Run(ctx, p.sample(bundle.Float32, rows[:n*size])))
		if err != nil {
			return err
		}
		for i, x := range wantLogits {
			c.MaxDifference = max(c.MaxDifference, math.Abs(float64(x-logits[i])))
		}
		differ := 0
		for i, b := range want {
			differ += bits.OnesCount8(b ^ codes[i])
		}
		c.Rows += n
		c.Bits += n * p.latent.Bits()
		c.Equal += n*p.latent.Bits() - differ
		rows = rows[n*size:]
	}
	if c.Bits == 0 {
		return fmt.Errorf("there are no rows to compare on")
	}
	c.Agreement = float64(c.Equal) / float64(c.Bits)
	return nil
}

func results(out []bundle.Tensor, err error) (logits []float32, codes []byte, _ error) {
	if err != nil {
		return nil, nil, err
	}
	for _, t := range out {
		switch d := t.Data.(type) {
		case []float32:
			logits = d
		case []byte:
			codes = d
		}
	}
	if logits == nil || codes == nil {
		return nil, nil, fmt.Errorf("the graph gives no %s or no %s", bundle.LatentLogits, bundle.PackedCode)
	}
	return logits, codes, nil
}

// The race: runs of the variant and of float32 take turns.
const (
	raceRows   = 512
	raceRounds = 7
	raceTime   = 40 * time.Millisecond
)

func (p *pair) race(ctx context.Context, c *Comparison, rows []byte, batch int) error {
	repeated := make([]byte, batch*p.input.RowSize())
	for n := 0; n < len(repeated); {
		n += copy(repeated[n:], rows)
	}
	sample := p.sample(p.takes, repeated)
	rate := func(l Loaded) (float64, error) {
		n, began := 0, time.Now()
		for time.Since(began) < raceTime {
			if _, err := l.Run(ctx, sample); err != nil {
				return 0, err
			}
			n += batch
		}
		return float64(n) / time.Since(began).Seconds(), nil
	}
	var ours, theirs, ratios []float64
	for round := range raceRounds + 1 {
		a, err := rate(p.variant)
		if err != nil {
			return err
		}
		b, err := rate(p.rival)
		if err != nil {
			return err
		}
		if round > 0 { // the first warms up
			ours, theirs, ratios = append(ours, a), append(theirs, b), append(ratios, a/b)
		}
	}
	c.RowsPerSecond, c.Float32RowsPerSecond, c.Speed = median(ours), median(theirs), median(ratios)
	return nil
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
