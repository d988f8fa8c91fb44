package runtime

import (
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
func (m *Model) program(from backend.DType, outputs ...string) (backend.Graph, error) {
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
	g, err := m.backend.Load(model, name)
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
		return nil, fmt.Errorf("runtime: encoder and threshold as one: %w", err)
	}
	switch {
	case takes == from:
		return model, nil
	case takes == backend.Uint8:
		return nil, fmt.Errorf("runtime: %w: the variant %s takes rows of bytes, these are floats: use the variant %s", ErrInput, m.variant, bundle.VariantFloat32)
	}
	if model, err = onnxcompose.FromBytes(model, input.Name, input.Scale); err != nil {
		return nil, fmt.Errorf("runtime: bytes into the encoder: %w", err)
	}
	return model, nil
}

// loadVariant loads the variant's graph as the program from what it takes. It reports a variant that the bundle lacks, that
// another device is meant for, or whose graph is not what the manifest says.
func (m *Model) loadVariant() error {
	v, ok := m.manifest.Variants[m.variant]
	if !ok {
		return fmt.Errorf("runtime: %w: the bundle has no variant %q, it has %s: export it with --variants", ErrInput, m.variant, strings.Join(VariantNames(m.manifest), ", "))
	}
	if device := backend.DeviceOf(m.backend); !slices.Contains(v.Devices, string(device)) {
		if device == CUDA || m.variant != bundle.VariantFloat16 { // float16 is slow on a CPU, and right
			return fmt.Errorf("runtime: %w: the variant %s is made for %s, not for %s: use --variant %s", ErrInput, m.variant, strings.Join(v.Devices, " and "), device, bundle.VariantFloat32)
		}
	}
	g, err := m.backend.Load(m.graphs[v.File], v.File)
	if err != nil {
		return err
	}
	m.programs.graphs[m.programName(v.Input, nil)] = g
	batch := []int64{-1}
	latent := append(batch[:1:1], latentShape(m.manifest.Latent)...)
	return sameInfos(v.File, g, infos(m.manifest.Input.Name, v.Input, append(batch[:1:1], m.manifest.Input.Shape...)),
		append(infos(bundle.LatentLogits, backend.Float32, latent), infos(bundle.PackedCode, backend.Uint8, []int64{-1, int64(m.manifest.Latent.PackedBytes())})...))
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
