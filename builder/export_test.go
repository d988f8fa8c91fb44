package builder

import (
	"fmt"
	"maps"
	"slices"

	G "gorgonia.org/gorgonia"
)

// FamilyKinds and LikelihoodKinds are the keys of the halves that this package has.
func FamilyKinds() []string     { return slices.Sorted(maps.Keys(families)) }
func LikelihoodKinds() []string { return slices.Sorted(maps.Keys(likelihoods)) }

// WithEstimator adds an estimator to the table until it is called back.
func WithEstimator(name string, e Estimator) (undo func()) {
	estimators[name] = estimatorRow{of: e}
	return func() { delete(estimators, name) }
}

// Density is the family's density.
func (m Model) Density(b *Graph, logits, prior, u, tau *G.Node) (z, logQ, logP *G.Node) {
	return m.family(b).density(b, logits, prior, u, tau)
}

// OpOf returns the op of a node.
func OpOf(n *G.Node) G.Op { return n.Op() }

// ConvForms returns an op for each way to write the three maps of a layer's convolution, by its name, and which two of x, w
// and y it takes.
func ConvForms(layer *G.Node) (ops map[string]G.Op, takes map[string][2]string) {
	ops, takes = map[string]G.Op{}, map[string][2]string{}
	of := map[convRole][2]string{convForward: {"x", "w"}, convPicture: {"y", "w"}, convWeights: {"x", "y"}}
	for _, f := range convForms {
		op := layer.Op().(convOp).as(f.role)
		if f.can == nil || f.can(op) {
			name := fmt.Sprintf("%s by %s", f.role, f.name)
			ops[name], takes[name] = formed{op, f}, of[f.role]
		}
	}
	return ops, takes
}

// formed is a convolution that is written in a form, whether it is the quickest or not.
type formed struct {
	convOp
	form convForm
}

func (op formed) String() string { return op.form.name + op.convOp.String() }
func (op formed) ONNX(w ONNXWriter, in []string, shapes [][]int64) (string, error) {
	return op.form.write(convONNX{op.convOp, w}, in, shapes[0][0]), nil
}
