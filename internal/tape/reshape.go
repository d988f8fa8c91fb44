package tape

import (
	"fmt"
	"reflect"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// copied is gorgonia's reshape with memory of its own. gorgonia's shares memory with its operand, and says that it overwrites it; the
// machine then lets a later + - * / write into one of the two while the other is still read.
type copied struct{ G.Op }

func (copied) ReturnsPtr() bool     { return false }
func (copied) OverwritesInput() int { return -1 }

// Do implements G.Op.
func (op copied) Do(in ...G.Value) (G.Value, error) {
	if t, ok := in[0].(*tensor.Dense); ok {
		in = []G.Value{t.Clone().(*tensor.Dense)}
	}
	return op.Op.Do(in...)
}

// separate gives every reshape among nodes memory of its own in a machine that is made before restore is called. The op of a
// node is not exported.
func separate(nodes []*G.Node) (restore func(), err error) {
	was := map[*G.Node]G.Op{}
	restore = func() {
		for n, op := range was {
			field(n).Set(reflect.ValueOf(op))
		}
	}
	for _, n := range nodes {
		op := n.Op()
		if fmt.Sprintf("%T", op) != "gorgonia.reshapeOp" {
			continue
		}
		f := field(n)
		if f.Kind() != reflect.Interface {
			return restore, fmt.Errorf("gorgonia's node has no field op: this version of gorgonia is not the one that this was written for")
		}
		f.Set(reflect.ValueOf(copied{op}))
		was[n] = op
	}
	return restore, nil
}

// field is a node's op, which can be set.
func field(n *G.Node) reflect.Value {
	f := reflect.ValueOf(n).Elem().FieldByName("op")
	if !f.IsValid() {
		return f
	}
	return reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem()
}
