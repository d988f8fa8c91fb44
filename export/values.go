package export

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/catvae/catvae/internal/exprgraph"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/rowmajor"
	"github.com/catvae/catvae/internal/tape"
	G "gorgonia.org/gorgonia"
)

// WithValues returns the trace with values for its leaves, by their names: what [Graph] needs after training, since a trace that
// makes its parameters by gorgonia.WithInit draws them anew each time. The values are engine.State's Parameters, or any others. Each
// leaf that is called as one of them, and is no input, takes it; leaves of other names keep what they hold.
//
//	trained := export.WithValues(trace, e.State().Parameters())
//	model, err := export.Graph(ctx, trained, export.Options{})
//	seen, err := export.Verify(ctx, loaded, trained, batches, inputs)
//
// It is an error of the trace where a value is of another type or shape than its leaf, where no leaf takes any, and where one fits a
// leaf of another name only: then the names were meant to be the same.
func WithValues(trace Trace, values []onnxtensor.Tensor) Trace {
	return func(batch int) (Traced, error) {
		t, err := trace(batch)
		if err == nil {
			err = t.take(values)
		}
		return t, err
	}
}

// take gives leaves their values.
func (t Traced) take(values []onnxtensor.Tensor) error {
	byName := map[string]onnxtensor.Tensor{}
	for _, v := range values {
		if err := v.Check(); err != nil {
			return fmt.Errorf("values: %w", err)
		}
		byName[v.Name] = v
	}
	inputs := nodesOf(t.Inputs)
	taken := map[string]bool{}
	var others []*G.Node // leaves with a value that none was given for
	if err := mend(nodesOf(t.Outputs)); err != nil {
		return err
	}
	err := exprgraph.Walk(nodesOf(t.Outputs), func(n *G.Node, _ []*G.Node) error {
		name := exprgraph.Name(n)
		v, given := byName[name]
		switch {
		case n.Op() != nil:
			return nil
		case slices.Contains(inputs, n):
			taken[name] = taken[name] || given
			return nil
		case !given:
			if n.Value() != nil {
				others = append(others, n)
			}
			return nil
		case !slices.Equal(v.Shape, int64s(n.Shape())) || reflect.TypeOf(v.Data) != reflect.SliceOf(elementOf(n)):
			return fmt.Errorf("values: %q is %T of shape %v, the graph's is of type %v and shape %v", name, v.Data, v.Shape, n.Dtype(), n.Shape())
		}
		taken[name] = true
		return tape.BindData(n, copied(v.Data))
	})
	if err != nil {
		return err
	}
	if !slices.Contains(slices.Collect(maps.Values(taken)), true) && len(values) > 0 {
		return fmt.Errorf("values: no leaf of the graph is called as one of them, such as %q: parameters are found by their names (gorgonia.WithName)", values[0].Name)
	}
	for _, n := range others {
		for _, v := range values {
			if !taken[v.Name] && slices.Equal(v.Shape, int64s(n.Shape())) {
				return fmt.Errorf("values: %s has none, and that of %q, which would fit, no leaf takes: give both one name, or leave %q out", exprgraph.Label(n), v.Name, v.Name)
			}
		}
	}
	return nil
}

// elementOf returns the type of which a leaf takes a slice: that of its elements, and int64 for int.
func elementOf(n *G.Node) reflect.Type {
	if t := n.Dtype().Type; t.Kind() != reflect.Int {
		return t
	}
	return reflect.TypeFor[int64]()
}

func copied(data any) any {
	v := reflect.ValueOf(data)
	return reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v).Interface()
}

// content is a leaf's value as an initialiser holds it.
type content struct {
	dtype onnxpb.TensorProto_DataType
	shape []int64
	data  any // a slice
	raw   []byte
}

func (c content) equal(d content) bool {
	return c.dtype == d.dtype && slices.Equal(c.shape, d.shape) && bytes.Equal(c.raw, d.raw)
}

// contentOf returns a node's value, whatever its order in memory.
func contentOf(n *G.Node) (c content, err error) {
	v := n.Value()
	if c.data, err = rowmajor.Data(v); err != nil {
		return c, fmt.Errorf("export: %s: %w", exprgraph.Label(n), err)
	}
	if d, ok := c.data.([]int); ok {
		c.data = int64s(d)
	}
	if len(v.Shape()) > 0 {
		c.shape = int64s(v.Shape())
	}
	c.dtype, c.raw = onnxType(v.Dtype()), littleEndian(c.data)
	return c, nil
}
