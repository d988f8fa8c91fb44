package export

import "github.com/catvae/catvae/internal/onnxcompose"

// dropDead removes nodes and initialisers that no output needs: gradients that nobody reads, sizes that only counted
// repeats, what other passes leave behind.
func (e *emitter) dropDead() bool {
	before := len(e.graph.Node) + len(e.graph.Initializer)
	onnxcompose.DropDead(e.graph)
	return len(e.graph.Node)+len(e.graph.Initializer) != before
}
