package onnxeval

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// planner turns nodes into steps, one after the other. For a node it
//
//	finds the operands, which earlier nodes have made, and checks their number;
//	widens operands of half precision to float32, where the operator computes;
//	calls the operator's prepare function, which infers results' shapes and types and says what the step does;
//	narrows float32 results to half precision again;
//	computes the step at once, where all operands are known, or else records it for runs.
//
// It serves programs, which compute what follows from constants alone, and plans, which know the inputs' shapes too.
type planner struct {
	opset  int64
	values map[string]*value
	steps  []*step
	views  []*value // of values whose memory changes from run to run, each after what it is a view of
	limit  int      // of the elements that may yet be computed or listed beforehand
	ctx    context.Context
}

// step is what one node does in a run.
type step struct {
	check    func() error // of operands' numbers, before the job; nil for none
	job      *job         // nil for a step that does nothing but name a view
	operands []*value     // roots
	results  []*value     // that want memory
	inPlace  []*value     // operands of whose memory a result of their type and size may be made: element i is read before it is written
}

// call is one node while it is planned: what its operator's prepare function works with. That reads operands and attributes, makes
// results in order (result for computed ones, same for views, constant for known ones), and ends with do or share, which say what the
// step does. Operands' elements may be read while preparing where they are known, and else within the step only.
type call struct {
	plan *planner
	node onnxgraph.Node
	in   []*value // nil where an optional operand is left out
	out  []*value // in order, as result and its like make them
	step *step
}

// errLarge: more would be computed beforehand than is allowed.
var errLarge = fmt.Errorf("too many elements: give fewer rows at once: %w", ErrShape)

// add plans a node. Results that follow from known values alone are computed at once.
func (p *planner) add(n onnxgraph.Node) error {
	facts, _ := onnxop.Lookup(n.Op)
	if p.ctx != nil && p.ctx.Err() != nil {
		return p.ctx.Err()
	}
	c := &call{plan: p, node: n, step: &step{}}
	known := true
	for _, name := range n.Inputs {
		var v *value
		if name != "" {
			if v = p.values[name]; v == nil {
				return fmt.Errorf("onnxeval: %v reads %.100q, which nothing before it computes: %w", n, name, ErrShape)
			}
			known = known && v.known
		}
		c.in = append(c.in, v)
	}
	// ONNX lets optional operands at the end be left out by an empty name too.
	for len(c.in) > 0 && c.in[len(c.in)-1] == nil {
		c.in = c.in[:len(c.in)-1]
	}
	if !facts.Takes(len(c.in)) {
		return fmt.Errorf("onnxeval: %v has %d operands: it takes %s: %w", n, len(c.in), facts.Arity(), ErrShape)
	}
	for i := range facts.Least {
		if c.in[i] == nil {
			return fmt.Errorf("onnxeval: %v lacks operand %d: %w", n, i+1, ErrShape)
		}
	}
	for _, i := range facts.Shaping {
		if v := c.operand(i); v != nil && !v.known {
			return fmt.Errorf("onnxeval: operand %d of %v: %w", i+1, n, ErrUnknown)
		}
	}
	computes := facts.Traits&onnxop.Moves == 0 // with numbers: those of half precision in float32
	// The steps of one node: conversions before, its own, conversions after.
	var before, after []*step
	if computes {
		before = c.widen()
	}
	if err := operators[n.Op].prepare(c); err != nil {
		return fmt.Errorf("onnxeval: %v of %s: %w", n, c.operands(), err)
	}
	if computes && narrows(n, p.values) {
		after = c.narrow()
	}
	if len(n.Outputs) > len(c.out) {
		return fmt.Errorf("onnxeval: %v has %d results: %d are computed here: %w", n, len(n.Outputs), len(c.out), ErrUnsupported)
	}
	steps := append(append(before, c.step), after...)
	if known {
		if err := p.compute(c, steps); err != nil {
			return err
		}
	} else {
		for _, s := range steps {
			p.record(s)
		}
	}
	for i, name := range n.Outputs {
		if name == "" {
			continue
		}
		v := c.out[i]
		v.name = name
		p.values[name] = v
		if v.view != nil && !v.known {
			p.views = append(p.views, v)
		}
	}
	return nil
}

// record adds a step that runs.
func (p *planner) record(s *step) {
	if s.job == nil {
		return
	}
	p.steps = append(p.steps, s)
	for _, v := range s.operands {
		if !v.known { // which programs share, and which have memory of their own
			v.last = len(p.steps) - 1
		}
	}
}

// compute runs steps whose operands are known.
func (p *planner) compute(c *call, steps []*step) error {
	// What is computed beforehand is bounded: a hostile graph may have much of it.
	for _, v := range c.step.results {
		if err := c.takes(v.size); err != nil {
			return err
		}
	}
	for _, s := range steps {
		for _, v := range s.results {
			v.data, v.known = allocate(v.dtype, v.size), true
		}
		if s.check != nil {
			if err := s.check(); err != nil {
				return err
			}
		}
		if s.job != nil {
			s.job.piece(0, s.job.n)
		}
	}
	for _, v := range c.out {
		if v.view != nil {
			v.data, v.known, v.view = v.root().data, true, nil
		}
	}
	return nil
}

// result makes the next result, which the node's step computes.
func (c *call) result(d onnxtensor.DType, shape []int) (*value, error) {
	v, err := newValue("", d, shape)
	if err != nil {
		return nil, err
	}
	if int64(v.size) > maxMemory/int64(widthOf(d)) {
		return nil, errLarge
	}
	c.out = append(c.out, v)
	c.step.results = append(c.step.results, v)
	return v, nil
}

// same makes a result that is an operand in another shape.
func (c *call) same(v *value, shape []int) error {
	out, err := newValue("", v.dtype, shape)
	if err != nil {
		return err
	}
	if out.size != v.size {
		return fmt.Errorf("%v has %d elements, %v wants %d: %w", v.shape, v.size, shape, out.size, ErrShape)
	}
	out.view = v
	if v.known {
		out.data, out.known = v.data, true
	}
	c.out = append(c.out, out)
	return nil
}

// constant makes a result that is known whatever the operands hold.
func (c *call) constant(d onnxtensor.DType, shape []int, data any) error {
	v, err := knownValue(onnxgraph.Tensor{DType: d, Shape: shape, Data: data})
	c.out = append(c.out, v)
	return err
}

// takes counts elements that are made while planning.
func (c *call) takes(n int) error {
	if n > c.plan.limit {
		return errLarge
	}
	c.plan.limit -= n
	return nil
}

// do sets what the step does, as a whole.
func (c *call) do(f func()) error {
	return c.share(1, 1, func(int, int) { f() })
}

// share sets what the step does for n items, in pieces of grain that may run at the same time.
func (c *call) share(n, grain int, piece func(from, to int)) error {
	if n == 0 {
		return nil
	}
	// Whoever reads a view reads its root's memory: that is what must live until this step.
	c.step.job = &job{n: n, grain: max(1, grain), piece: piece}
	for _, v := range c.in {
		if v != nil {
			c.step.operands = append(c.step.operands, v.root())
		}
	}
	return nil
}

// operand returns operand i, or nil where it is left out.
func (c *call) operand(i int) *value {
	if i < len(c.in) {
		return c.in[i]
	}
	return nil
}

// ints returns the integers of an operand on which a result's shape depends, which add has found to be known.
func (c *call) ints(i int) ([]int, error) {
	v := c.in[i]
	var out []int
	switch d := v.data.(type) {
	case []int64:
		out = toInts(d)
	case []int32:
		out = toInts(d)
	default:
		return nil, fmt.Errorf("operand %d is of type %s, wants int64: %w", i+1, v.dtype, ErrUnsupported)
	}
	return out, nil
}

func toInts[T int32 | int64](x []T) []int {
	if len(x) == 0 {
		return nil
	}
	out := make([]int, len(x))
	for i, v := range x {
		out[i] = int(v)
	}
	return out
}

// unsupportedType reports an operand of a type that the operator is not there for.
func (c *call) unsupportedType(i int) error {
	return fmt.Errorf("operand %d of type %s: %w", i+1, c.in[i].dtype, ErrUnsupported)
}

// operands describes the operands for errors.
func (c *call) operands() string {
	text := ""
	for i, v := range c.in {
		if i > 0 {
			text += ", "
		}
		if v == nil {
			text += "nothing"
			continue
		}
		text += fmt.Sprintf("%s%v", v.dtype, v.shape)
	}
	return text
}

// widen replaces operands of half precision by float32, in which all arithmetic is done, and returns the steps that do.
func (c *call) widen() []*step {
	var steps []*step
	in := append([]*value(nil), c.in...)
	for i, v := range in {
		if v == nil || v.dtype != onnxgraph.Half {
			continue
		}
		w, _ := newValue(v.name, onnxtensor.Float32, v.shape)
		in[i] = w
		piece := func(from, to int) {
			x, y := of[onnxgraph.Float16](v), of[float32](w)
			for i := from; i < to; i++ {
				y[i] = x[i].Float32()
			}
		}
		if v.known { // an operand that must be known stays so
			w.data, w.known = allocate(w.dtype, w.size), true
			piece(0, v.size)
			continue
		}
		steps = append(steps, &step{operands: []*value{v.root()}, results: []*value{w}, job: &job{n: v.size, grain: 1 << 14, piece: piece}})
	}
	c.in = in
	return steps
}

// narrows reports a node whose results are of half precision: those that take their type from an operand which is.
func narrows(n onnxgraph.Node, values map[string]*value) bool {
	of := 0
	if n.Op == "DequantizeLinear" { // of its scale
		of = 1
	}
	v := values[n.Inputs[of]]
	return v != nil && v.dtype == onnxgraph.Half
}

// narrow rounds float32 results to half precision.
func (c *call) narrow() []*step {
	var steps []*step
	for i, w := range c.out {
		if w.dtype != onnxtensor.Float32 {
			continue
		}
		v, _ := newValue("", onnxgraph.Half, w.shape)
		c.out[i] = v
		steps = append(steps, &step{operands: []*value{w.root()}, results: []*value{v}, job: &job{n: v.size, grain: 1 << 14, piece: func(from, to int) {
			x, y := of[float32](w.root()), of[onnxgraph.Float16](v) // a view has memory when a plan is there only
			for i := from; i < to; i++ {
				y[i] = fromFloat32(x[i])
			}
		}}})
	}
	return steps
}
