package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime/backend"
)

// Open opens the bundle in dir. Every graph is hashed, checked and then loaded from the same bytes. The backend is
// onnxruntime on the CPU unless options say otherwise. The model must be closed.
//
// Errors wrap one of
//
//	fs.ErrNotExist  there is no bundle in dir
//	bundle.ErrBad   something is wrong with it: a hash, the manifest, a graph that is unsafe or that the backend refuses
//	ErrInput        the options do not fit each other or the bundle, such as a variant that it lacks
//	ErrLibrary      onnxruntime is not there
//	ErrDevice       the device is not there
//	ctx.Err()       ctx was done before the model was open
func Open(ctx context.Context, dir string, opts ...Option) (*Model, error) {
	m, err := open(ctx, dir, opts)
	return m, visible.Error(err)
}

func open(ctx context.Context, dir string, opts []Option) (*Model, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	b, err := bundle.Open(dir)
	if err != nil {
		return nil, err
	}
	names := b.Manifest.Graphs()
	if v, ok := b.Manifest.Variants[o.variant]; ok {
		names = append(names, v.File)
	}
	graphs := map[string][]byte{}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("runtime: open %s: %w", dir, err)
		}
		if graphs[name], err = b.Graph(name); err != nil {
			return nil, err
		}
	}
	return newModel(ctx, b.Manifest, graphs, o)
}

// New is [Open] for a model in memory. graphs holds the ONNX models of [bundle.Manifest.Graphs], and that of a variant that is
// asked for, by their file names; neither they nor the manifest may be changed while the model is open. The manifest must be a valid one.
func New(ctx context.Context, m *bundle.Manifest, graphs map[string][]byte, opts ...Option) (*Model, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	model, err := newModel(ctx, m, graphs, o)
	return model, visible.Error(err)
}

func newModel(ctx context.Context, m *bundle.Manifest, graphs map[string][]byte, o options) (*Model, error) {
	on, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	likelihood, err := dist.LikelihoodOf(m.LikelihoodConfig())
	if err != nil {
		return nil, fmt.Errorf("runtime: %w: %w", err, bundle.ErrFormat)
	}
	values, standard := m.Input.Values(), m.Input.Standard.Dist()
	model := &Model{
		manifest: m, latent: m.Latent.Dist(), likelihood: likelihood, standard: standard, limits: newLimits(values, standard), bytes: values.Table(),
		backend: on, graphs: graphs, variant: o.variant,
	}
	model.programs.graphs = map[string]backend.Graph{}
	if err := model.loadAll(ctx); err != nil {
		return nil, errors.Join(err, model.Close())
	}
	return model, nil
}

// loadAll loads the bundle's graphs, and the variant's.
func (m *Model) loadAll(ctx context.Context) error {
	sample, logits, code, packed, outputs := m.infos()
	type graph struct {
		to      *backend.Graph
		file    string
		in, out []backend.TensorInfo
	}
	graphs := []graph{
		{&m.encoder, bundle.EncoderFile, []backend.TensorInfo{sample}, m.with([]backend.TensorInfo{logits}, bundle.EncoderFile)},
		{&m.threshold, bundle.ThresholdFile, []backend.TensorInfo{logits}, m.with([]backend.TensorInfo{code, packed}, bundle.ThresholdFile)},
		{&m.decoder, bundle.DecoderFile, []backend.TensorInfo{code}, []backend.TensorInfo{m.reconstructionInfo(), outputs}},
	}
	if m.latent.Layered() {
		graphs = append(graphs, graph{&m.layers, bundle.LayersFile, []backend.TensorInfo{code}, m.layerInfos()})
	}
	for _, g := range graphs {
		var err error
		if *g.to, err = m.load(ctx, m.graphs[g.file], g.file); err != nil {
			return err
		}
		if err := sameInfos(g.file, *g.to, g.in, g.out); err != nil {
			return err
		}
	}
	if m.variant == "" {
		return nil
	}
	return m.loadVariant(ctx)
}

// load loads a graph of the bundle, or one made of several. A graph that is unsafe, or that the backend refuses, is the
// bundle's fault, unless the error says whose it is.
func (m *Model) load(ctx context.Context, model []byte, label string) (backend.Graph, error) {
	g, err := backend.Load(ctx, m.backend, model, label)
	switch {
	case err == nil:
		return g, nil
	case ctx.Err() != nil, notTheGraphs(err):
		return nil, err
	}
	return nil, fmt.Errorf("runtime: %w: %w", bundle.ErrBad, err)
}

// infos describes the tensors between the graphs, as the manifest says that they are.
func (m *Model) infos() (sample, logits, code, packed, outputs backend.TensorInfo) {
	info := func(name string, d backend.DType, row []int) backend.TensorInfo {
		return backend.TensorInfo{Name: name, DType: d, Shape: shapeOf(-1, row)}
	}
	sample = backend.TensorInfo{Name: m.manifest.Input.Name, DType: backend.Float32, Shape: slices.Concat([]int64{-1}, m.manifest.Input.Shape)}
	return sample, info(bundle.LatentLogits, backend.Float32, m.latent.LogitsShape()), info(bundle.Code, backend.Float32, m.latent.CodeShape()),
		info(bundle.PackedCode, backend.Uint8, []int{m.manifest.Latent.PackedBytes()}), info(bundle.ReconstructionLogits, backend.Float32, m.outputShape())
}

// with returns outputs with the further ones that the manifest says of graphs: see [bundle.Manifest.OutputsOf].
func (m *Model) with(outputs []backend.TensorInfo, files ...string) []backend.TensorInfo {
	for _, o := range m.manifest.OutputsOf(files...) {
		outputs = append(outputs, backend.TensorInfo{Name: o.Name, DType: o.DType, Shape: shapeOf(-1, o.Shape)})
	}
	return outputs
}

// reconstructionInfo describes the decoder's first output.
func (m *Model) reconstructionInfo() backend.TensorInfo {
	return backend.TensorInfo{Name: bundle.Reconstruction, DType: backend.Float32, Shape: shapeOf(-1, m.manifest.TargetShape())}
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
