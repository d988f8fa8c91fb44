package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	G "gorgonia.org/gorgonia"
)

// Options say how a step is compiled. The zero value works.
type Options struct {
	// StepsPerCall is how many steps one call of the backend takes, 0 to 4096. 0 means what the backend takes best: one
	// where the state stays where it is, more where each call copies the state to a device and back. See
	// [backend.StepsPerCall].
	StepsPerCall int
}

// Compiled is the engine that runs a step as one ONNX graph.
type Compiled struct {
	*program
	model   *export.Model
	backend string
	graph   backend.Graph
	sets    [2][]onnxtensor.Tensor // of the states; the two share memory where a step may overwrite what it reads
	current int                    // which set holds the state
	perCall int
	calls   map[int]*call // by their number of steps
	steps   int
	closed  bool
}

var _ Engine = (*Compiled)(nil)

// A call is the graph bound to memory for a number of steps, in two directions: from the first set of states to the
// second, and back.
type call struct {
	bindings [2]backend.Binding
	inputs   []any // the batches' memory, in the order of Objective.Inputs
	scalars  []any // of the optimiser
	values   []any // loss and metrics
}

// Compile exports the objective, its gradients and the optimiser's update as one ONNX graph and returns the engine that
// runs it on a backend whose graphs are [backend.Binder]s, as onnxruntime's are. State is kept in two sets of tensors,
// read and written in turn, so that only the batch is copied for a step; moments, and parameters where no other node
// can read them later, are updated in place. On one machine and with one number of threads equal calls give equal bits.
//
// Errors wrap [ErrObjective], [ErrOptimizer], [export.ErrUnsupportedOp], [export.ErrWrong] or, where ctx is done before the engine exists,
// ctx.Err().
func Compile(ctx context.Context, b backend.Backend, trace Trace, o Optimizer, batch int, opts Options) (*Compiled, error) {
	if opts.StepsPerCall == 0 {
		opts.StepsPerCall = backend.StepsPerCall(b)
	}
	if opts.StepsPerCall < 1 || opts.StepsPerCall > 4096 {
		return nil, fmt.Errorf("engine: %d steps a call: use 1 to 4096: %w", opts.StepsPerCall, ErrBatch)
	}
	e := &Compiled{backend: b.Name(), perCall: opts.StepsPerCall, calls: map[int]*call{}}
	var err error
	if e.program, err = newProgram(ctx, trace, o, batch); err != nil {
		return nil, err
	}
	e.model, err = export.Graph(ctx, func(int) (export.Traced, error) { return e.traced(), nil }, export.Options{Name: "training_step", Batch: batch})
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	e.allocate()
	if e.perCall > 1 {
		if e.model, err = e.model.Scan(e.carried()); err != nil {
			return nil, fmt.Errorf("engine: %w", err)
		}
	}
	model, err := e.model.Bytes()
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	if e.graph, err = backend.Load(ctx, b, model, "training step"); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	if _, err := e.call(e.perCall); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// The names of the step's outputs: a prefix, since a parameter's new value needs another name than its old one.
const (
	lossOutput = "step/loss"
	nextPrefix = "next/"
)

// traced lists what goes into the graph and what comes out.
func (p *program) traced() export.Traced {
	var t export.Traced
	for _, n := range slices.Concat(p.objective.Inputs, p.scalars) {
		t.Inputs = append(t.Inputs, export.Named{Name: n.Name(), Node: n})
	}
	t.Outputs = append(t.Outputs, export.Named{Name: lossOutput, Node: p.objective.Loss})
	for i, m := range p.objective.Metrics {
		t.Outputs = append(t.Outputs, export.Named{Name: metricOutput(i, m.Name), Doc: m.Doc, Node: m.Node})
	}
	for _, s := range p.states {
		t.Inputs = append(t.Inputs, export.Named{Name: s.name, Node: s.in})
		t.Outputs = append(t.Outputs, export.Named{Name: nextPrefix + s.name, Node: s.out})
	}
	return t
}

func metricOutput(i int, name string) string { return fmt.Sprintf("step/metric/%d/%s", i, name) }

func (e *Compiled) carried() []export.Carried {
	var c []export.Carried
	for _, s := range e.states {
		c = append(c, export.Carried{Input: s.name, Output: nextPrefix + s.name})
	}
	return c
}

// allocate makes the two sets of states. With several steps a call the memory of a state is read at the call's beginning
// and written at its end, by one node; ONNX does not say whether that node may write before it has read everything, so
// no memory is shared then. Numbers without dimensions are copied in and out by the backend, and share none either.
func (e *Compiled) allocate() {
	for _, s := range e.states {
		t := onnxtensor.Tensor{Name: s.name, Shape: s.shape, Data: clone(s.initial)}
		e.sets[0] = append(e.sets[0], t)
		if e.perCall > 1 || len(s.shape) == 0 || !e.model.Overwritable(s.name, nextPrefix+s.name) {
			t.Data = clone(s.initial)
		}
		e.sets[1] = append(e.sets[1], t)
	}
}

// call returns the graph bound for a number of steps.
func (e *Compiled) call(steps int) (*call, error) {
	if c, ok := e.calls[steps]; ok {
		return c, nil
	}
	binder, ok := e.graph.(backend.Binder)
	if !ok {
		return nil, fmt.Errorf("engine: %s cannot bind memory, which training needs: use onnxruntime", e.backend)
	}
	c := &call{}
	var inputs, outputs []onnxtensor.Tensor
	add := func(to *[]onnxtensor.Tensor, keep *[]any, name string, n *G.Node) {
		shape, size := int64s(n.Shape()), max(1, n.Shape().TotalSize())
		if e.perCall > 1 {
			shape, size = append([]int64{int64(steps)}, shape...), steps*size
		}
		data := makeData(dtypeOf(n.Dtype()), size)
		*to, *keep = append(*to, onnxtensor.Tensor{Name: name, Shape: shape, Data: data}), append(*keep, data)
	}
	for _, n := range e.objective.Inputs {
		add(&inputs, &c.inputs, n.Name(), n)
	}
	for _, n := range e.scalars {
		add(&inputs, &c.scalars, n.Name(), n)
	}
	add(&outputs, &c.values, lossOutput, e.objective.Loss)
	for i, m := range e.objective.Metrics {
		add(&outputs, &c.values, metricOutput(i, m.Name), m.Node)
	}
	for from := range 2 {
		in, out := slices.Clone(inputs), slices.Clone(outputs)
		for i, t := range e.sets[1-from] {
			in = append(in, e.sets[from][i])
			t.Name = nextPrefix + t.Name
			out = append(out, t)
		}
		var err error
		if c.bindings[from], err = binder.Bind(in, out); err != nil {
			return nil, errors.Join(fmt.Errorf("engine: %w", err), c.close())
		}
	}
	e.calls[steps] = c
	return c, nil
}

func (c *call) close() error {
	var err error
	for _, b := range c.bindings {
		if b != nil {
			err = errors.Join(err, b.Close())
		}
	}
	return err
}

// Name implements [Engine].
func (e *Compiled) Name() string { return fmt.Sprintf("compiled (%s)", e.backend) }

// StepsPerCall implements [Engine].
func (e *Compiled) StepsPerCall() int { return e.perCall }

// Model returns the ONNX model of the step, or of several steps: to look at its nodes, or at what the passes did.
func (e *Compiled) Model() *export.Model { return e.model }

// Step implements [Engine].
func (e *Compiled) Step(ctx context.Context, batches ...Batch) ([]Values, error) {
	for _, b := range batches {
		if err := e.checkBatch(b); err != nil {
			return nil, err
		}
	}
	out := make([]Values, 0, len(batches))
	for chunk := range slices.Chunk(batches, e.perCall) {
		values, err := e.run(ctx, chunk)
		if err != nil {
			return out, err
		}
		out = append(out, values...)
	}
	return out, nil
}

// run makes one call.
func (e *Compiled) run(ctx context.Context, batches []Batch) ([]Values, error) {
	if e.closed {
		return nil, fmt.Errorf("engine: step after Close: %w", backend.ErrClosed)
	}
	c, err := e.call(len(batches))
	if err != nil {
		return nil, err
	}
	for i, b := range batches {
		for j, n := range e.objective.Inputs {
			copyAt(c.inputs[j], i, b[n.Name()])
		}
		for j, s := range e.rule.scalars(e.steps + 1 + i) {
			setAt(c.scalars[j], i, s.value)
		}
	}
	if err := c.bindings[e.current].Run(ctx); err != nil {
		return nil, fmt.Errorf("engine: step %d: %w", e.steps+1, err)
	}
	e.current = 1 - e.current
	e.steps += len(batches)
	out := make([]Values, len(batches))
	for i := range out {
		out[i] = make(Values, len(c.values))
		for j, v := range c.values {
			out[i][j] = floatAt(v, i)
		}
	}
	return out, nil
}

// State implements [Engine].
func (e *Compiled) State() State {
	s := State{Steps: e.steps}
	for _, t := range e.sets[e.current] {
		s.Tensors = append(s.Tensors, onnxtensor.Tensor{Name: t.Name, Shape: slices.Clone(t.Shape), Data: clone(t.Data)})
	}
	return s
}

// Restore implements [Engine].
func (e *Compiled) Restore(s State) error {
	tensors, err := e.checkState(s)
	if err != nil {
		return err
	}
	for i, t := range tensors {
		copyData(e.sets[e.current][i].Data, t.Data)
	}
	e.steps = s.Steps
	return nil
}

// Close implements [Engine].
func (e *Compiled) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	var err error
	for _, c := range e.calls {
		err = errors.Join(err, c.close())
	}
	e.calls = nil
	return errors.Join(err, e.graph.Close())
}
