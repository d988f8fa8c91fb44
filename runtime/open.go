package runtime

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime/backend"
)

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
	b, err := o.open()
	if err != nil {
		return nil, err
	}
	likelihood, err := dist.LikelihoodOf(m.Likelihood)
	if err != nil {
		return nil, fmt.Errorf("runtime: %w: %w", err, bundle.ErrFormat)
	}
	model := &Model{manifest: m, latent: m.Latent.Dist(), likelihood: likelihood, backend: b, graphs: graphs, variant: o.variant, scaled: scaledBytes(m.Input.Scale)}
	model.programs.graphs = map[string]backend.Graph{}
	batch := []int64{-1}
	latent := append(batch[:1:1], latentShape(m.Latent)...)
	sample := append(batch[:1:1], m.Input.Shape...)
	for _, g := range []struct {
		to      *backend.Graph
		file    string
		in, out []backend.TensorInfo
	}{
		{&model.encoder, bundle.EncoderFile, infos(m.Input.Name, backend.Float32, sample), infos(bundle.LatentLogits, backend.Float32, latent)},
		{&model.threshold, bundle.ThresholdFile, infos(bundle.LatentLogits, backend.Float32, latent),
			append(infos(bundle.Code, backend.Float32, latent), infos(bundle.PackedCode, backend.Uint8, []int64{-1, int64(m.Latent.PackedBytes())})...)},
		{&model.decoder, bundle.DecoderFile, infos(bundle.Code, backend.Float32, latent),
			append(infos(bundle.Reconstruction, backend.Float32, sample), infos(bundle.ReconstructionLogits, backend.Float32, sample)...)},
	} {
		graph, err := b.Load(graphs[g.file], g.file)
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

func infos(name string, d backend.DType, shape []int64) []backend.TensorInfo {
	return []backend.TensorInfo{{Name: name, DType: d, Shape: shape}}
}

// latentShape returns the shape of a row's logits, which its code has too.
func latentShape(l bundle.Latent) []int64 {
	var shape []int64
	for _, d := range l.Dist().LogitsShape() {
		shape = append(shape, int64(d))
	}
	return shape
}

// sameInfos reports a graph whose inputs and outputs are not what the manifest says.
func sameInfos(file string, g backend.Graph, in, out []backend.TensorInfo) error {
	for _, c := range []struct {
		what      string
		got, want []backend.TensorInfo
	}{{"inputs", g.Inputs(), in}, {"outputs", g.Outputs(), out}} {
		same := func(a, b backend.TensorInfo) bool {
			return a.Name == b.Name && a.DType == b.DType && slices.Equal(a.Shape, b.Shape)
		}
		if !slices.EqualFunc(c.got, c.want, same) {
			return fmt.Errorf("runtime: %s has the %s %v, its manifest wants %v: %w: export the bundle again", file, c.what, c.got, c.want, bundle.ErrFormat)
		}
	}
	return nil
}
