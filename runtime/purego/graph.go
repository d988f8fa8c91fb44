package purego

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime/backend"
)

// graph implements [backend.Graph] and [backend.Binder]. Each run has a plan of its own, so that runs do not wait for each
// other.
type graph struct {
	label           string
	inputs, outputs []backend.TensorInfo
	program         *onnxeval.Program
	pool            *onnxeval.Pool
	idle            chan *cached // plans that no run uses
	mu              sync.RWMutex // held for reading by runs, for writing by Close
	done            bool
}

// cached is a plan with the shapes that it was made for.
type cached struct {
	shapes [][]int64
	plan   *onnxeval.Plan
}

// Inputs implements [backend.Graph].
func (g *graph) Inputs() []backend.TensorInfo { return g.inputs }

// Outputs implements [backend.Graph].
func (g *graph) Outputs() []backend.TensorInfo { return g.outputs }

// Close implements [backend.Graph].
func (g *graph) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.done {
		g.done = true
		g.pool.Close()
		for len(g.idle) > 0 {
			<-g.idle
		}
	}
	return nil
}

// Run implements [backend.Graph]. Plans are kept for the next run of the same shapes.
func (g *graph) Run(ctx context.Context, inputs ...backend.Tensor) ([]backend.Tensor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.done {
		return nil, fmt.Errorf("purego: %s: %w", g.label, backend.ErrClosed)
	}
	in, err := backend.Order(g.inputs, inputs)
	if err != nil {
		return nil, visible.Error(fmt.Errorf("purego: %s: %w", g.label, err))
	}
	c, once, err := g.plan(ctx, in)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, visible.Error(fmt.Errorf("purego: %s: %w", g.label, err))
	}
	for i, t := range in {
		c.plan.SetInput(i, t.Data)
	}
	var out []backend.Tensor
	for i, t := range c.plan.Outputs() {
		o := backend.Tensor{Name: g.outputs[i].Name, Data: onnxeval.Allocate(t.DType, t.Shape)}
		for _, d := range t.Shape {
			o.Shape = append(o.Shape, int64(d))
		}
		c.plan.SetOutput(i, o.Data)
		out = append(out, o)
	}
	switch err := c.plan.Run(ctx); {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, visible.Error(fmt.Errorf("purego: %s: %w", g.label, err))
	}
	if !once {
		c.plan.Release()
		g.keep(c)
	}
	return out, nil
}

// plan returns a plan for inputs, one that was made before where there is one. once says that it serves these inputs alone.
func (g *graph) plan(ctx context.Context, in []backend.Tensor) (c *cached, once bool, err error) {
	for range len(g.idle) {
		select {
		case c := <-g.idle:
			if slices.EqualFunc(c.shapes, in, func(s []int64, t backend.Tensor) bool { return slices.Equal(s, t.Shape) }) {
				return c, false, nil
			}
			g.keep(c)
		default:
		}
	}
	c = &cached{}
	var tensors []onnxgraph.Tensor
	for i, t := range in {
		c.shapes = append(c.shapes, slices.Clone(t.Shape))
		shape := make([]int, len(t.Shape))
		for k, d := range t.Shape {
			shape[k] = int(d)
		}
		tensors = append(tensors, onnxgraph.Tensor{Name: t.Name, DType: g.inputs[i].DType, Shape: shape, Data: t.Data})
	}
	c.plan, once, err = g.program.Plan(ctx, tensors, g.pool)
	return c, once, err
}

// keep puts a plan among the idle ones; where there are enough, the one that waited longest goes.
func (g *graph) keep(c *cached) {
	for {
		select {
		case g.idle <- c:
			return
		default:
		}
		select {
		case <-g.idle:
		default:
		}
	}
}

// binding implements [backend.Binding]: a plan that no other run uses, with the caller's memory as its inputs and outputs.
type binding struct {
	graph *graph
	plan  *onnxeval.Plan
}

// Bind implements [backend.Binder]. The graph's shapes must follow from those of its inputs.
func (g *graph) Bind(inputs, outputs []backend.Tensor) (backend.Binding, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.done {
		return nil, fmt.Errorf("purego: %s: %w", g.label, backend.ErrClosed)
	}
	b, err := g.bind(inputs, outputs)
	if err != nil {
		return nil, visible.Error(fmt.Errorf("purego: %s: %w", g.label, err))
	}
	return b, nil
}

// bind makes a plan for the inputs' shapes and gives it the tensors' memory.
func (g *graph) bind(inputs, outputs []backend.Tensor) (*binding, error) {
	in, err := backend.Order(g.inputs, inputs)
	if err != nil {
		return nil, err
	}
	out, err := backend.Order(g.outputs, outputs)
	if err != nil {
		return nil, fmt.Errorf("as memory for outputs: %w", err)
	}
	c, once, err := g.plan(context.Background(), in)
	if err != nil {
		return nil, err
	}
	if once {
		return nil, fmt.Errorf("its shapes follow from its inputs' numbers, so no memory can be bound: use Run: %w", ErrUnsupported)
	}
	for i, t := range c.plan.Outputs() {
		if !slices.EqualFunc(t.Shape, out[i].Shape, func(a int, b int64) bool { return int64(a) == b }) {
			return nil, fmt.Errorf("%w: the memory for output %.100q has shape %v, the graph gives %v", backend.ErrInput, t.Name, out[i].Shape, t.Shape)
		}
		c.plan.SetOutput(i, out[i].Data)
	}
	for i, t := range in {
		c.plan.SetInput(i, t.Data)
	}
	return &binding{g, c.plan}, nil
}

// Run implements [backend.Binding]. A ctx that is done ends a run between two steps of its plan.
func (b *binding) Run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.graph.mu.RLock()
	defer b.graph.mu.RUnlock()
	if b.plan == nil || b.graph.done {
		return fmt.Errorf("purego: %s: %w", b.graph.label, backend.ErrClosed)
	}
	return b.plan.Run(ctx)
}

// Close implements [backend.Binding].
func (b *binding) Close() error {
	b.plan = nil
	return nil
}
