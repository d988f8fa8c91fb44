package repository

import (
	"bytes"
	"context"
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/serve/batcher"
	"github.com/catvae/catvae/cmd/internal/serve/oip"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime"
)

// decoderParameters returns how many numbers of the decoder a value has.
func decoderParameters(m *runtime.Model) int64 {
	l, err := dist.LikelihoodOf(m.Manifest().LikelihoodConfig())
	if err != nil { // the model is open, so there is none
		return 1
	}
	return int64(l.Outputs())
}

// ladder returns the sizes of batches to try, up to the largest: a third of a batch at most is filled up.
func ladder(most int) (sizes []int) {
	for n := 1; n < most; n *= 2 {
		sizes = append(sizes, n)
		if third := n + n/2; n > 1 && third < most {
			sizes = append(sizes, third)
		}
	}
	return append(sizes, most)
}

// sizes returns the sizes of batches in which each row's result is, bit for bit, that of the largest. It runs made-up rows.
func (r *Repository) sizes(ctx context.Context, model *runtime.Model, m *Model, of oip.Datatype, rowBytes int, run batcher.Run) (sizes []int, err error) {
	out := 0
	for _, s := range m.Outputs {
		n, err := oip.Values(s.Shape)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		out += n * s.Datatype.Size()
	}
	most := min(r.o.MaxBatch, runtime.BatchOf(rowBytes+out, cap(r.o.Slots)))
	rows := tried(model, m.Input, of, most)
	want := uint32(1)<<len(m.Outputs) - 1
	whole, err := run(ctx, rows, most, want)
	if err != nil {
		return nil, fmt.Errorf("%s: trying %d made-up rows: %w", m.Name, most, err)
	}
	for _, n := range ladder(most) {
		part, err := run(ctx, rows[:n*rowBytes], n, want)
		if err != nil {
			return nil, fmt.Errorf("%s: trying %d made-up rows: %w", m.Name, n, err)
		}
		same := true
		for i := range part[:len(m.Outputs)] {
			same = same && bytes.HasPrefix(whole[i], part[i])
		}
		if same {
			sizes = append(sizes, n)
		} else {
			r.o.Log.Info("batches of this size are filled up: rows come out otherwise than in large ones", "model", m.Name, "rows", n)
		}
	}
	return sizes, nil
}

// tried makes up rows that a model takes: bytes of all values, as floats by the manifest's rule; logits around 0; codes of 0 and 1.
func tried(model *runtime.Model, in Spec, of oip.Datatype, n int) []byte {
	values, _ := oip.Values(in.Shape) // was looked at
	random := make([]float32, n*values)
	noise.Stream{Seed: 1}.Uniform(random, 0, 0)
	rule := model.Manifest().Input.Values()
	raw := make([]byte, 0, len(random))
	for i, u := range random {
		switch in.Name {
		case bundle.LatentLogits:
			random[i] = 8 * (u - 0.5)
		case bundle.Code:
			random[i] = 0
			if u > 0.5 {
				random[i] = 1
			}
		default:
			b := byte(256 * u)
			if x := rule.Byte(b); rule.Contains(x) {
				random[i] = x
			} else {
				b, random[i] = 0, rule.Byte(0)
			}
			raw = append(raw, b)
		}
	}
	if of == oip.UINT8 {
		return raw
	}
	return batcher.Bytes(random)
}
