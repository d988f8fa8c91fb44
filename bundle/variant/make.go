package variant

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
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
	// Rows are training rows to calibrate on.
	Rows        Rows
	Fingerprint string          // of the data set that the rows come from
	Backend     backend.Backend // runs graphs
	Timer       backend.Backend // runs what is timed, on one thread where a CPU does; Backend where it is nil
}

// Rows are rows, row after row, of bytes, or of numbers as the graph takes them where no bytes hold them. One of the two is nil.
type Rows struct {
	Bytes   []byte // the manifest says what number a byte means
	Numbers []float32
}

// count returns how many rows there are, and whether they are whole.
func (r Rows) count(in bundle.Input) (n int, whole bool) {
	values := max(len(r.Bytes), len(r.Numbers))
	return values / in.RowSize(), values%in.RowSize() == 0
}

// part returns rows from, to to-1.
func (r Rows) part(in bundle.Input, from, to int) Rows {
	size := in.RowSize()
	if r.Numbers != nil {
		return Rows{Numbers: r.Numbers[from*size : to*size]}
	}
	return Rows{Bytes: r.Bytes[from*size : to*size]}
}

// floats returns the rows as the graph takes them.
func (r Rows) floats(in bundle.Input) []float32 {
	if r.Numbers != nil {
		return r.Numbers
	}
	floats, table := make([]float32, len(r.Bytes)), in.Values().Table()
	for i, b := range r.Bytes {
		floats[i] = table[b]
	}
	return floats
}

// InBytes reports whether bytes hold the rows of a model. They do where numbers are divided as pixels are, and else not where these have
// fractions, or may be larger than what 255 stands for, as counts may.
func InBytes(in bundle.Input) bool {
	return in.Divide >= 128 || in.Numbers != bundle.NumbersReal && in.Range[1] <= 1.000001*float64(in.Values().Byte(255))
}

// Make returns a variant's graph and its entry in the manifest. Equal sources give equal graphs, as far as the loader's
// floats are equal.
func Make(ctx context.Context, name string, s Source) ([]byte, bundle.Variant, error) {
	if err := CheckName(name); err != nil {
		return nil, bundle.Variant{}, err
	}
	row := variants[name]
	v := bundle.Variant{File: File(name), Input: row.takes, Devices: row.devices}
	if in := s.Manifest.Input; row.takes == onnxtensor.Uint8 && !InBytes(in) {
		return nil, v, fmt.Errorf("variant: %s takes rows of bytes, and the model was trained on numbers within [%g,%g], divided by %g, which bytes do not hold: leave it out: %w", name, in.Range[0], in.Range[1], max(in.Divide, 1), ErrUnsupported)
	}
	if row.rewrite != nil && s.Manifest.Latent.Posterior == dist.PointPosterior {
		return nil, v, fmt.Errorf("variant: %s rounds products, and the model's encoder compares costs that may be nearly equal, one choice after the other: leave it out: %w", name, ErrUnsupported)
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
	model, err := join(encoder, s.Threshold, s.Manifest)
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
func join(encoder *onnxpb.ModelProto, threshold []byte, m *bundle.Manifest) ([]byte, error) {
	first, err := onnxpb.Marshal(encoder)
	if err != nil {
		return nil, err
	}
	outputs := []string{bundle.LatentLogits, bundle.PackedCode}
	for _, o := range m.OutputsOf(bundle.EncoderFile, bundle.ThresholdFile) {
		outputs = append(outputs, o.Name)
	}
	return onnxcompose.Chain(first, threshold, outputs...)
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
