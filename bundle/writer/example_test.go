package writer_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/bundle/writer"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/runtime/purego"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The bundle of an untrained model of four bits, verified on the backend in pure Go.
func Example() {
	dir, err := os.MkdirTemp("", "writer-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	m := builder.Model{
		Input: []int{6}, Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 4, Prior: builder.PriorUniform},
		Encoder: builder.MLP{Hidden: []int{5}}, Decoder: builder.MLP{}, Activation: builder.ReLU,
	}
	manifest := bundle.Manifest{
		Name: "example", Likelihood: dist.Bernoulli, Input: bundle.InputOf(dist.Unit()),
		Latent: bundle.Latent{Kind: dist.Bernoulli, Variables: 4, Prior: bundle.Prior{Kind: "uniform"}, BitOrder: bundle.BitOrderMSBFirst},
	}
	manifest.Input.Shape, manifest.Input.Seen = []int64{6}, "none"
	// graph is one of the three: what it takes, how wide that is, and the outputs that are made of it.
	graph := func(file, takes string, width int, outputs func(b *builder.Graph, x *G.Node) map[string]*G.Node, names ...string) writer.Part {
		return writer.Part{
			File: file,
			Trace: func(batch int) (export.Traced, error) {
				b := builder.New(params)
				x := b.Input(takes, batch, width)
				t := export.Traced{Inputs: []export.Named{{Name: takes, Node: x}}}
				made := outputs(b, x)
				for _, name := range names {
					t.Outputs = append(t.Outputs, export.Named{Name: name, Node: made[name]})
				}
				return t, b.Err()
			},
			Options: export.Options{Name: file, BatchAxis: bundle.BatchAxis},
			Inputs: writer.RandomInputs(takes, func(batch int) []int64 { return []int64{int64(batch), int64(width)} },
				func(u float32) float32 { return u }),
		}
	}
	graphs := []writer.Part{
		graph(bundle.EncoderFile, bundle.Sample, 6, func(b *builder.Graph, x *G.Node) map[string]*G.Node {
			return map[string]*G.Node{bundle.LatentLogits: m.Encode(b, x)}
		}, bundle.LatentLogits),
		graph(bundle.ThresholdFile, bundle.LatentLogits, 4, func(b *builder.Graph, x *G.Node) map[string]*G.Node {
			code, packed := m.HardCode(b, x, nil)
			return map[string]*G.Node{bundle.Code: code, bundle.PackedCode: packed}
		}, bundle.Code, bundle.PackedCode),
		graph(bundle.DecoderFile, bundle.Code, 4, func(b *builder.Graph, x *G.Node) map[string]*G.Node {
			outputs := m.Decode(b, x)
			return map[string]*G.Node{bundle.Reconstruction: m.Reconstruction(b, outputs), bundle.ReconstructionLogits: outputs}
		}, bundle.Reconstruction, bundle.ReconstructionLogits),
	}
	path := filepath.Join(dir, "bundle")
	v, err := writer.Write(context.Background(), path, manifest, graphs, writer.Options{Backend: purego.New()})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := bundle.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(slices.Sorted(maps.Keys(b.Manifest.Files)), b.Verify())
	fmt.Println(v.Codes.Bits+v.Codes.Aside, "bits compared or left aside, on", v.Runner)
	// Output:
	// [decoder.onnx encoder.onnx threshold.onnx] <nil>
	// 296 bits compared or left aside, on pure Go (cpu)
}
