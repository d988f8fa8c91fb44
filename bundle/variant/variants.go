package variant

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/onnxcompose"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// Names are the variants that can be made, in the order in which they are made.
var Names = []string{bundle.VariantInt8, bundle.VariantUint8, bundle.VariantFloat16}

// variants holds other ways to compute an encoder and its threshold, by the names of package bundle: one row each.
var variants = map[string]struct {
	doc     string           // of the graph
	takes   onnxtensor.DType // of the rows
	devices []string         // where it is meant to run
	least   float64          // the share of bits that must agree with float32's
	exact   bool             // whether all bits must agree that are further than [Margin] from a decision

	// rewrite changes the encoder, and adds to the variant's entry in the manifest; nil for none.
	rewrite func(ctx context.Context, encoder *onnxpb.ModelProto, s Source, v *bundle.Variant) error
	// finish changes encoder and threshold once they are one graph; nil for none.
	finish func(model []byte, s Source) ([]byte, error)
}{
	bundle.VariantInt8: {
		doc:   "Latent logits and packed codes of rows of bytes, quantised to 8 bits with static scales.",
		takes: onnxtensor.Uint8, devices: []string{"cpu"}, least: 0.9, rewrite: toInt8,
	},
	bundle.VariantUint8: {
		doc:   "Latent logits and packed codes of rows of bytes, in float32.",
		takes: onnxtensor.Uint8, devices: []string{"cpu", "cuda"}, exact: true, finish: fromBytes,
	},
	bundle.VariantFloat16: {
		doc:   "Latent logits and packed codes of rows, products in float16.",
		takes: onnxtensor.Float32, devices: []string{"cuda"}, least: 0.999, rewrite: toHalf,
	},
}

// Exact reports whether a variant gives float32's codes, and does not have its own arithmetic.
func Exact(name string) bool { return variants[name].exact }

// CheckName reports a name that no variant has.
func CheckName(name string) error {
	if !slices.Contains(Names, name) {
		return fmt.Errorf("variant: no variant is called %q: use %s", name, strings.Join(Names, ", "))
	}
	return nil
}

// toInt8 turns every product into one of bytes, and records the scales and what they were taken from.
func toInt8(ctx context.Context, encoder *onnxpb.ModelProto, s Source, v *bundle.Variant) (err error) {
	v.Activations, err = quantize(ctx, encoder, s)
	rows, _ := s.Rows.count(s.Manifest.Input)
	v.Calibrated = &bundle.Calibration{Rows: rows, Fingerprint: s.Fingerprint}
	return err
}

// toHalf turns every product into one of float16, if the activations of the calibration rows fit.
func toHalf(ctx context.Context, encoder *onnxpb.ModelProto, s Source, _ *bundle.Variant) error {
	seen, err := calibrate(ctx, encoder, s, operands(encoder.Graph, true))
	if err != nil {
		return err
	}
	if err := checkRange16(seen); err != nil {
		return err
	}
	first, before := s.Manifest.Input.Name, []*onnxpb.NodeProto(nil)
	switch s.Manifest.Input.Standard.Dist().Kind() {
	case dist.StandardNone:
	case dist.StandardVector:
		before, first = preparing(encoder.Graph, first)
	default:
		before, first = standardising(encoder.Graph, first)
	}
	return toFloat16(encoder.Graph, first, before)
}

// fromBytes lets a graph take bytes, by the manifest's rule.
func fromBytes(model []byte, s Source) ([]byte, error) {
	rule := s.Manifest.Input.Values()
	return onnxcompose.FromBytes(model, s.Manifest.Input.Name, rule.Bytes, rule.Mean, rule.Deviation)
}
