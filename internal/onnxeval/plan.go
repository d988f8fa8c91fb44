package onnxeval

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/visible"
)

// A Plan is a program for inputs of given shapes, with its memory. It is for one goroutine at a time.
//
// Its life: shapes are inferred and steps made (plan), memory is given to values (shareMemory), then, as often as one likes, inputs and
// outputs are lent (SetInput, SetOutput) and steps run (Run). Where memory comes from:
//
//	known values    the program's, or computed while planning: never written again
//	inputs          the caller's, lent for a run
//	outputs         the caller's too: the step that computes an output writes there
//	views           that of the value whose elements they are
//	all others      slabs, which values have one after the other
type Plan struct {
	pool    *Pool
	steps   []*step
	inputs  []*value
	outputs []*value
	views   []*value // whose memory is that of inputs or outputs
}

// slab is memory that several values have one after the other: a value's ends with the step that reads it last.
type slab struct {
	dtype onnxtensor.DType
	size  int
	data  any
}

// Plan prepares a run for inputs in the graph's order. Their data may be nil: then only the shape is known beforehand. Where
// the shape of a result follows from an input's numbers, those must be there; the plan is then good for these numbers only, once is
// true, and everything is computed at once, until ctx is done. Large steps are shared out in pool, which may be nil.
func (p *Program) Plan(ctx context.Context, inputs []onnxgraph.Tensor, pool *Pool) (plan *Plan, once bool, err error) {
	plan, err = p.plan(ctx, inputs, pool, false)
	if err != nil && errors.Is(err, ErrUnknown) && hasData(inputs) {
		plan, err = p.plan(ctx, inputs, pool, true)
		return plan, true, visible.Error(err)
	}
	return plan, false, visible.Error(err)
}

func hasData(inputs []onnxgraph.Tensor) bool {
	for _, t := range inputs {
		if t.Data == nil {
			return false
		}
	}
	return true
}

func (p *Program) plan(ctx context.Context, inputs []onnxgraph.Tensor, pool *Pool, known bool) (*Plan, error) {
	// Known values are shared with other plans of the program, which may run at the same time: nothing below writes into them.
	values := make(map[string]*value, len(p.known)+len(inputs)+len(p.nodes))
	for name, v := range p.known {
		values[name] = v
	}
	plan := &Plan{pool: pool}
	for i, t := range inputs {
		v, err := newValue(t.Name, t.DType, t.Shape)
		if err != nil {
			return nil, fmt.Errorf("onnxeval: input %.100q: %w", t.Name, err)
		}
		if known {
			v.data, v.known = t.Data, true
		}
		values[p.graph.Inputs[i].Name] = v
		plan.inputs = append(plan.inputs, v)
	}
	pl := &planner{opset: p.graph.Opset, values: values, limit: int(min(maxMemory/8, math.MaxInt32)), ctx: ctx}
	for _, n := range p.nodes {
		if err := pl.add(n); err != nil {
			return nil, err
		}
	}
	external := map[*value]bool{}
	for _, v := range plan.inputs {
		external[v] = true
	}
	for _, o := range p.graph.Outputs {
		v := values[o.Name]
		if v == nil {
			return nil, fmt.Errorf("onnxeval: nothing computes the output %.100q: %w", o.Name, ErrShape)
		}
		// An output is written where the caller wants it. A value that has its memory elsewhere, or is an output already, is copied there
		// as a last step.
		if v.known || v.view != nil || external[v] { // its memory is not its own
			v = pl.copy(v)
		}
		if o.DType != "" && v.dtype != o.DType {
			return nil, fmt.Errorf("onnxeval: the output %.100q is declared %s and is %s: %w", o.Name, o.DType, v.dtype, ErrShape)
		}
		external[v] = true
		plan.outputs = append(plan.outputs, v)
	}
	plan.steps = pl.steps
	if err := plan.shareMemory(external); err != nil {
		return nil, err
	}
	// Views of inputs and outputs get their memory in each run; the others have it from now on.
	for _, v := range pl.views {
		if root := v.root(); external[root] {
			plan.views = append(plan.views, v)
		} else {
			v.data = root.data
		}
	}
	return plan, nil
}

// copy adds a step that copies a value into one of its own memory.
func (p *planner) copy(v *value) *value {
	w, _ := newValue(v.name, v.dtype, v.shape)
	p.record(&step{operands: []*value{v.root()}, results: []*value{w}, job: &job{n: 1, grain: 1, piece: func(int, int) { copyData(w, v) }}})
	return w
}

// maxMemory bounds the bytes of a plan. Tests set it lower.
var maxMemory int64 = 4 << 30

// shareMemory gives values memory: what no step reads any more goes to the next result of its type.
func (p *Plan) shareMemory(external map[*value]bool) error {
	type placed struct {
		v *value
		s *slab
	}
	var free, all []*slab
	var assigned []placed // which slab a value had, after it has given it back
	bytes := int64(0)
	for _, v := range p.outputs {
		if bytes += int64(v.size * widthOf(v.dtype)); bytes > maxMemory {
			return errMemory
		}
	}
	// take gives a value the smallest free slab of its type that is large enough, or a new one.
	take := func(v *value) error {
		best := -1
		for i, s := range free {
			if s.dtype == v.dtype && s.size >= v.size && (best < 0 || s.size < free[best].size) {
				best = i
			}
		}
		if best >= 0 {
			v.slab = free[best]
			free = append(free[:best], free[best+1:]...)
		} else {
			if bytes += int64(v.size * widthOf(v.dtype)); bytes > maxMemory {
				return errMemory
			}
			v.slab = &slab{dtype: v.dtype, size: v.size}
			all = append(all, v.slab)
		}
		assigned = append(assigned, placed{v, v.slab})
		return nil
	}
	// Steps are gone through in order. Before a step its results get memory; after it what it read last gives memory back. A result
	// may take the memory of an operand that ends with this very step, where the operator reads an element before it writes there
	// (inPlace).
	for i, s := range p.steps {
		ended := func(v *value) bool { return v.slab != nil && v.last == i }
		release := func(v *value) { free, v.slab = append(free, v.slab), nil }
		if len(s.results) == 1 && !external[s.results[0]] {
			for _, v := range s.inPlace {
				if ended(v) && v.dtype == s.results[0].dtype && v.size == s.results[0].size && v.slab.size == v.size {
					s.results[0].slab, v.slab = v.slab, nil
					assigned = append(assigned, placed{s.results[0], s.results[0].slab})
					break
				}
			}
		}
		for _, v := range s.results {
			if v.slab == nil && !external[v] {
				if err := take(v); err != nil {
					return err
				}
			}
		}
		for _, v := range s.operands {
			if ended(v) {
				release(v)
			}
		}
		for _, v := range s.results {
			if v.last < 0 && v.slab != nil { // nobody reads it
				release(v)
			}
		}
	}
	for _, s := range all { // now that it is known to be little enough
		s.data = allocate(s.dtype, s.size)
	}
	for _, a := range assigned {
		a.v.data = a.s.data
	}
	return nil
}

var errMemory = fmt.Errorf("onnxeval: a run would take more than 4 GiB: give fewer rows at once: %w", ErrShape)

// Outputs returns type and shape of the outputs, in the graph's order.
func (p *Plan) Outputs() []onnxgraph.Tensor {
	out := make([]onnxgraph.Tensor, len(p.outputs))
	for i, v := range p.outputs {
		out[i] = onnxgraph.Tensor{Name: v.name, DType: v.dtype, Shape: v.shape}
	}
	return out
}

// SetInput lends the plan the memory of input i: a slice of the type and at least the size that was planned for.
func (p *Plan) SetInput(i int, data any) { p.inputs[i].data = data }

// SetOutput lends the plan the memory into which output i goes.
func (p *Plan) SetOutput(i int, data any) { p.outputs[i].data = data }

// Release gives up the memory that inputs and outputs were lent, until they are set again.
func (p *Plan) Release() {
	for _, values := range [][]*value{p.inputs, p.outputs, p.views} {
		for _, v := range values {
			v.data = nil
		}
	}
}

// Run computes the outputs. It returns ctx.Err() between two steps where ctx is done, and an [ErrShape] for an index that is out of
// range.
func (p *Plan) Run(ctx context.Context) error {
	for _, v := range p.views {
		v.data = v.root().data
	}
	for _, s := range p.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.check != nil {
			if err := s.check(); err != nil {
				return err
			}
		}
		p.pool.run(s.job)
	}
	return nil
}

// Evaluate runs a graph once, on inputs in its order.
func (p *Program) Evaluate(inputs []onnxgraph.Tensor) ([]onnxgraph.Tensor, error) {
	plan, _, err := p.Plan(context.Background(), inputs, nil)
	if err != nil {
		return nil, err
	}
	for i, t := range inputs {
		plan.SetInput(i, t.Data)
	}
	out := plan.Outputs()
	for i := range out {
		out[i].Data = allocate(out[i].DType, plan.outputs[i].size)
		plan.SetOutput(i, out[i].Data)
	}
	return out, plan.Run(context.Background())
}
