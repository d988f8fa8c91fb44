package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/runtime/backend"
)

// A Model is an open bundle: its graphs on a backend, ready to run. It is safe for concurrent use. The slices that its
// methods take are read only during the call.
//
// Methods append their results to dst, as append does, and return it, so that a caller who hands the slice back in
// (codes[:0]) allocates once. No rows give no results and no error.
type Model struct {
	manifest                    *bundle.Manifest
	latent                      dist.Latent
	likelihood                  dist.Likelihood
	standard                    dist.Standard // of rows, before the likelihood sees them
	backend                     backend.Backend
	encoder, threshold, decoder backend.Graph
	layers                      backend.Graph     // nil where the variables are in no layers
	variant                     string            // of the encoder and threshold, "" for float32
	graphs                      map[string][]byte // the files' content, for the graphs below
	limits                      *limits           // what rows may hold
	bytes                       [256]float32      // what each byte becomes
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

// Backend returns the name of what runs the graphs, with version and device.
func (m *Model) Backend() string { return m.backend.Name() }

// Close waits for runs in flight and frees the graphs. It may be called twice; later calls of other methods are
// [ErrClosed].
func (m *Model) Close() error {
	var errs []error
	m.programs.Lock()
	defer m.programs.Unlock()
	m.closed = true
	graphs := []backend.Graph{m.encoder, m.threshold, m.decoder, m.layers}
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

// Logits appends the latent logits of rows to dst, as many numbers a row as [dist.Latent.Logits] says. rows holds whole
// rows, one after the other, of values within the manifest's range; anything else is an [ErrInput]. The values are what
// the manifest's rule ([bundle.Input.Values]) makes of a file's numbers.
func (m *Model) Logits(ctx context.Context, dst []float32, rows []float32) ([]float32, error) {
	return m.encoded(ctx, bundle.LatentLogits, dst, rows)
}

// encoded appends one of the encoder's outputs.
func (m *Model) encoded(ctx context.Context, output string, dst []float32, rows []float32) ([]float32, error) {
	n, err := checkRows(m, rows)
	if err != nil || n == 0 {
		return dst, err
	}
	if m.variant == "" {
		return run(ctx, m.encoder, output, dst, m.sample(rows, n))
	}
	g, err := m.program(ctx, backend.Float32, output)
	if err != nil {
		return dst, err
	}
	return run(ctx, g, output, dst, m.sample(rows, n))
}

// Query appends what a search scores codes by to dst, as many numbers a row as a code has: the encoder's own output of that name where the
// bundle has one, and else what [dist.Latent.Query] makes of the logits. The score of a code, larger for nearer rows, is
//
//	Σ query[j] (2 bit[j] - 1) for bits,   Σ query[v, category of v] for categories
//
// See [Model.Logits] for rows.
func (m *Model) Query(ctx context.Context, dst []float32, rows []float32) ([]float32, error) {
	if m.manifest.Has(bundle.Query) {
		return m.encoded(ctx, bundle.Query, dst, rows)
	}
	logits, err := m.Logits(ctx, nil, rows)
	if err != nil {
		return dst, err
	}
	return m.queries(dst, logits), nil
}

// queries appends the queries of rows with these logits.
func (m *Model) queries(dst, logits []float32) []float32 {
	for width := m.latent.Logits(); len(logits) > 0; logits = logits[width:] {
		dst = m.latent.Query(dst, logits[:width])
	}
	return dst
}

// Indexes appends the codes of rows to dst as one byte a variable: the category, or the bit. More than 256 categories are an [ErrInput].
// See [Model.Logits] for rows.
func (m *Model) Indexes(ctx context.Context, dst []byte, rows []float32) ([]byte, error) {
	if err := checkIndexes(m.manifest.Latent); err != nil {
		return dst, err
	}
	logits, err := m.Logits(ctx, nil, rows)
	if err != nil || len(logits) == 0 {
		return dst, err
	}
	if m.manifest.Has(bundle.IndexCode) {
		return run(ctx, m.threshold, bundle.IndexCode, dst, m.logitsTensor(logits))
	}
	packed, err := m.Threshold(ctx, nil, logits)
	if err != nil {
		return dst, err
	}
	return UnpackIndexes(m.manifest.Latent, dst, packed)
}

// Encode appends the packed codes of rows to dst, [bundle.Latent.PackedBytes] bytes a row. See [Model.Logits] for rows.
func (m *Model) Encode(ctx context.Context, dst []byte, rows []float32) ([]byte, error) {
	logits, err := m.Logits(ctx, nil, rows)
	if err != nil || len(logits) == 0 {
		return dst, err
	}
	return m.Threshold(ctx, dst, logits)
}

// EncodeBytes appends the packed codes of rows of bytes to dst, [bundle.Latent.PackedBytes] bytes a row. The codes are
// those that [Model.Encode] gives of what the manifest's rule makes of the bytes, bit for bit.
//
// Encoder and threshold run as one graph, which is made at the first call: a quarter of the memory goes in, packed bytes
// come out, and neither floats nor logits cross the border. For many rows see [Stream].
func (m *Model) EncodeBytes(ctx context.Context, dst, rows []byte) ([]byte, error) {
	n, err := checkRows(m, rows)
	if err != nil || n == 0 {
		return dst, err
	}
	g, err := m.program(ctx, backend.Uint8, bundle.PackedCode)
	if err != nil {
		return dst, err
	}
	return run(ctx, g, bundle.PackedCode, dst, m.sample(rows, n))
}

// Codes appends the codes of rows to dst as 0 and 1 (one-hot for categorical variables, the means of gaussian ones), bits numbers a row.
func (m *Model) Codes(ctx context.Context, dst []float32, rows []float32) ([]float32, error) {
	logits, err := m.Logits(ctx, nil, rows)
	if err != nil || len(logits) == 0 {
		return dst, err
	}
	return run(ctx, m.threshold, bundle.Code, dst, m.logitsTensor(logits))
}

// Threshold appends the packed codes of latent logits to dst.
func (m *Model) Threshold(ctx context.Context, dst []byte, logits []float32) ([]byte, error) {
	if err := m.wholeLogits(logits); err != nil || len(logits) == 0 {
		return dst, err
	}
	return run(ctx, m.threshold, bundle.PackedCode, dst, m.logitsTensor(logits))
}

// wholeLogits reports latent logits that are no whole rows.
func (m *Model) wholeLogits(logits []float32) error {
	if n := m.latent.Logits(); len(logits)%n != 0 {
		return fmt.Errorf("runtime: %w: %d logits are no multiple of %d", ErrInput, len(logits), n)
	}
	return nil
}

// Decode appends the reconstructions of codes to dst, in the units of the rows, [bundle.Manifest.TargetSize] numbers each: the mean of each
// value, for Bernoulli likelihoods the probability that it is 1, for counts under a multinomial one its share. codes
// holds bits numbers a row, as [Model.Codes] gives them: 0 and 1. Numbers between them are taken, for what lies between two
// codes; anything else is an [ErrInput]. Gaussian variables have any finite numbers.
func (m *Model) Decode(ctx context.Context, dst []float32, codes []float32) ([]float32, error) {
	return m.decode(ctx, bundle.Reconstruction, dst, codes)
}

// DecodeLogits appends the parameters of p(row|code) instead, as many a value as the likelihood has: for Bernoulli likelihoods the
// logits of those probabilities. See docs/bundle.md.
func (m *Model) DecodeLogits(ctx context.Context, dst []float32, codes []float32) ([]float32, error) {
	return m.decode(ctx, bundle.ReconstructionLogits, dst, codes)
}

// Reconstruct appends to dst what is left of rows after encoding and decoding. Of a model that predicts a part of a row it is the
// prediction by the hard code of the rest.
func (m *Model) Reconstruct(ctx context.Context, dst []float32, rows []float32) ([]float32, error) {
	codes, err := m.Codes(ctx, nil, rows)
	if err != nil || len(codes) == 0 {
		return dst, err
	}
	return m.Decode(ctx, dst, codes)
}

// Unpack appends the numbers that the bits of packed codes stand for to dst: what [Model.Decode] takes. They are 0 and 1; for gaussian
// variables, whose bits are signs, -√(2/π) and √(2/π), the mean of a variable of that sign under the prior.
func Unpack(l bundle.Latent, dst []float32, packed []byte) ([]float32, error) {
	bits, width := l.Bits(), l.PackedBytes()
	if len(packed)%width != 0 {
		return dst, fmt.Errorf("runtime: %w: %d bytes of packed codes are no multiple of %d, the bytes of %d bits", ErrInput, len(packed), width, bits)
	}
	var values [2]float32
	values[0], values[1] = l.Dist().Unpacked()
	for row := 0; row < len(packed); row += width {
		for i := range bits {
			dst = append(dst, values[packed[row+i/8]>>(7-i%8)&1])
		}
	}
	return dst, nil
}

// decode runs the decoder for one of its outputs.
func (m *Model) decode(ctx context.Context, output string, dst []float32, codes []float32) ([]float32, error) {
	if err := m.checkCodes(codes); err != nil || len(codes) == 0 {
		return dst, err
	}
	return run(ctx, m.decoder, output, dst, m.codeTensor(codes))
}

// checkCodes reports codes that are not whole, or that hold what no code does, as an [ErrInput].
func (m *Model) checkCodes(codes []float32) error {
	n := m.latent.Bits()
	if len(codes)%n != 0 {
		return fmt.Errorf("runtime: %w: %d numbers of codes are no multiple of %d bits", ErrInput, len(codes), n)
	}
	least, most := m.latent.Range()
	for i, c := range codes {
		if x := float64(c); !(x >= least && x <= most) { // NaN, too
			return fmt.Errorf("runtime: %w: code %d, number %d is %g: codes %s", ErrInput, i/n, i%n, c, rangeText(m.latent))
		}
	}
	return nil
}

// rangeText says what a code's numbers may be.
func rangeText(l dist.Latent) string {
	if l.Discrete() {
		return "are 0 and 1, or between them"
	}
	return "are finite"
}

// checkRows returns the number of rows, floats or bytes, or an [ErrInput] that names the first bad value.
func checkRows[T Value](m *Model, rows []T) (int, error) {
	n, err := m.wholeRows(len(rows))
	if err != nil {
		return 0, err
	}
	size := m.manifest.Input.RowSize()
	for i := range n {
		if err := checkRow(m.limits, rows[i*size:][:size], i); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// wholeRows returns how many rows so many values are, or an [ErrInput] where the last is not whole.
func (m *Model) wholeRows(values int) (int, error) {
	size := m.manifest.Input.RowSize()
	if values%size != 0 {
		return 0, fmt.Errorf("runtime: %w: %d values are no whole number of rows of %d: the model takes rows of shape %s", ErrInput, values, size, shapeText(m.manifest.Input.Shape))
	}
	return values / size, nil
}

// shapeText writes a shape as 28x28.
func shapeText(shape []int64) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", "x")
}

// sample is the encoder's input: n rows of floats or bytes.
func (m *Model) sample(rows any, n int) backend.Tensor {
	return backend.Tensor{Name: m.manifest.Input.Name, Shape: append([]int64{int64(n)}, m.manifest.Input.Shape...), Data: rows}
}

// logitsTensor and codeTensor are what crosses between the graphs.
func (m *Model) logitsTensor(data []float32) backend.Tensor {
	return backend.Tensor{Name: bundle.LatentLogits, Shape: shapeOf(len(data)/m.latent.Logits(), m.latent.LogitsShape()), Data: data}
}

func (m *Model) codeTensor(data []float32) backend.Tensor {
	return backend.Tensor{Name: bundle.Code, Shape: shapeOf(len(data)/m.latent.Bits(), m.latent.CodeShape()), Data: data}
}

// outputs returns how many numbers of the decoder a row has: see dist.Likelihood.
func (m *Model) outputs() int { return m.manifest.TargetSize() * m.likelihood.Outputs() }

// outputShape returns the shape of a row's outputs: that of what is given of the row, with a last dimension more where a value has several.
func (m *Model) outputShape() []int {
	shape := m.manifest.TargetShape()
	if n := m.likelihood.Outputs(); n > 1 {
		shape = append(shape, n)
	}
	return shape
}

// shapeOf returns the shape of n rows.
func shapeOf(n int, row []int) []int64 {
	shape := []int64{int64(n)}
	for _, d := range row {
		shape = append(shape, int64(d))
	}
	return shape
}

// run computes a graph of one input and appends one of its outputs to dst.
func run[T float32 | uint8](ctx context.Context, g backend.Graph, output string, dst []T, input backend.Tensor) ([]T, error) {
	out, err := runGraph(ctx, g, input)
	if err != nil {
		return dst, err
	}
	return appendOutput(g, out, output, dst, input.Shape[0])
}

// runGraph computes all outputs of a graph of one input.
func runGraph(ctx context.Context, g backend.Graph, input backend.Tensor) ([]backend.Tensor, error) {
	if g == nil {
		return nil, fmt.Errorf("runtime: %w", ErrClosed)
	}
	out, err := g.Run(ctx, input)
	if err != nil {
		return nil, runError(ctx, err)
	}
	return out, nil
}

// appendOutput appends one of a graph's outputs, for so many rows, to dst.
func appendOutput[T float32 | uint8](g backend.Graph, out []backend.Tensor, output string, dst []T, rows int64) ([]T, error) {
	for _, t := range out {
		if t.Name == output {
			data, ok := t.Data.([]T)
			if !ok {
				return dst, fmt.Errorf("runtime: output %q holds %T: %w", output, t.Data, bundle.ErrFormat)
			}
			if err := sameRows(g, t, rows); err != nil {
				return dst, err
			}
			return append(dst, data...), nil
		}
	}
	return dst, fmt.Errorf("runtime: the graph has no output %q: %w", output, bundle.ErrFormat)
}

// sameRows reports a result whose shape is not the one that the graph declares, with a row for each of its input's.
func sameRows(g backend.Graph, t backend.Tensor, rows int64) error {
	for _, info := range g.Outputs() {
		if info.Name != t.Name {
			continue
		}
		want := slices.Clone(info.Shape)
		if len(want) > 0 && want[0] < 0 {
			want[0] = rows
		}
		if !slices.Equal(want, t.Shape) {
			return fmt.Errorf("runtime: output %q has the shape %v for %d rows, its graph declares %v: %w", t.Name, t.Shape, rows, info.Shape, bundle.ErrFormat)
		}
	}
	return nil
}

// runError says whose fault it is that a graph failed on checked rows: the bundle's, unless the error says another's.
func runError(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, bundle.ErrBad) || notTheGraphs(err) {
		return err
	}
	return fmt.Errorf("runtime: %w: %w", bundle.ErrBad, err)
}

// notTheGraphs reports an error for which no graph is to blame: the library's, the device's, the caller's, or a lack of memory or
// threads, for which onnxruntime has words but no code.
func notTheGraphs(err error) bool {
	for _, kind := range []error{ErrLibrary, ErrDevice, ErrInput, ErrClosed} {
		if errors.Is(err, kind) {
			return true
		}
	}
	if readfile.System(err) {
		return true
	}
	text := strings.ToLower(err.Error())
	return slices.ContainsFunc([]string{"bad_alloc", "failed to allocate", "out of memory", "bfcarena", "pthread_", "resource temporarily unavailable"},
		func(words string) bool { return strings.Contains(text, words) })
}
