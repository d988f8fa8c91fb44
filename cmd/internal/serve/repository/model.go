package repository

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/catvae/catvae/cmd/internal/serve/batcher"
	"github.com/catvae/catvae/cmd/internal/serve/oip"
	"github.com/catvae/catvae/runtime"
)

// A Spec describes an input or an output.
type Spec struct {
	Name     string
	Datatype oip.Datatype
	Shape    []int64 // of a row
}

// A Model is one of a bundle's models, as the protocol sees it. It is safe for concurrent use.
type Model struct {
	Name, Version string
	Input         Spec
	Outputs       []Spec
	Stats         *Stats

	bundle *Bundle
	lanes  map[oip.Datatype]*lane
	most   int // rows of a request
	delay  time.Duration
}

// A lane takes rows of one datatype.
type lane struct {
	*batcher.Batcher
	rowBytes int
	check    func(rows []byte) error
}

// Bundle returns the bundle that the model is of.
func (m *Model) Bundle() *Bundle { return m.bundle }

// Release gives the model back: see [Repository.Acquire].
func (m *Model) Release() { m.bundle.release() }

// Datatypes returns what rows may be made of: that of Input first.
func (m *Model) Datatypes() []oip.Datatype {
	list := []oip.Datatype{m.Input.Datatype}
	for _, d := range []oip.Datatype{oip.FP32, oip.UINT8} {
		if m.lanes[d] != nil && d != m.Input.Datatype {
			list = append(list, d)
		}
	}
	return list
}

// MaxRows returns how many rows a request may have.
func (m *Model) MaxRows() int { return m.most }

// MaxBatch returns how many rows run at once at most.
func (m *Model) MaxBatch() int { return m.lanes[m.Input.Datatype].Max() }

// Delay returns how long a batch may wait for more rows.
func (m *Model) Delay() time.Duration { return m.delay }

// Waiting returns how many rows wait to be run.
func (m *Model) Waiting() (n int) {
	for _, l := range m.lanes {
		n += l.Waiting()
	}
	return n
}

// Infer computes what a request asks for. Errors wrap [oip.ErrRequest], runtime.ErrInput, batcher.ErrBusy or batcher.ErrClosed, are those
// of ctx, or are the model's. What the request holds must not change before Infer returns.
func (m *Model) Infer(ctx context.Context, r *oip.Request) (*oip.Response, batcher.Result, error) {
	began := time.Now()
	m.Stats.pending.Add(1)
	defer m.Stats.pending.Add(-1)
	response, result, err := m.infer(ctx, r)
	if err != nil {
		m.Stats.Failed(reasonOf(ctx, err), time.Since(began))
		return nil, result, err
	}
	m.Stats.succeeded(int(r.Inputs[0].Shape[0]), time.Since(began), result)
	return response, result, nil
}

// reasonOf says why a request failed.
func reasonOf(ctx context.Context, err error) Reason {
	switch {
	case errors.Is(err, batcher.ErrBusy), errors.Is(err, batcher.ErrClosed):
		return Rejected
	case errors.Is(err, oip.ErrRequest), errors.Is(err, runtime.ErrInput):
		return Other
	case ctx.Err() != nil:
		return Canceled
	}
	return Backend
}

func (m *Model) infer(ctx context.Context, r *oip.Request) (*oip.Response, batcher.Result, error) {
	in, err := m.input(r)
	if err != nil {
		return nil, batcher.Result{}, err
	}
	want, err := m.wanted(r)
	if err != nil {
		return nil, batcher.Result{}, err
	}
	result, err := m.run(ctx, in.Datatype, in.Data, want)
	if err != nil {
		return nil, result, err
	}
	return m.response(r, in.Shape[0], result), result, nil
}

// Run is [Model.Infer] of whole rows that came in another way; want has a bit set for each output that is wanted.
func (m *Model) Run(ctx context.Context, of oip.Datatype, rows []byte, want uint32) (batcher.Result, error) {
	began := time.Now()
	m.Stats.pending.Add(1)
	defer m.Stats.pending.Add(-1)
	result, err := m.run(ctx, of, rows, want)
	if err != nil {
		m.Stats.Failed(reasonOf(ctx, err), time.Since(began))
		return result, err
	}
	m.Stats.succeeded(len(rows)/m.lanes[of].rowBytes, time.Since(began), result)
	return result, nil
}

func (m *Model) run(ctx context.Context, of oip.Datatype, rows []byte, want uint32) (batcher.Result, error) {
	l := m.lanes[of]
	if l == nil {
		return batcher.Result{}, fmt.Errorf("%w: the model %s takes rows as %s", oip.ErrRequest, m.Name, joined(m.Datatypes()))
	}
	if !batcher.Aligned(rows) {
		rows = append(batcher.Bytes(make([]float32, (len(rows)+3)/4))[:0], rows...)
	}
	if err := l.check(rows); err != nil {
		return batcher.Result{}, err
	}
	return l.Do(ctx, rows, want)
}

// input returns the one input, which is checked.
func (m *Model) input(r *oip.Request) (oip.Tensor, error) {
	if len(r.Inputs) != 1 || r.Inputs[0].Name != m.Input.Name {
		names := make([]string, len(r.Inputs))
		for i, in := range r.Inputs {
			names[i] = fmt.Sprintf("%.100q", in.Name)
		}
		return oip.Tensor{}, fmt.Errorf("%w: the model %s takes one input, %q: the request has %s", oip.ErrRequest, m.Name, m.Input.Name, strings.Join(names, ", "))
	}
	in := r.Inputs[0]
	if m.lanes[in.Datatype] == nil {
		return in, fmt.Errorf("%w: the model %s takes %q as %s, not as %.40q", oip.ErrRequest, m.Name, in.Name, joined(m.Datatypes()), string(in.Datatype))
	}
	if len(in.Shape) == 0 || !slices.Equal(in.Shape[1:], m.Input.Shape) || in.Shape[0] < 1 {
		return in, fmt.Errorf("%w: input %q has the shape %v, the model %s takes %v, whose first dimension is the number of rows, at least 1", oip.ErrRequest, in.Name, in.Shape, m.Name, slices.Concat([]int64{-1}, m.Input.Shape))
	}
	if in.Shape[0] > int64(m.most) {
		return in, fmt.Errorf("%w: %d rows: a request may have %d (--max-rows)", oip.ErrRequest, in.Shape[0], m.most)
	}
	return in, in.Check()
}

func joined(list []oip.Datatype) string {
	texts := make([]string, len(list))
	for i, d := range list {
		texts[i] = string(d)
	}
	return strings.Join(texts, " or ")
}

// wanted returns which outputs are asked for.
func (m *Model) wanted(r *oip.Request) (want uint32, err error) {
	if len(r.Outputs) == 0 {
		return 1<<len(m.Outputs) - 1, nil
	}
	for _, o := range r.Outputs {
		i := m.output(o.Name)
		if i < 0 {
			names := make([]string, len(m.Outputs))
			for i, s := range m.Outputs {
				names[i] = s.Name
			}
			return 0, fmt.Errorf("%w: the model %s has no output %.100q, it has %s", oip.ErrRequest, m.Name, o.Name, strings.Join(names, ", "))
		}
		want |= 1 << i
	}
	return want, nil
}

func (m *Model) output(name string) int {
	return slices.IndexFunc(m.Outputs, func(s Spec) bool { return s.Name == name })
}

// response puts results under their names, in the order in which they were asked for.
func (m *Model) response(r *oip.Request, rows int64, result batcher.Result) *oip.Response {
	response := &oip.Response{Model: m.Name, Version: m.Version, ID: r.ID}
	add := func(i int, binary bool) {
		s := m.Outputs[i]
		shape := append(append(make([]int64, 0, 1+len(s.Shape)), rows), s.Shape...)
		response.Outputs = append(response.Outputs, oip.Tensor{Name: s.Name, Datatype: s.Datatype, Shape: shape, Data: result.Outputs[i]})
		response.Binary = append(response.Binary, binary)
	}
	for _, o := range r.Outputs {
		add(m.output(o.Name), o.Binary)
	}
	if len(r.Outputs) == 0 {
		for i := range m.Outputs {
			add(i, r.Binary)
		}
	}
	return response
}
