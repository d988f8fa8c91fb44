package export

import (
	"slices"

	"github.com/catvae/catvae/internal/onnxpb"
)

// dropDead removes nodes and initialisers that no output needs: gradients that nobody reads, sizes that only counted
// repeats, what other passes leave behind.
func (e *emitter) dropDead() bool {
	before := len(e.graph.Node) + len(e.graph.Initializer)
	needed := map[string]bool{}
	for _, o := range e.graph.Output {
		needed[o.GetName()] = true
	}
	for _, n := range slices.Backward(e.graph.Node) {
		if needed[n.Output[0]] {
			for _, in := range n.Input {
				needed[in] = true
			}
		}
	}
	e.graph.Node = slices.DeleteFunc(e.graph.Node, func(n *onnxpb.NodeProto) bool { return !needed[n.Output[0]] })
	e.graph.Initializer = slices.DeleteFunc(e.graph.Initializer, func(t *onnxpb.TensorProto) bool { return !needed[t.GetName()] })
	return len(e.graph.Node)+len(e.graph.Initializer) != before
}
