package export

import (
	"fmt"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/onnxop"
)

// shareEqual keeps one of several nodes that compute the same from the same:
//
//	x ─ Sigmoid ─ y ─ …          x ─ Sigmoid ─ y ─ …
//	└── Sigmoid ─ z ─ …    =>                  └── …
//
// Operands that commute, those of a sum or a product, may come in either order. Every operator of the exporter's table is a function of
// its operands: there are no random ones.
func (e *emitter) shareEqual() bool {
	first, same := map[string]string{}, map[string]string{}
	for _, n := range e.graph.Node {
		if len(n.Output) > 1 { // no two of the exporter's are equal
			continue
		}
		inputs := slices.Clone(n.Input)
		for i, in := range inputs {
			if to, ok := same[in]; ok {
				inputs[i] = to
			}
		}
		if onnxop.Has(n.GetOpType(), onnxop.Commutes) {
			slices.Sort(inputs)
		}
		key := fmt.Sprintf("%s(%s)%s", n.GetOpType(), strings.Join(inputs, ", "), attributesText(n.Attribute))
		if kept, ok := first[key]; !ok {
			first[key] = n.Output[0]
		} else if !e.isOutput(n.Output[0]) {
			same[n.Output[0]] = kept
		}
	}
	return e.replace(same)
}
