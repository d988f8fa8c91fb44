package builder

import (
	"fmt"
	"hash"
	"hash/fnv"
	"io"

	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/rowmajor"
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
)

// ONNXWriter is passed to an op, which writes itself in ONNX with it. An op of any package may have a method
//
//	ONNX(w interface{...the methods below...}, inputs []string, shapes [][]int64) (output string, err error)
//
// and is then exported without a change to the exporter. It is an alias of an interface of built-in types, so that
// neither side imports the other:
//
//	Node(op string, attributes map[string]any, inputs ...string) string   adds a node, returns its one output's name
//	Ints(values ...int64) string                                          adds a one-dimensional int64 initialiser
//	Numbers(values []float64, shape ...int64) string                      adds an initialiser of the graph's float type
//	DType() int64                                                         that type as ONNX numbers it: 1 float32, 11 float64
//
// Attributes are int64, float32, string or []int64. inputs are the names of the operands' values; shapes are theirs and, last, the
// result's, with -1 for the dimension that varies with the batch.
type ONNXWriter = onnxop.Writer

// The numbers of element types in ONNX (onnx.proto, TensorProto.DataType).
const (
	onnxInt64   = 7
	onnxBool    = 9
	onnxFloat64 = 11
)

// opBase holds what all ops of this package share: they always copy, and the tape machine may not write into what they
// read. gorgonia's own reshape shares memory with its source, and a following + - * / then writes into the source.
type opBase struct{}

func (opBase) ReturnsPtr() bool     { return false }
func (opBase) CallsExtern() bool    { return false }
func (opBase) OverwritesInput() int { return -1 }

// flatBase is [opBase] for ops of one operand whose gradient is zero or not wanted. gorgonia must be told: it panics where an op in the
// way of a gradient has no DiffWRT.
type flatBase struct{ opBase }

func (flatBase) DiffWRT(int) []bool                                 { return []bool{false} }
func (flatBase) SymDiff(G.Nodes, *G.Node, *G.Node) (G.Nodes, error) { return G.Nodes{nil}, nil }

// writeHash and hashcode cover the op's whole text, so that different ops never share a hash by construction.
func writeHash(h hash.Hash, op fmt.Stringer) { io.WriteString(h, op.String()) }

func hashcode(op fmt.Stringer) uint32 {
	h := fnv.New32a()
	writeHash(h, op)
	return h.Sum32()
}

// typeOf is the type of a tensor of the given rank: a scalar's is its element type alone.
func typeOf(dims int, of hm.Type) hm.Type {
	if dims == 0 {
		return of
	}
	return G.TensorType{Dims: dims, Of: of}
}

// numbersOf returns the numbers of an op's operands, a slice each, in row-major order: gorgonia's own ops give views and transposed
// tensors.
func numbersOf(op fmt.Stringer, in []G.Value) ([]any, error) {
	data := make([]any, len(in))
	for i, v := range in {
		var err error
		if data[i], err = rowmajor.Data(v); err != nil {
			return nil, fmt.Errorf("builder: %v: operand %d: %w", op, i, err)
		}
	}
	return data, nil
}

// float is an element type in which models compute.
type float interface{ ~float32 | ~float64 }
