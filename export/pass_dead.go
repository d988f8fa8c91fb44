package export

import (
	"maps"

	"github.com/catvae/catvae/internal/onnxcompose"
)

// dropDead removes nodes and initialisers that no output needs: gradients that nobody reads, sizes that only counted
// repeats, what other passes leave behind. A constant that is gone is made anew where a later pass asks for it.
func (e *emitter) dropDead() bool {
	before := len(e.graph.Node) + len(e.graph.Initializer)
	onnxcompose.DropDead(e.graph)
	left := map[string]bool{}
	for _, t := range e.graph.Initializer {
		left[t.GetName()] = true
	}
	maps.DeleteFunc(e.constants, func(_, name string) bool { return !left[name] })
	return len(e.graph.Node)+len(e.graph.Initializer) != before
}
