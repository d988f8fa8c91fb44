package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime/backend"
)

// A Model is an open bundle: three graphs, ready to run. It is safe for concurrent use.
type Model struct {
	manifest                    *bundle.Manifest
	latent                      dist.Latent
	likelihood                  dist.Likelihood
	backend                     backend.Backend
	encoder, threshold, decoder backend.Graph
	variant                     string            // of the encoder and threshold, "" for float32
	graphs                      map[string][]byte // the files' content, for the graphs below
	scaled                      [256]float32      // what bytes stand for
	programs                    struct {          // made of the graphs at first use: see program
		sync.Mutex
		graphs map[string]backend.Graph
	}
	closed bool // guarded by programs
}

// Manifest returns what the bundle says of itself. It must not be changed.
func (m *Model) Manifest() *bundle.Manifest { return m.manifest }

// Variant returns the name of the variant that encodes.
func (m *Model) Variant() string {
	if m.variant == "" {
		return bundle.VariantFloat32
	}
	return m.variant
}

// backend.Backend returns the name of what runs the graphs, with version and device.
func (m *Model) Backend() string { return m.backend.Name() }

// Close waits for runs in flight and frees the graphs. It may be called twice; later calls of other methods are
// [ErrClosed].
func (m *Model) Close() error {
	var errs []error
	m.programs.Lock()
	defer m.programs.Unlock()
	m.closed = true
	graphs := []backend.Graph{m.encoder, m.threshold, m.decoder}
	for _, g := range m.programs.graphs {
		graphs = append(graphs, g)
	}
	for _, g := range graphs {
		if g != nil {
			errs = append(errs, g.Close())
		}
	}
	return errors.Join(errs...)
}

// Logits appends the latent logits of rows to dst: variables, or variables·categories, numbers a row. rows holds whole
// rows of values within the manifest's range, one after the other; anything else is an [ErrInput].
func (m *Model) Logits(ctx context.Context, dst []float32, rows []float32) ([]float32, error) {
	n, err := m.checkRows(rows)
	if err != nil || n == 0 {
		return dst, err
	}
	if m.variant == "" {
		return run(ctx, m.encoder, bundle.LatentLogits, dst, m.sample(rows, n))
	}
	g, err := m.program(backend.Float32, bundle.LatentLogits)
	if err != nil {
		return dst, err
	}
	return run(ctx, g, bundle.LatentLogits, dst, m.sample(rows, n))
}

// Encode appends the packed codes of rows to dst, [bundle.Latent.PackedBytes] bytes a row. See [Model.Logits] for rows.
func (m *Model) Encode(ctx context.Context, dst []byte, rows []float32) ([]byte, error) {
	logits, err := m.Logits(ctx, nil, rows)
	if err != nil || len(logits) == 0 {
		return dst, err
	}
	return m.Threshold(ctx, dst, logits)
}

// Codes appends the codes of rows to dst as 0 and 1 (one-hot for categorical variables), bits numbers a row.
func (m *Model) Codes(ctx context.Context, dst []float32, rows []float32) ([]float32, error) {
	logits, err := m.Logits(ctx, nil, rows)
	if err != nil || len(logits) == 0 {
		return dst, err
	}
	return run(ctx, m.threshold, bundle.Code, dst, m.latentTensor(bundle.LatentLogits, logits))
}

// Threshold appends the packed codes of latent logits to dst.
func (m *Model) Threshold(ctx context.Context, dst []byte, logits []float32) ([]byte, error) {
	if n := m.manifest.Latent.Bits(); len(logits)%n != 0 {
		return dst, fmt.Errorf("runtime: %w: %d logits are no multiple of %d", ErrInput, len(logits), n)
	}
	if len(logits) == 0 {
		return dst, nil
	}
	return run(ctx, m.threshold, bundle.PackedCode, dst, m.latentTensor(bundle.LatentLogits, logits))
}

// Decode appends the reconstructions of codes to dst: for Bernoulli likelihoods, the probability of each value. codes
// holds bits numbers a row, as [Model.Codes] gives them.
func (m *Model) Decode(ctx context.Context, dst []float32, codes []float32) ([]float32, error) {
	return m.decode(ctx, bundle.Reconstruction, dst, codes)
}

// DecodeLogits is [Model.Decode] before the sigmoid.
func (m *Model) DecodeLogits(ctx context.Context, dst []float32, codes []float32) ([]float32, error) {
	return m.decode(ctx, bundle.ReconstructionLogits, dst, codes)
}

// Reconstruct appends to dst what is left of rows after encoding and decoding.
func (m *Model) Reconstruct(ctx context.Context, dst []float32, rows []float32) ([]float32, error) {
	codes, err := m.Codes(ctx, nil, rows)
	if err != nil || len(codes) == 0 {
		return dst, err
	}
	return m.Decode(ctx, dst, codes)
}

// Unpack appends the bits of packed codes to dst as 0 and 1: what [Model.Decode] takes.
func Unpack(l bundle.Latent, dst []float32, packed []byte) ([]float32, error) {
	bits, width := l.Bits(), l.PackedBytes()
	if len(packed)%width != 0 {
		return dst, fmt.Errorf("runtime: %w: %d bytes of packed codes are no multiple of %d, the bytes of %d bits", ErrInput, len(packed), width, bits)
	}
	for row := 0; row < len(packed); row += width {
		for i := range bits {
			dst = append(dst, float32(packed[row+i/8]>>(7-i%8)&1))
		}
	}
	return dst, nil
}

func (m *Model) decode(ctx context.Context, output string, dst []float32, codes []float32) ([]float32, error) {
	if n := m.manifest.Latent.Bits(); len(codes)%n != 0 {
		return dst, fmt.Errorf("runtime: %w: %d numbers of codes are no multiple of %d bits", ErrInput, len(codes), n)
	}
	if len(codes) == 0 {
		return dst, nil
	}
	return run(ctx, m.decoder, output, dst, m.latentTensor(bundle.Code, codes))
}

// checkRows returns the number of rows, or an [ErrInput] that names the first bad value.
func (m *Model) checkRows(rows []float32) (int, error) {
	size := m.manifest.Input.RowSize()
	if len(rows)%size != 0 {
		return 0, fmt.Errorf("runtime: %w: %d values are no whole number of rows of %d: the model takes rows of shape %s", ErrInput, len(rows), size, shapeText(m.manifest.Input.Shape))
	}
	least, most := float32(m.manifest.Input.Range[0]), float32(m.manifest.Input.Range[1])
	for i, x := range rows {
		if !(x >= least && x <= most) {
			return 0, fmt.Errorf("runtime: %w: row %d, column %d is %g: the model takes values of %g to %g", ErrInput, i/size, i%size, x, least, most)
		}
	}
	return len(rows) / size, nil
}

func shapeText(shape []int64) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", "x")
}

func (m *Model) sample(rows []float32, n int) backend.Tensor {
	return backend.Tensor{Name: m.manifest.Input.Name, Shape: append([]int64{int64(n)}, m.manifest.Input.Shape...), Data: rows}
}

func (m *Model) latentTensor(name string, data []float32) backend.Tensor {
	n := len(data) / m.manifest.Latent.Bits()
	return backend.Tensor{Name: name, Shape: append([]int64{int64(n)}, latentShape(m.manifest.Latent)...), Data: data}
}

// run computes a graph of one input and appends one of its outputs to dst.
func run[T float32 | uint8](ctx context.Context, g backend.Graph, output string, dst []T, input backend.Tensor) ([]T, error) {
	if g == nil {
		return dst, fmt.Errorf("runtime: %w", ErrClosed)
	}
	out, err := g.Run(ctx, input)
	if err != nil {
		return dst, err
	}
	for _, t := range out {
		if t.Name == output {
			data, ok := t.Data.([]T)
			if !ok {
				return dst, fmt.Errorf("runtime: output %q holds %T: %w", output, t.Data, bundle.ErrFormat)
			}
			return append(dst, data...), nil
		}
	}
	return dst, fmt.Errorf("runtime: the graph has no output %q: %w", output, bundle.ErrFormat)
}
