package export

import (
	"context"
	"fmt"
	"slices"

	"github.com/catvae/catvae/internal/onnxpb"
)

// A pass changes the graph's form and no number that comes out of it, up to rounding, and reports whether it did anything. Each has a
// file or a function of its own with a drawing of what it does; they enable one another, so they are repeated until none
// finds anything more to do. Passes work on ONNX nodes in topological order, with the shapes that the emitter knows.
type pass struct {
	name string
	run  func(*emitter) bool
}

// passes lists them in the order in which they run.
var passes = []pass{
	{"dead nodes", (*emitter).dropDead},
	{"equal nodes", (*emitter).shareEqual},
	{"constants", (*emitter).foldNumbers},
	{"neutral operands", (*emitter).dropNeutral},
	{"signs", (*emitter).moveSigns},
	{"repeats of one number", (*emitter).sinkExpands},
	{"repeats", (*emitter).dropExpands},
	{"reshapes", (*emitter).joinReshapes},
	{"transposes", (*emitter).foldTransposes},
	{"biases", (*emitter).fuseBias},
	{"scales and shifts", (*emitter).foldAffine},
}

// A PassCount says how many nodes a pass took out of a graph, with what it left unread; fewer than none where it made some.
type PassCount struct {
	Pass    string
	Removed int
}

// simplify runs the passes until none finds anything to do, or ctx is done.
func (e *emitter) simplify(ctx context.Context) ([]PassCount, error) {
	counts := make([]PassCount, len(passes))
	for i, p := range passes {
		counts[i].Pass = p.name
	}
	for changed, round := true, 0; changed && round < maxRounds; round++ {
		changed = false
		for i, p := range passes {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("export: %w", err)
			}
			before := len(e.graph.Node)
			if !p.run(e) {
				continue
			}
			changed = true
			e.dropDead()
			counts[i].Removed += before - len(e.graph.Node)
		}
	}
	return counts, nil
}

// maxRounds bounds the repetition, should two passes ever undo each other.
const maxRounds = 50

// replace lets every reader of a key read the key's value instead. What is an output of the graph keeps its node.
func (e *emitter) replace(values map[string]string) (changed bool) {
	for _, n := range e.graph.Node {
		for i, in := range n.Input {
			for to, ok := values[in]; ok; to, ok = values[in] {
				in = to
			}
			if in != n.Input[i] {
				n.Input[i], changed = in, true
			}
		}
	}
	return changed
}

// producers returns the node that makes each value.
func (e *emitter) producers() map[string]*onnxpb.NodeProto {
	m := map[string]*onnxpb.NodeProto{}
	for _, n := range e.graph.Node {
		m[n.Output[0]] = n
	}
	return m
}

func (e *emitter) isOutput(value string) bool {
	return slices.ContainsFunc(e.graph.Output, func(o *onnxpb.ValueInfoProto) bool { return o.GetName() == value })
}

// uses counts the readers of each value, the graph's outputs among them.
func (e *emitter) uses() map[string]int {
	uses := map[string]int{}
	for _, n := range e.graph.Node {
		for _, in := range n.Input {
			uses[in]++
		}
	}
	for _, o := range e.graph.Output {
		uses[o.GetName()]++
	}
	return uses
}
