package export

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/catvae/catvae/internal/flaw"
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
	G "gorgonia.org/gorgonia"
)

// The versions that exported models carry: opset 17 and IR 8 are understood by onnxruntime 1.13 and later, by
// onnxruntime-web, and by every recent reader in other languages.
const (
	Opset     = 17
	IRVersion = 8
	Producer  = "catvae"
)

// ErrUnsupportedOp is wrapped by the error for an operation that the table lacks.
var ErrUnsupportedOp = errors.New("unsupported operation")

// ErrWrong is wrapped by the error for what gorgonia itself computes wrongly: docs/gorgonia.md lists it.
var ErrWrong = flaw.Err

// A Traced is one gorgonia graph, built at one batch size, and what of it is exported. Inputs are bound at run time;
// every other node without an operation must hold a value and becomes an initialiser under its own name.
type Traced struct {
	Inputs  []Named
	Outputs []Named
}

// Named is a node with the name and documentation that it has in the exported graph.
type Named struct {
	Name string
	Doc  string // meaning, range and layout; Markdown
	Node *G.Node
}

// A Trace builds the graph for a batch size. It is called twice, at two batch sizes, with [Options].Batch twice at that one, and must
// otherwise do the same: what differs between the calls is the batch axis. Leaves that hold a value must hold the same each time; see
// [WithValues] for parameters that were trained.
type Trace func(batch int) (Traced, error)

// Options say how a model describes itself. The zero value works.
type Options struct {
	Name      string            // graph name, "graph" when empty
	Doc       string            // what the graph computes; Markdown
	Prefix    string            // put before the names of inner values that belong to no part of the model
	BatchAxis string            // name of the dynamic dimension, "batch_size" when empty
	Batch     int               // > 0: the graph is for batches of this size alone, and is traced at no other
	Drawn     bool              // leaves that hold other numbers in each trace (gorgonia.WithInit) are written as the first trace drew them
	Metadata  map[string]string // metadata_props, written in the order of their keys
}

// Graph exports the function that trace builds as an ONNX model.
//
// Nodes are lowered one by one in topological order from one table (docs/operators.md lists it), then cleaned up by
// passes that change no result. Equal graphs with equal values give equal bytes. Errors name the node and what to do;
// an operation outside the table wraps [ErrUnsupportedOp], one whose numbers gorgonia gets wrong [ErrWrong]. What comes out has been
// checked: its values are defined, its operators are those of the opset, and its shapes are gorgonia's. A ctx that is done ends the
// export, with an error that wraps
// ctx.Err().
func Graph(ctx context.Context, trace Trace, o Options) (*Model, error) {
	first, second, err := bothTraces(ctx, trace, o.Batch)
	if err != nil {
		return nil, err
	}
	if err := mend(slices.Concat(nodesOf(first.Outputs), nodesOf(second.Outputs))); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	order, outputs, err := pair(nodesOf(first.Outputs), nodesOf(second.Outputs))
	if err != nil {
		return nil, err
	}
	if err := flaw.Graph(firsts(order)); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	if o.BatchAxis == "" {
		o.BatchAxis = "batch_size"
	}
	e := newEmitter(o.BatchAxis, o.Prefix)
	e.drawn = o.Drawn
	if err := e.inputs(first, second, order); err != nil {
		return nil, err
	}
	for _, n := range order {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("export: %w", err)
		}
		if err := e.lower(n); err != nil {
			return nil, err
		}
	}
	if err := e.outputs(first.Outputs, outputs); err != nil {
		return nil, err
	}
	lowered := len(e.graph.Node)
	counts, err := e.simplify(ctx)
	if err != nil {
		return nil, err
	}
	e.nameNodes()
	e.graph.Name = proto.String(o.Name)
	if o.Name == "" {
		e.graph.Name = proto.String("graph")
	}
	if o.Doc != "" {
		e.graph.DocString = proto.String(o.Doc)
	}
	m := wrap(e.graph, o)
	if err := e.check(m); err != nil {
		return nil, err
	}
	return &Model{proto: m, Lowered: lowered, Nodes: len(e.graph.Node), Passes: counts}, nil
}

// bothTraces traces the graph at two batch sizes, or twice at one where only that will be used: then nothing varies.
func bothTraces(ctx context.Context, trace Trace, batch int) (first, second Traced, err error) {
	sizes := [2]int{firstBatch, secondBatch}
	if batch > 0 {
		sizes = [2]int{batch, batch}
	}
	for i, t := range []*Traced{&first, &second} {
		if err := ctx.Err(); err != nil {
			return first, second, fmt.Errorf("export: %w", err)
		}
		if *t, err = traced(trace, sizes[i]); err != nil {
			return first, second, err
		}
	}
	if batch == 0 {
		err = checkVaries(first, second)
	}
	return first, second, err
}

// checkVaries reports a trace that makes the same of every batch size.
func checkVaries(first, second Traced) error {
	if first.Outputs[0].Node == second.Outputs[0].Node {
		return fmt.Errorf("export: the trace returns the same nodes for every batch size: build the graph in the trace; or, for a graph of one batch size, set Options.Batch")
	}
	for i := range min(len(first.Inputs), len(second.Inputs)) {
		if !first.Inputs[i].Node.Shape().Eq(second.Inputs[i].Node.Shape()) {
			return nil
		}
	}
	if len(first.Inputs) == 0 {
		return nil
	}
	return fmt.Errorf("export: no input's shape varies with the batch size that the trace is given: make the inputs of that many rows; or, for a graph of one batch size or of none, set Options.Batch")
}

func traced(trace Trace, batch int) (t Traced, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("export: tracing at batch %d: %v", batch, p)
		}
	}()
	if t, err = trace(batch); err != nil {
		return t, fmt.Errorf("export: tracing at batch %d: %w", batch, err)
	}
	if len(t.Outputs) == 0 {
		return t, fmt.Errorf("export: the graph has no outputs")
	}
	for _, n := range slices.Concat(t.Inputs, t.Outputs) {
		if n.Node == nil || n.Name == "" {
			return t, fmt.Errorf("export: input or output %q has no node or no name", n.Name)
		}
	}
	return t, nil
}

// firsts lists nodes as the first trace has them.
func firsts(order []*node) []*G.Node {
	nodes := make([]*G.Node, len(order))
	for i, n := range order {
		nodes[i] = n.first
	}
	return nodes
}

func nodesOf(named []Named) []*G.Node {
	nodes := make([]*G.Node, len(named))
	for i, n := range named {
		nodes[i] = n.Node
	}
	return nodes
}

func wrap(g *onnxpb.GraphProto, o Options) *onnxpb.ModelProto {
	m := &onnxpb.ModelProto{
		IrVersion: proto.Int64(IRVersion), ProducerName: proto.String(Producer), ModelVersion: proto.Int64(1), Graph: g,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(Opset)}},
	}
	if o.Doc != "" {
		m.DocString = proto.String(o.Doc)
	}
	for _, key := range slices.Sorted(maps.Keys(o.Metadata)) {
		m.MetadataProps = append(m.MetadataProps, &onnxpb.StringStringEntryProto{Key: proto.String(key), Value: proto.String(o.Metadata[key])})
	}
	return m
}
