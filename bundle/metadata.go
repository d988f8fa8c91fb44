package bundle

import (
	"fmt"
	"strconv"
	"strings"
)

// flow says what each graph turns into what. Its key in a graph's metadata is the graph's own, so that onnx.compose can merge
// the graphs as they are: it refuses keys with two values.
var flow = map[string]string{
	EncoderFile:   Sample + " -> " + LatentLogits,
	ThresholdFile: LatentLogits + " -> " + Code + ", " + PackedCode,
	DecoderFile:   Code + " -> " + Reconstruction + ", " + ReconstructionLogits,
	LayersFile:    Code + " -> " + PosteriorLogits + ", " + PriorLogits,
}

// flowKeys are the keys of flow in a graph's metadata.
var flowKeys = map[string]string{EncoderFile: "catvae.encoder", ThresholdFile: "catvae.threshold", DecoderFile: "catvae.decoder", LayersFile: "catvae.layers"}

// Metadata returns what a graph of the bundle says about itself in its metadata_props, enough to use it without the
// manifest. file is the graph's, one of [Manifest.Graphs] or a variant's. The model's name is left out: equal weights give
// equal graphs, whatever the model is called.
func (m *Manifest) Metadata(file string) map[string]string {
	meta := map[string]string{
		"catvae.format_version": m.Version(),
		"catvae.latent.kind":    string(m.Latent.Kind),
		"catvae.latent.vars":    strconv.Itoa(m.Latent.Variables),
		"catvae.latent.prior":   m.Latent.Prior.Kind,
		"catvae.bit_order":      m.Latent.BitOrder,
		"catvae.input.range":    fmt.Sprintf("[%g,%g]", m.Input.Range[0], m.Input.Range[1]),
		"catvae.input.seen":     m.Input.Seen,
		"catvae.likelihood":     m.Likelihood,
	}
	if m.Latent.Categories > 0 {
		meta["catvae.latent.categories"] = strconv.Itoa(m.Latent.Categories)
	}
	if groups := m.Latent.Groups; len(groups) > 0 {
		names := make([]string, len(groups))
		for i, g := range groups {
			names[i] = g.String()
		}
		meta["catvae.latent.groups"] = strings.Join(names, ",")
	}
	if key, ok := flowKeys[file]; ok {
		meta[key] = flow[file]
		for _, o := range m.OutputsOf(file) {
			meta[key] += ", " + o.Name
		}
		if file == LayersFile && m.Predicted != nil {
			meta[key] = Code + " -> " + PosteriorLogits
		}
	}
	if p := m.Predicted; p != nil {
		meta["catvae.predicted"] = fmt.Sprintf("the last %d lines of %v, from those before", p.Lines, m.Input.Shape)
	}
	return meta
}
