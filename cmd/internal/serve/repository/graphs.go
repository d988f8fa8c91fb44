package repository

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/serve/batcher"
	"github.com/catvae/catvae/cmd/internal/serve/oip"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
)

// A graph is a row of the table of what each bundle serves.
type graph struct {
	suffix  string // of the model's name
	input   func(m *runtime.Model) Spec
	outputs func(m *runtime.Model) []Spec
	lanes   func(m *runtime.Model) map[oip.Datatype]way
}

// A way is how rows of a datatype are checked and run.
type way struct {
	check func(rows []byte) error
	run   batcher.Run
}

// graphs is the table.
var graphs = []graph{
	{"", sampleOf, encodeOutputs, encodeWays},
	{"-encoder", floatSampleOf, encoderOutputs, encoderWays},
	{"-threshold", logitsOf, thresholdOutputs, thresholdWays},
	{"-decoder", codeOf, decoderOutputs, decoderWays},
}

// Names returns the names of the models of a bundle.
func Names(bundle string) (names []string) {
	for _, g := range graphs {
		names = append(names, bundle+g.suffix)
	}
	return names
}

func int64s(shape []int) (list []int64) {
	for _, d := range shape {
		list = append(list, int64(d))
	}
	return list
}

// sampleOf is what a bundle's rows are named as: bytes where they are pictures, floats otherwise; both are taken.
func sampleOf(m *runtime.Model) Spec {
	s := floatSampleOf(m)
	if _, pictures := runtime.Pictures(m.Manifest().Input); pictures || takesBytesOnly(m) {
		s.Datatype = oip.UINT8
	}
	return s
}

func floatSampleOf(m *runtime.Model) Spec {
	in := m.Manifest().Input
	return Spec{in.Name, oip.FP32, in.Shape}
}

// takesBytesOnly reports a variant that has no way for floats.
func takesBytesOnly(m *runtime.Model) bool {
	return m.Manifest().Variants[m.Variant()].Input == backend.Uint8
}

func packedOf(m *runtime.Model) Spec {
	return Spec{bundle.PackedCode, oip.UINT8, []int64{int64(m.Manifest().Latent.PackedBytes())}}
}

func codeOf(m *runtime.Model) Spec {
	return Spec{bundle.Code, oip.FP32, int64s(m.Manifest().Latent.Dist().CodeShape())}
}

func logitsOf(m *runtime.Model) Spec {
	return Spec{bundle.LatentLogits, oip.FP32, int64s(m.Manifest().Latent.Dist().LogitsShape())}
}

func encodeOutputs(m *runtime.Model) []Spec { return []Spec{packedOf(m)} }

func encodeWays(m *runtime.Model) map[oip.Datatype]way {
	ways := map[oip.Datatype]way{oip.UINT8: {m.CheckBytes, func(ctx context.Context, rows []byte, _ int, _ uint32) ([][]byte, error) {
		codes, err := m.EncodeBytes(ctx, nil, rows)
		return [][]byte{codes}, err
	}}}
	if !takesBytesOnly(m) {
		ways[oip.FP32] = way{checkFloats(m.CheckRows), func(ctx context.Context, rows []byte, _ int, _ uint32) ([][]byte, error) {
			codes, err := m.Encode(ctx, nil, batcher.Floats(rows))
			return [][]byte{codes}, err
		}}
	}
	return ways
}

func encoderOutputs(m *runtime.Model) []Spec {
	list := []Spec{logitsOf(m)}
	for _, o := range m.Manifest().OutputsOf(bundle.EncoderFile) {
		if o.Name == bundle.Query {
			list = append(list, Spec{o.Name, oip.FP32, int64s(o.Shape)})
		}
	}
	return list
}

func encoderWays(m *runtime.Model) map[oip.Datatype]way {
	if takesBytesOnly(m) {
		return nil
	}
	outputs := []func(ctx context.Context, dst, rows []float32) ([]float32, error){m.Logits, m.Query}
	return floatWay(checkFloats(m.CheckRows), func(ctx context.Context, rows []byte, _ int, want uint32) ([][]byte, error) {
		results := make([][]byte, len(outputs))
		for i, compute := range outputs {
			if want>>i&1 == 1 {
				values, err := compute(ctx, nil, batcher.Floats(rows))
				if err != nil {
					return nil, err
				}
				results[i] = batcher.Bytes(values)
			}
		}
		return results, nil
	})
}

func thresholdOutputs(m *runtime.Model) []Spec { return []Spec{codeOf(m), packedOf(m)} }

func thresholdWays(m *runtime.Model) map[oip.Datatype]way {
	return floatWay(checkFloats(m.CheckLogits), func(ctx context.Context, rows []byte, _ int, _ uint32) ([][]byte, error) {
		codes, packed, err := m.ThresholdBoth(ctx, nil, nil, batcher.Floats(rows))
		return [][]byte{batcher.Bytes(codes), packed}, err
	})
}

func decoderOutputs(m *runtime.Model) []Spec {
	target := int64s(m.Manifest().TargetShape())
	logits := append([]int64(nil), target...)
	if n := decoderParameters(m); n > 1 {
		logits = append(logits, n)
	}
	return []Spec{{bundle.Reconstruction, oip.FP32, target}, {bundle.ReconstructionLogits, oip.FP32, logits}}
}

func decoderWays(m *runtime.Model) map[oip.Datatype]way {
	return floatWay(checkFloats(m.CheckCodes), func(ctx context.Context, rows []byte, _ int, want uint32) ([][]byte, error) {
		if want == 1 {
			values, err := m.Decode(ctx, nil, batcher.Floats(rows))
			return [][]byte{batcher.Bytes(values), nil}, err
		}
		values, logits, err := m.DecodeBoth(ctx, nil, nil, batcher.Floats(rows))
		return [][]byte{batcher.Bytes(values), batcher.Bytes(logits)}, err
	})
}

func floatWay(check func([]byte) error, run batcher.Run) map[oip.Datatype]way {
	return map[oip.Datatype]way{oip.FP32: {check, run}}
}

// checkFloats checks rows that lie in memory as bytes.
func checkFloats(check func([]float32) error) func([]byte) error {
	return func(rows []byte) error { return check(batcher.Floats(rows)) }
}

// modelsOf makes the models of a bundle.
func (r *Repository) modelsOf(ctx context.Context, b *Bundle) (list []*Model, err error) {
	for _, g := range graphs {
		ways := g.lanes(b.model)
		if len(ways) == 0 {
			continue
		}
		m := &Model{Name: b.Name + g.suffix, Version: b.Version, Input: g.input(b.model), Outputs: g.outputs(b.model), Stats: &Stats{}, bundle: b, lanes: map[oip.Datatype]*lane{}, most: r.o.MaxRows, delay: r.o.Delay}
		for of, w := range ways {
			values, err := oip.Values(m.Input.Shape)
			if err != nil {
				return list, fmt.Errorf("%s: %w", m.Name, err)
			}
			rowBytes := values * of.Size()
			sizes, err := r.sizes(ctx, b.model, m, of, rowBytes, w.run)
			if err != nil {
				return list, err
			}
			m.lanes[of] = &lane{rowBytes: rowBytes, check: w.check, Batcher: batcher.New(batcher.Options{
				RowBytes: rowBytes, Sizes: sizes, Delay: r.o.Delay, QueueRows: r.o.QueueRows, Slots: r.o.Slots, Run: w.run, Observe: m.Stats.observe,
			})}
		}
		list = append(list, m)
	}
	return list, nil
}
