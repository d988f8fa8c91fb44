package runtime

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxcompose"
	"github.com/catvae/catvae/runtime/backend"
)

// program returns a graph from samples, floats or bytes, to some of the encoder's and threshold's outputs: the two as one,
// so that what would cross the border between them stays inside. A model with a variant takes the variant's graph, which
// may have more outputs. Graphs are made at the first use and kept.
func (m *Model) program(ctx context.Context, from backend.DType, outputs ...string) (backend.Graph, error) {
	name := m.programName(from, outputs)
	m.programs.Lock()
	defer m.programs.Unlock()
	if m.closed {
		return nil, fmt.Errorf("runtime: %w", ErrClosed)
	}
	if g, ok := m.programs.graphs[name]; ok {
		return g, nil
	}
	model, err := m.compose(from, outputs)
	if err != nil {
		return nil, err
	}
	g, err := m.load(ctx, model, name)
	if err != nil {
		return nil, err
	}
	m.programs.graphs[name] = g
	return g, nil
}

// programName tells programs apart. A variant's graph has its outputs, whichever are asked for.
func (m *Model) programName(from backend.DType, outputs []string) string {
	if m.variant != "" {
		return m.variant + " of " + string(from)
	}
	return string(from) + " to " + strings.Join(outputs, " and ")
}

// compose makes the model of a program.
func (m *Model) compose(from backend.DType, outputs []string) ([]byte, error) {
	input := m.manifest.Input
	takes := backend.Float32
	var model []byte
	var err error
	if v, ok := m.manifest.Variants[m.variant]; ok {
		model, takes = m.graphs[v.File], v.Input
	} else if model, err = onnxcompose.Chain(m.graphs[bundle.EncoderFile], m.graphs[bundle.ThresholdFile], outputs...); err != nil {
		return nil, fmt.Errorf("runtime: encoder and threshold as one: %w: %w", bundle.ErrFormat, err)
	}
	switch {
	case takes == from:
		return model, nil
	case takes == backend.Uint8:
		return nil, fmt.Errorf("runtime: %w: %s takes rows of bytes, these are no bytes, or divided in another way than the model's: use the variant %s", ErrVariant, m.variant, bundle.VariantFloat32)
	}
	if model, err = onnxcompose.FromBytes(model, input.Name, m.limits.values.Bytes, m.limits.values.Mean, m.limits.values.Deviation); err != nil {
		return nil, fmt.Errorf("runtime: bytes into the encoder: %w: %w", bundle.ErrFormat, err)
	}
	return model, nil
}

// loadVariant loads the variant's graph as the program from what it takes. It reports a variant that the bundle lacks, that
// is made for other devices, or whose graph is not what the manifest says. The CPU runs every variant: it has all
// operators, and only the speed is another one's.
func (m *Model) loadVariant(ctx context.Context) error {
	v, ok := m.manifest.Variants[m.variant]
	if !ok {
		return fmt.Errorf("runtime: %w: the bundle has no %q, it has %s: choose one of them, or export the bundle with it", ErrVariant, m.variant, strings.Join(VariantNames(m.manifest), ", "))
	}
	if device := backend.DeviceOf(m.backend); device != CPU && !slices.Contains(v.Devices, string(device)) {
		return fmt.Errorf("runtime: %w: %s is made for %s, not for %s: use the variant %s", ErrVariant, m.variant, strings.Join(v.Devices, " and "), device, bundle.VariantFloat32)
	}
	g, err := m.load(ctx, m.graphs[v.File], v.File)
	if err != nil {
		return err
	}
	m.programs.graphs[m.programName(v.Input, nil)] = g
	sample, logits, _, packed, _ := m.infos()
	sample.DType = v.Input
	return sameInfos(v.File, g, []backend.TensorInfo{sample}, m.with([]backend.TensorInfo{logits, packed}, bundle.EncoderFile, bundle.ThresholdFile))
}

// VariantNames returns the variants that a bundle can run as: float32 first, which every bundle has.
func VariantNames(m *bundle.Manifest) []string {
	names := []string{}
	for name := range m.Variants {
		names = append(names, name)
	}
	slices.Sort(names)
	return append([]string{bundle.VariantFloat32}, names...)
}
