package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/runtime/backend"
)

// A Value is what rows and results are made of: bytes are pixels or packed codes.
type Value interface{ byte | float32 }

// A Task says what a [Stream] makes of rows: In values of T become Out values of U, row by row. It is as safe for concurrent
// use as its model; many streams may run one task.
type Task[T, U Value] struct {
	In, Out int

	limits *limits // what rows may hold, nil for anything
	open   func(ctx context.Context, batch int) (*slot[T, U], error)
}

// A slot is the memory of one batch with the graphs that run on it. It is for one goroutine at a time.
type slot[T, U Value] struct {
	in    []T
	out   []U
	run   func(ctx context.Context) error
	close func() error
}

// PackedCodes is the task of packed codes, [bundle.Latent.PackedBytes] bytes a row: what [Model.Encode] gives of floats,
// and [Model.EncodeBytes] of bytes.
func PackedCodes[T Value](m *Model) Task[T, byte] {
	in, out := m.manifest.Input.RowSize(), m.manifest.Latent.PackedBytes()
	return Task[T, byte]{In: in, Out: out, limits: m.limits, open: func(ctx context.Context, batch int) (*slot[T, byte], error) {
		e, err := encodeSlot[T](ctx, m, batch, bundle.PackedCode)
		if err != nil {
			return nil, err
		}
		return &slot[T, byte]{in: e.in, out: e.packed, run: e.run, close: e.close}, nil
	}}
}

// LatentLogits is the task of the encoder's logits, bits numbers a row: see [Model.Logits].
func LatentLogits[T Value](m *Model) Task[T, float32] {
	in, out := m.manifest.Input.RowSize(), m.latent.Logits()
	return Task[T, float32]{In: in, Out: out, limits: m.limits, open: func(ctx context.Context, batch int) (*slot[T, float32], error) {
		e, err := encodeSlot[T](ctx, m, batch, bundle.LatentLogits)
		if err != nil {
			return nil, err
		}
		return &slot[T, float32]{in: e.in, out: e.logits, run: e.run, close: e.close}, nil
	}}
}

// IndexCodes is the task of codes as one byte a variable: see [Model.Indexes].
func IndexCodes[T Value](m *Model) Task[T, byte] {
	l := m.manifest.Latent
	return Task[T, byte]{In: m.manifest.Input.RowSize(), Out: l.Variables, limits: m.limits, open: func(ctx context.Context, batch int) (*slot[T, byte], error) {
		if err := checkIndexes(l); err != nil {
			return nil, err
		}
		if m.manifest.Has(bundle.IndexCode) {
			e, err := encodeSlot[T](ctx, m, batch, bundle.IndexCode)
			if err != nil {
				return nil, err
			}
			return &slot[T, byte]{in: e.in, out: e.indexes, run: e.run, close: e.close}, nil
		}
		e, err := encodeSlot[T](ctx, m, batch, bundle.PackedCode)
		if err != nil {
			return nil, err
		}
		return &slot[T, byte]{in: e.in, out: e.indexes, run: e.then(func() error {
			_, err := UnpackIndexes(l, e.indexes[:0], e.packed)
			return err
		}), close: e.close}, nil
	}}
}

// Queries is the task of what a search scores codes by, as many numbers a row as a code has: see [Model.Query].
func Queries[T Value](m *Model) Task[T, float32] {
	return Task[T, float32]{In: m.manifest.Input.RowSize(), Out: m.latent.Bits(), limits: m.limits, open: func(ctx context.Context, batch int) (*slot[T, float32], error) {
		own := m.manifest.Has(bundle.Query)
		output := bundle.LatentLogits
		if own {
			output = bundle.Query
		}
		e, err := encodeSlot[T](ctx, m, batch, output)
		if err != nil {
			return nil, err
		}
		s := &slot[T, float32]{in: e.in, out: e.query, run: e.run, close: e.close}
		if !own {
			s.run = e.then(func() error {
				m.queries(e.query[:0], e.logits)
				return nil
			})
		}
		return s, nil
	}}
}

// DecodedCodes is the task of reconstructions of packed codes: see [Unpack] and [Model.Decode].
func DecodedCodes(m *Model) Task[byte, float32] {
	return Task[byte, float32]{In: m.manifest.Latent.PackedBytes(), Out: m.manifest.TargetSize(), open: func(ctx context.Context, batch int) (*slot[byte, float32], error) {
		packed := make([]byte, batch*m.manifest.Latent.PackedBytes())
		d, err := decodeSlot(m, batch, packed, bundle.Reconstruction)
		if err != nil {
			return nil, err
		}
		return &slot[byte, float32]{in: packed, out: d.out, run: d.run, close: d.close}, nil
	}}
}

// Reconstructions is the task of what is left of rows after encoding and decoding: see [Model.Reconstruct].
func Reconstructions[T Value](m *Model) Task[T, float32] {
	return Task[T, float32]{In: m.manifest.Input.RowSize(), Out: m.manifest.TargetSize(), limits: m.limits, open: func(ctx context.Context, batch int) (*slot[T, float32], error) {
		return through(ctx, m, batch, bundle.Reconstruction, func(e *encoding[T], codes, decoded []float32) ([]float32, func(ctx context.Context) error) {
			return decoded, func(context.Context) error { return nil }
		})
	}}
}

// Scores is the task of one number a row, in nats: see [Model.Score].
func Scores[T Value](m *Model) Task[T, float32] {
	size, outputs := m.manifest.Input.RowSize(), m.outputs()
	return Task[T, float32]{In: size, Out: 1, limits: m.limits, open: func(ctx context.Context, batch int) (*slot[T, float32], error) {
		if err := m.checkScores(); err != nil {
			return nil, err
		}
		return through(ctx, m, batch, bundle.ReconstructionLogits, func(e *encoding[T], codes, decoded []float32) ([]float32, func(ctx context.Context) error) {
			scores, row := make([]float32, batch), make([]float32, size)
			return scores, func(ctx context.Context) error {
				posteriors, err := m.posteriors(ctx, e.logits, codes)
				if err != nil {
					return err
				}
				for i, q := range posteriors {
					m.values32(row, e.in[i*size:][:size])
					scores[i] = m.score(row, q, decoded[i*outputs:][:outputs])
				}
				return nil
			}
		})
	}}
}

// values32 writes a row as the encoder takes it: floats as they are, bytes by the manifest's rule.
func (m *Model) values32(dst []float32, row any) {
	switch r := row.(type) {
	case []float32:
		copy(dst, r)
	case []byte:
		for i, b := range r {
			dst[i] = m.bytes[b]
		}
	}
}

// through runs rows through encoder, threshold and decoder; finish makes the results and says what is left to do after
// the graphs.
func through[T Value](ctx context.Context, m *Model, batch int, output string, finish func(e *encoding[T], codes, decoded []float32) ([]float32, func(ctx context.Context) error)) (*slot[T, float32], error) {
	e, err := encodeSlot[T](ctx, m, batch, bundle.LatentLogits, bundle.PackedCode)
	if err != nil {
		return nil, err
	}
	d, err := decodeSlot(m, batch, e.packed, output)
	if !m.latent.Discrete() {
		d, err = decodeMeans(m, batch, e.logits, output)
	}
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	results, last := finish(e, d.codes, d.out)
	return &slot[T, float32]{in: e.in, out: results,
		run: func(ctx context.Context) error {
			if err := e.run(ctx); err != nil {
				return err
			}
			if err := d.run(ctx); err != nil {
				return err
			}
			return last(ctx)
		},
		close: func() error { return errors.Join(e.close(), d.close()) },
	}, nil
}

// An encoding is an encoder with its threshold and the memory of one batch.
type encoding[T Value] struct {
	in              []T
	logits, query   []float32
	packed, indexes []byte
	run             func(ctx context.Context) error
	close           func() error
}

// then returns a run of the graph and of what is left to do after it.
func (e *encoding[T]) then(last func() error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		if err := e.run(ctx); err != nil {
			return err
		}
		return last()
	}
}

// encodeSlot binds the program from T to outputs. A graph may give more than was asked for.
func encodeSlot[T Value](ctx context.Context, m *Model, batch int, outputs ...string) (*encoding[T], error) {
	from := backend.Float32
	if _, ok := any(*new(T)).(byte); ok {
		from = backend.Uint8
	}
	g, err := m.program(ctx, from, outputs...)
	if err != nil {
		return nil, err
	}
	l := m.manifest.Latent
	e := &encoding[T]{
		in: make([]T, batch*m.manifest.Input.RowSize()), logits: make([]float32, batch*m.latent.Logits()), query: make([]float32, batch*m.latent.Bits()),
		packed: make([]byte, batch*l.PackedBytes()), indexes: make([]byte, batch*l.Variables),
	}
	data := map[string]any{bundle.LatentLogits: e.logits, bundle.Query: e.query, bundle.PackedCode: e.packed, bundle.IndexCode: e.indexes}
	sample := backend.Tensor{Name: m.manifest.Input.Name, Shape: append([]int64{int64(batch)}, m.manifest.Input.Shape...), Data: e.in}
	var results []backend.Tensor
	for _, info := range g.Outputs() {
		results = append(results, backend.Tensor{Name: info.Name, Shape: append([]int64{int64(batch)}, info.Shape[1:]...), Data: data[info.Name]})
	}
	e.run, e.close, err = bind(g, []backend.Tensor{sample}, results)
	return e, err
}

// decodeSlot binds the decoder to packed codes.
func decodeSlot(m *Model, batch int, packed []byte, output string) (*decoding, error) {
	l := m.manifest.Latent
	return decoderSlot(m, batch, output, func(codes []float32) error {
		_, err := Unpack(l, codes[:0], packed)
		return err
	})
}

// decodeMeans binds the decoder to the hard codes of logits, which a packed code does not hold: see [dist.Latent.Discrete].
func decodeMeans(m *Model, batch int, logits []float32, output string) (*decoding, error) {
	width, bits := m.latent.Logits(), m.latent.Bits()
	return decoderSlot(m, batch, output, func(codes []float32) error {
		for i := range batch {
			m.latent.Harden(codes[i*bits:][:bits], logits[i*width:][:width])
		}
		return nil
	})
}

// A decoding is a decoder with the memory of one batch.
type decoding struct {
	codes, out []float32
	run        func(ctx context.Context) error
	close      func() error
}

// decoderSlot binds the decoder to codes that fill writes before each run.
func decoderSlot(m *Model, batch int, output string, fill func(codes []float32) error) (*decoding, error) {
	s := &decoding{codes: make([]float32, batch*m.latent.Bits())}
	code := m.codeTensor(s.codes)
	var results []backend.Tensor
	for _, info := range m.decoder.Outputs() {
		shape, size := shapeOf(batch, m.manifest.TargetShape()), m.manifest.TargetSize()
		if info.Name == bundle.ReconstructionLogits {
			shape, size = shapeOf(batch, m.outputShape()), m.outputs()
		}
		values := make([]float32, batch*size)
		if info.Name == output {
			s.out = values
		}
		results = append(results, backend.Tensor{Name: info.Name, Shape: shape, Data: values})
	}
	run, end, err := bind(m.decoder, []backend.Tensor{code}, results)
	s.close = end
	s.run = func(ctx context.Context) error {
		if err := fill(s.codes); err != nil {
			return err
		}
		return run(ctx)
	}
	return s, err
}

// bind fixes a graph's memory. A graph that is no [backend.Binder] runs as it can, and its results are copied.
func bind(g backend.Graph, inputs, outputs []backend.Tensor) (run func(ctx context.Context) error, end func() error, err error) {
	if b, ok := g.(backend.Binder); ok {
		binding, err := b.Bind(inputs, outputs)
		if err != nil {
			return nil, nil, err
		}
		return func(ctx context.Context) error {
			if err := binding.Run(ctx); err != nil {
				return runError(ctx, err)
			}
			return nil
		}, binding.Close, nil
	}
	return func(ctx context.Context) error {
		results, err := g.Run(ctx, inputs...)
		if err != nil {
			return runError(ctx, err)
		}
		for _, r := range results {
			for _, o := range outputs {
				if o.Name == r.Name && !copyValues(o.Data, r.Data) {
					return fmt.Errorf("runtime: output %q holds %T, not %T: %w", r.Name, r.Data, o.Data, bundle.ErrFormat)
				}
			}
		}
		return nil
	}, func() error { return nil }, nil
}

// copyValues copies results of the same type and length.
func copyValues(dst, src any) bool {
	switch d := dst.(type) {
	case []float32:
		s, ok := src.([]float32)
		return ok && copy(d, s) == len(d)
	case []byte:
		s, ok := src.([]byte)
		return ok && copy(d, s) == len(d)
	}
	return false
}
