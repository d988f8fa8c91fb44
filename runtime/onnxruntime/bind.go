//go:build cgo

package onnxruntime

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"sync"

	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime/backend"
	ort "github.com/yalue/onnxruntime_go"
)

var _ backend.Binder = (*graph)(nil)

// binding is an IoBinding with the values that it points to. It is for one goroutine at a time.
type binding struct {
	graph   *graph
	native  *ort.IoBinding
	values  []ort.Value
	scalars []boundScalar
	pinner  goruntime.Pinner // native code keeps the addresses of Go slices
	left    bool             // a run's context was done: the run may go on until ended is closed
	ended   chan struct{}
}

// bound holds the bindings that are not closed yet. One that its owner forgets stays here with its pinned memory, where Go
// would otherwise end the program for a pinner that was never unpinned.
var bound sync.Map

// boundScalar moves a number without dimensions between the caller's memory and onnxruntime_go's, which keeps such
// numbers in memory of its own.
type boundScalar struct {
	before func() error // the run, for inputs
	after  func()       // the run, for outputs
}

// Bind implements [backend.Binder].
func (g *graph) Bind(inputs, outputs []backend.Tensor) (backend.Binding, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if err := g.usable(); err != nil {
		return nil, err
	}
	b := &binding{graph: g}
	bound.Store(b, true)
	if err := b.bind(inputs, outputs); err != nil {
		b.Close()
		return nil, visible.Error(fmt.Errorf("onnxruntime: %s: %w", g.label, err))
	}
	return b, nil
}

// bind checks the tensors and lends their memory to a new IoBinding.
func (b *binding) bind(inputs, outputs []backend.Tensor) error {
	in, err := backend.Order(b.graph.inputs, inputs)
	if err != nil {
		return err
	}
	out, err := backend.Order(b.graph.outputs, outputs)
	if err != nil {
		return fmt.Errorf("as memory for outputs: %w", err)
	}
	if b.native, err = b.graph.session.native.CreateIoBinding(); err != nil {
		return fmt.Errorf("make the binding: %w", err)
	}
	for _, t := range in {
		if err := b.value(t, b.native.BindInput); err != nil {
			return fmt.Errorf("bind input %q: %w", t.Name, err)
		}
	}
	for _, t := range out {
		if err := b.value(t, b.native.BindOutput); err != nil {
			return fmt.Errorf("bind output %q: %w", t.Name, err)
		}
	}
	return nil
}

// value lends a tensor's memory to the binding.
func (b *binding) value(t backend.Tensor, bind func(string, ort.Value) error) error {
	if len(t.Shape) == 0 {
		switch d := t.Data.(type) {
		case []float32:
			return bindScalar(b, t.Name, d, bind)
		case []float64:
			return bindScalar(b, t.Name, d, bind)
		case []int64:
			return bindScalar(b, t.Name, d, bind)
		case []int32:
			return bindScalar(b, t.Name, d, bind)
		case []uint8:
			return bindScalar(b, t.Name, d, bind)
		case []bool:
			return bindScalar(b, t.Name, d, bind)
		}
		return fmt.Errorf("it holds %T", t.Data)
	}
	v, err := newValue(t, &b.pinner)
	if err != nil {
		return err
	}
	b.values = append(b.values, v)
	return bind(t.Name, v)
}

// bindScalar binds a number. Scalar.Set of onnxruntime_go does not reach the memory that was bound, so an input that
// changed is bound anew; that costs a microsecond.
func bindScalar[T interface {
	float32 | float64 | int64 | int32 | uint8 | bool
}](b *binding, name string, data []T, bind func(string, ort.Value) error) error {
	at := len(b.values)
	b.values = append(b.values, nil)
	var s *ort.Scalar[T]
	renew := func() error {
		next, err := ort.NewScalar(data[0])
		if err != nil {
			return err
		}
		old := b.values[at]
		s, b.values[at] = next, next
		if err := bind(name, next); err != nil {
			return err
		}
		if old != nil {
			return old.Destroy()
		}
		return nil
	}
	b.scalars = append(b.scalars, boundScalar{
		before: func() error {
			if s.GetData() == data[0] {
				return nil
			}
			return renew()
		},
		after: func() { data[0] = s.GetData() },
	})
	return renew()
}

// Run implements [backend.Binding]. Where ctx is done during the run, its caller leaves, and the memory stays lent until the
// native call has ended.
func (b *binding) Run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.graph.mu.RLock()
	if b.native == nil || b.graph.done || b.left { // what a left run writes to is not to be given to another
		b.graph.mu.RUnlock()
		return fmt.Errorf("onnxruntime: %s: %w", b.graph.label, backend.ErrClosed)
	}
	if err := b.graph.usable(); err != nil {
		b.graph.mu.RUnlock()
		return err
	}
	for _, s := range b.scalars {
		if err := s.before(); err != nil {
			b.graph.mu.RUnlock()
			return visible.Error(fmt.Errorf("onnxruntime: %s: %w", b.graph.label, err))
		}
	}
	ended := make(chan struct{})
	err := b.graph.native(ctx, func() error {
		var err error
		b.graph.call(func() { err = b.graph.session.native.RunWithBinding(b.native) })
		return err
	}, func() {}, func() { close(ended) })
	select {
	case <-ended:
	default:
		b.left, b.ended = true, ended
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return visible.Error(fmt.Errorf("onnxruntime: %s: %w", b.graph.label, err))
	}
	for _, s := range b.scalars {
		s.after()
	}
	return nil
}

// Close implements [backend.Binding]. What a run that goes on still needs is freed after it.
func (b *binding) Close() error {
	if b.left {
		b.left = false
		select {
		case <-b.ended:
		default:
			go func() {
				<-b.ended
				_ = b.free() // nobody is left to be told
			}()
			return nil
		}
	}
	return b.free()
}

func (b *binding) free() error {
	bound.Delete(b)
	var err error
	if b.native != nil {
		err = b.graph.session.release(b.native.Destroy)
	}
	b.native = nil
	for _, v := range b.values {
		if v != nil {
			err = errors.Join(err, b.graph.session.release(v.Destroy))
		}
	}
	b.values, b.scalars = nil, nil
	b.pinner.Unpin()
	return err
}
