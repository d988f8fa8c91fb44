package runtime

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime/backend"
)

// Layers returns, for codes as [Model.Decode] takes them, the logits of q(z2|z1) and those of p(z1|z2): as many numbers a code as the
// second layer has, and the first. With a conditional prior, that of models that predict a part of a row, there is no p(z1|z2), and prior is
// nil. dist.Latent.Given makes a posterior of them. Models whose variables are in no layers give an [ErrInput].
func (m *Model) Layers(ctx context.Context, codes []float32) (posterior, prior []float32, err error) {
	if !m.latent.Layered() {
		return nil, nil, fmt.Errorf("runtime: %w: latent.kind is %s: only variables in layers have logits for codes: use Logits", ErrInput, m.manifest.Latent.Kind)
	}
	if err := m.checkCodes(codes); err != nil || len(codes) == 0 {
		return nil, nil, err
	}
	input := m.codeTensor(codes)
	outputs, err := runGraph(ctx, m.layers, input)
	if err != nil {
		return nil, nil, err
	}
	if posterior, err = appendOutput(m.layers, outputs, bundle.PosteriorLogits, posterior, input.Shape[0]); err != nil {
		return nil, nil, err
	}
	if m.latent.Conditional {
		return posterior, nil, nil
	}
	prior, err = appendOutput(m.layers, outputs, bundle.PriorLogits, prior, input.Shape[0])
	return posterior, prior, err
}

// layerInfos describes the outputs of the graph of layers.
func (m *Model) layerInfos() []backend.TensorInfo {
	parts := m.latent.Parts()
	info := func(name string, p dist.Part) backend.TensorInfo {
		return backend.TensorInfo{Name: name, DType: backend.Float32, Shape: []int64{-1, int64(p.Logits())}}
	}
	infos := []backend.TensorInfo{info(bundle.PosteriorLogits, parts[1])}
	if !m.latent.Conditional {
		infos = append(infos, info(bundle.PriorLogits, parts[0]))
	}
	return infos
}

// posteriors returns q(z|x) of rows next to the prior. Where variables are in layers, both are those of the rows' codes.
func (m *Model) posteriors(ctx context.Context, logits, codes []float32) ([]dist.Posterior, error) {
	width := m.latent.Logits()
	all := make([]dist.Posterior, len(logits)/width)
	if !m.latent.Layered() {
		for i := range all {
			all[i] = m.latent.Posterior(logits[i*width:][:width])
		}
		return all, nil
	}
	_, prior, err := m.Layers(ctx, codes)
	if err != nil {
		return nil, err
	}
	n := width - m.latent.PriorSize()
	for i := range all {
		all[i] = m.latent.Given(logits[i*width:][:width], prior[i*n:][:n])
	}
	return all, nil
}
