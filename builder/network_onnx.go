package builder

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// ONNX is a network that was imported from an ONNX file, with the weights of the file to begin with.
type ONNX struct {
	Hidden []int  `json:"hidden" doc:"hidden layers of the perceptron that the graph replaced; not used" when:"never: it is kept so that kind can be set back to mlp"`
	Graph  string `json:"graph,omitempty" doc:"ONNX file, relative to the configuration; in a run folder below graphs/, with the start of its SHA-256 in its name" when:"to train a network further that was made elsewhere: catvae import sets it"`
	Output string `json:"output,omitempty" doc:"name of the value of that graph to use; left out: its result" when:"where the graph has several results, or ends in something else than logits"`
	Gives  string `json:"gives,omitempty" doc:"what that value is: probabilities are made logits; left out: told by the graph's end" oneof:"gives" when:"where catvae import refuses a result that lies within bounds"`

	// Imported is the graph, nil until it is read: builder/importer makes one.
	Imported ImportedNetwork `json:"-"`
}

// An ImportedNetwork is a graph with one input, read from an ONNX file. Build applies it to flat rows [batch, width].
type ImportedNetwork interface {
	Build(b *Graph, x *G.Node) *G.Node
}

var _ Network = ONNX{}

// Kind implements [Network].
func (ONNX) Kind() string { return "onnx" }

// Check implements [Network].
func (o ONNX) Check(part string) error {
	if o.Graph == "" && o.Imported == nil {
		return fmt.Errorf("%s.graph is missing: name the ONNX file that the network is imported from", part)
	}
	return nil
}

// Plan implements [Network]. The graph's layers are in its file.
func (ONNX) Plan([]int, NetworkSpec) ([]Layer, error) { return nil, nil }

// Build implements [Network].
func (o ONNX) Build(b *Graph, x *G.Node, _ NetworkSpec) *G.Node {
	if b.err != nil {
		return nil
	}
	if o.Imported == nil {
		return b.fail("its graph %s was not imported", o.Graph)
	}
	return o.Imported.Build(b, b.flat(x))
}
