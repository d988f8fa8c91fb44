package runtime

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/noise"
)

// A Model is an open bundle: three graphs, ready to run. It is safe for concurrent use.
type Model struct {
	manifest                    *bundle.Manifest
	backend                     Backend
	encoder, threshold, decoder Graph
	variant                     string            // of the encoder and threshold, "" for float32
	graphs                      map[string][]byte // the files' content, for the graphs below
	scaled                      [256]float32      // what bytes stand for
	programs                    struct {          // made of the graphs at first use: see program
		sync.Mutex
		graphs map[string]Graph
	}
	closed bool // guarded by programs
}

// Open opens the bundle in dir. Every graph is hashed, checked and then loaded from the same bytes. The backend is
// onnxruntime on the CPU unless options say otherwise. Errors wrap bundle.ErrBad, [ErrLibrary], [ErrDevice] or
// fs.ErrNotExist. The model must be closed.
func Open(dir string, opts ...Option) (*Model, error) {
	b, err := bundle.Open(dir)
	if err != nil {
		return nil, err
	}
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	names := graphNames
	if v, ok := b.Manifest.Variants[o.variant]; ok {
		names = append(names[:len(names):len(names)], v.File)
	}
	graphs := map[string][]byte{}
	for _, name := range names {
		if graphs[name], err = b.Graph(name); err != nil {
			return nil, err
		}
	}
	return New(b.Manifest, graphs, opts...)
}

var graphNames = []string{bundle.EncoderFile, bundle.ThresholdFile, bundle.DecoderFile}

// New is [Open] for a model in memory: graphs holds the three ONNX models, and that of a variant that is asked for, by
// their file names.
func New(m *bundle.Manifest, graphs map[string][]byte, opts ...Option) (*Model, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	if o.backend == nil {
		if o.backend, err = OpenONNXRuntime(opts...); err != nil {
			return nil, err
		}
	}
	model := &Model{manifest: m, backend: o.backend, graphs: graphs, variant: o.variant, scaled: scaledBytes(m.Input.Scale)}
	model.programs.graphs = map[string]Graph{}
	batch := []int64{-1}
	latent := append(batch[:1:1], latentShape(m.Latent)...)
	sample := append(batch[:1:1], m.Input.Shape...)
	for _, g := range []struct {
		to      *Graph
		file    string
		in, out []bundle.TensorInfo
	}{
		{&model.encoder, bundle.EncoderFile, infos(m.Input.Name, bundle.Float32, sample), infos(bundle.LatentLogits, bundle.Float32, latent)},
		{&model.threshold, bundle.ThresholdFile, infos(bundle.LatentLogits, bundle.Float32, latent),
			append(infos(bundle.Code, bundle.Float32, latent), infos(bundle.PackedCode, bundle.Uint8, []int64{-1, int64(m.Latent.PackedBytes())})...)},
		{&model.decoder, bundle.DecoderFile, infos(bundle.Code, bundle.Float32, latent),
			append(infos(bundle.Reconstruction, bundle.Float32, sample), infos(bundle.ReconstructionLogits, bundle.Float32, sample)...)},
	} {
		graph, err := o.backend.Load(graphs[g.file], g.file)
		if err == nil {
			*g.to = graph
			err = sameInfos(g.file, graph, g.in, g.out)
		}
		if err != nil {
			return nil, errors.Join(err, model.Close())
		}
	}
	if o.variant != "" {
		if err := model.loadVariant(); err != nil {
			return nil, errors.Join(err, model.Close())
		}
	}
	return model, nil
}

// scaledBytes returns what bytes are as floats: byte·scale, or byte/n where scale is 1/n for a whole n, as
// onnxcompose.FromBytes has it.
func scaledBytes(scale float64) (table [256]float32) {
	n := math.Round(1 / scale)
	for b := range table {
		if math.Abs(n*scale-1) < 1e-12 {
			table[b] = float32(b) / float32(n)
		} else {
			table[b] = float32(b) * float32(scale)
		}
	}
	return table
}

func infos(name string, d bundle.DType, shape []int64) []bundle.TensorInfo {
	return []bundle.TensorInfo{{Name: name, DType: d, Shape: shape}}
}

func latentShape(l bundle.Latent) []int64 {
	if l.Kind == bundle.Categorical {
		return []int64{int64(l.Variables), int64(l.Categories)}
	}
	return []int64{int64(l.Variables)}
}

// sameInfos reports a graph whose inputs and outputs are not what the manifest says.
func sameInfos(file string, g Graph, in, out []bundle.TensorInfo) error {
	for _, c := range []struct {
		what      string
		got, want []bundle.TensorInfo
	}{{"inputs", g.Inputs(), in}, {"outputs", g.Outputs(), out}} {
		same := func(a, b bundle.TensorInfo) bool {
			return a.Name == b.Name && a.DType == b.DType && slices.Equal(a.Shape, b.Shape)
		}
		if !slices.EqualFunc(c.got, c.want, same) {
			return fmt.Errorf("runtime: %s has the %s %v, its manifest wants %v: %w: export the bundle again", file, c.what, c.got, c.want, bundle.ErrFormat)
		}
	}
	return nil
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
	graphs := []Graph{m.encoder, m.threshold, m.decoder}
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
	g, err := m.program(bundle.Float32, bundle.LatentLogits)
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
	return run(ctx, m.threshold, bundle.Code, dst, m.latent(bundle.LatentLogits, logits))
}

// Threshold appends the packed codes of latent logits to dst.
func (m *Model) Threshold(ctx context.Context, dst []byte, logits []float32) ([]byte, error) {
	if n := m.manifest.Latent.Bits(); len(logits)%n != 0 {
		return dst, fmt.Errorf("runtime: %w: %d logits are no multiple of %d", ErrInput, len(logits), n)
	}
	if len(logits) == 0 {
		return dst, nil
	}
	return run(ctx, m.threshold, bundle.PackedCode, dst, m.latent(bundle.LatentLogits, logits))
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

// Sample appends n reconstructions of codes drawn from the prior. Equal seeds give equal samples.
func (m *Model) Sample(ctx context.Context, dst []float32, n int, seed uint64) ([]float32, error) {
	if n < 0 {
		return dst, fmt.Errorf("runtime: %w: %d samples", ErrInput, n)
	}
	return m.Decode(ctx, dst, PriorCodes(m.manifest.Latent, n, seed))
}

// PriorCodes draws n codes from the prior: a bit is 1 with probability σ(a), a category has probability softmax(a), for
// the prior's logits a (0 when it is uniform), by the Gumbel trick.
func PriorCodes(l bundle.Latent, n int, seed uint64) []float32 {
	bits := l.Bits()
	codes := make([]float32, n*bits)
	u := make([]float32, bits)
	logits := l.Prior.Logits
	if len(logits) == 0 {
		logits = make([]float32, bits)
	}
	for row := range n {
		noise.Stream{Seed: seed, Purpose: noise.Prior}.Uniform(u, 0, uint32(row))
		Draw(l, codes[row*bits:][:bits], logits, u)
	}
	return codes
}

// Draw writes one hard sample of latent variables with the given logits to code, for noise u uniform in the open unit
// interval, one number a bit:
//
//	Bernoulli     1 where l + ln u - ln(1-u) > 0, which has probability σ(l)
//	categorical   one-hot of the largest l + g, g = -ln(-ln u), which follows softmax(l)
func Draw(l bundle.Latent, code, logits, u []float32) {
	if l.Kind == bundle.Bernoulli {
		for i, x := range u {
			code[i] = 0
			if float64(logits[i])+math.Log(float64(x))-math.Log1p(-float64(x)) > 0 {
				code[i] = 1
			}
		}
		return
	}
	for at := 0; at < len(code); at += l.Categories {
		best, most := at, math.Inf(-1)
		for i := at; i < at+l.Categories; i++ {
			code[i] = 0
			if s := float64(logits[i]) - math.Log(-math.Log(float64(u[i]))); s > most {
				best, most = i, s
			}
		}
		code[best] = 1
	}
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
	return run(ctx, m.decoder, output, dst, m.latent(bundle.Code, codes))
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

func (m *Model) sample(rows []float32, n int) bundle.Tensor {
	return bundle.Tensor{Name: m.manifest.Input.Name, Shape: append([]int64{int64(n)}, m.manifest.Input.Shape...), Data: rows}
}

func (m *Model) latent(name string, data []float32) bundle.Tensor {
	n := len(data) / m.manifest.Latent.Bits()
	return bundle.Tensor{Name: name, Shape: append([]int64{int64(n)}, latentShape(m.manifest.Latent)...), Data: data}
}

// run computes a graph of one input and appends one of its outputs to dst.
func run[T float32 | uint8](ctx context.Context, g Graph, output string, dst []T, input bundle.Tensor) ([]T, error) {
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
