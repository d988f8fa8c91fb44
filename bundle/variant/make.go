package variant

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxcompose"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"google.golang.org/protobuf/proto"
)

// These errors say why a variant cannot be made, or is not good enough to be written.
var (
	ErrUnsupported = errors.New("variant cannot be made")
	ErrQuality     = errors.New("variant is not good enough")
)

// File returns the path of a variant's graph inside a bundle.
func File(name string) string { return "variants/" + name + ".onnx" }

// A Source is the bundle that variants are made from.
type Source struct {
	Manifest           *bundle.Manifest
	Encoder, Threshold []byte
	// Rows are training rows as bytes, row after row, to calibrate int8 on. The manifest says what number a byte means.
	Rows        []byte
	Fingerprint string          // of the data set that the rows come from
	Backend     backend.Backend // runs graphs
	Timer       backend.Backend // runs what is timed, on one thread where a CPU does; Backend where it is nil
}

// Make returns a variant's graph and its entry in the manifest. Equal sources give equal graphs, as far as the loader's
// floats are equal.
func Make(ctx context.Context, name string, s Source) ([]byte, bundle.Variant, error) {
	if err := CheckName(name); err != nil {
		return nil, bundle.Variant{}, err
	}
	row := variants[name]
	v := bundle.Variant{File: File(name), Input: row.takes, Devices: row.devices}
	if in := s.Manifest.Input; row.takes == onnxtensor.Uint8 && in.Numbers == bundle.NumbersReal && in.Divide < 128 {
		return nil, v, fmt.Errorf("variant: %s takes rows of bytes, and the model was trained on numbers with fractions, divided by %g, which bytes do not hold: leave it out: %w", name, in.Divide, ErrUnsupported)
	}
	encoder, err := onnxpb.Unmarshal(s.Encoder)
	if err != nil {
		return nil, v, fmt.Errorf("variant: the encoder: %w", err)
	}
	if row.rewrite != nil {
		err = row.rewrite(ctx, encoder, s, &v)
	}
	if err != nil {
		return nil, v, fmt.Errorf("variant: %s: %w", name, err)
	}
	model, err := join(encoder, s.Threshold)
	if err == nil && row.finish != nil {
		model, err = row.finish(model, s)
	}
	if err == nil {
		model, err = label(model, name, row.doc, v.Input, s.Manifest)
	}
	if err != nil {
		return nil, v, fmt.Errorf("variant: %s: %w", name, err)
	}
	return model, v, nil
}

// join makes one graph of an encoder and a threshold.
func join(encoder *onnxpb.ModelProto, threshold []byte) ([]byte, error) {
	first, err := onnxpb.Marshal(encoder)
	if err != nil {
		return nil, err
	}
	return onnxcompose.Chain(first, threshold, bundle.LatentLogits, bundle.PackedCode)
}

// label describes a variant's graph well enough to use it alone.
func label(model []byte, name, doc string, takes onnxtensor.DType, m *bundle.Manifest) ([]byte, error) {
	p, err := onnxpb.Unmarshal(model)
	if err != nil {
		return nil, err
	}
	p.DocString, p.Graph.Name, p.Graph.DocString = proto.String(doc), proto.String(name), proto.String(doc)
	sample := fmt.Sprintf("Rows of %s within [%g,%g].", takes, m.Input.Range[0], m.Input.Range[1])
	if takes == onnxtensor.Uint8 {
		sample = fmt.Sprintf("Rows of bytes, each standing for itself times %.6g.", m.Input.Scale)
		if rule := m.Input.Values(); rule.Mean != 0 || rule.Deviation != 1 {
			sample = fmt.Sprintf("Rows of bytes b, each standing for (b / %g - %g) / %g.", rule.Bytes, rule.Mean, rule.Deviation)
		}
	}
	for _, in := range p.Graph.Input {
		if in.GetName() == m.Input.Name {
			in.DocString = &sample
		}
	}
	meta := m.Metadata(File(name))
	meta["catvae.input"], meta["catvae.variant"] = sample, name
	keys := make([]string, 0, len(meta))
	for key := range meta {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		p.MetadataProps = append(p.MetadataProps, &onnxpb.StringStringEntryProto{Key: proto.String(key), Value: proto.String(meta[key])})
	}
	return onnxpb.Marshal(p)
}
