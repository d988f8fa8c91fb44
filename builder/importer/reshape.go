package importer

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// reshape builds operators that leave the elements in their order. What shape they give is ONNX's to say: onnxeval infers it.
func reshape(c *call) (operand, error) {
	x := c.in[0].node
	if x == nil {
		return operand{}, fmt.Errorf("known numbers in a shape that is not: %w", ErrUnsupported)
	}
	shape, err := c.shapeAfter(x.Shape())
	if err != nil {
		return operand{}, fmt.Errorf("%w: is the size of a batch written into the file? Export it with a dynamic batch axis", err)
	}
	if len(shape) == 0 {
		return operand{}, fmt.Errorf("to a number without dimensions: %w", ErrUnsupported)
	}
	return of(c.b.Reshape(x, shape...))
}

// shapeOf is known while the graph is built, whatever it is the shape of.
func shapeOf(c *call) (operand, error) {
	program, x, err := c.alone(c.in[0].shape())
	if err != nil {
		return operand{}, err
	}
	out, err := program.Evaluate(x) // which reads no element of it
	if err != nil {
		return operand{}, err
	}
	return operand{known: &out[0]}, nil
}

// shapeAfter returns the shape of a node's result for a first operand of the given shape and known others.
func (c *call) shapeAfter(shape []int) ([]int, error) {
	program, x, err := c.alone(shape)
	if err != nil {
		return nil, err
	}
	plan, _, err := program.Plan(context.Background(), x, nil)
	if err != nil {
		return nil, err
	}
	return plan.Outputs()[0].Shape, nil
}

// alone makes a program of a node alone, whose first operand has the given shape, and others are known; x is that operand
// without its elements.
func (c *call) alone(shape []int) (program *onnxeval.Program, x []onnxgraph.Tensor, err error) {
	in := onnxtensor.Info{Name: c.node.Inputs[0], DType: onnxtensor.Float32}
	g := &onnxgraph.Graph{
		Opset: c.graph.Opset, Nodes: []onnxgraph.Node{c.node},
		Inputs:  []onnxgraph.Value{{Info: in}},
		Outputs: []onnxgraph.Value{{Info: onnxtensor.Info{Name: c.node.Outputs[0]}}},
	}
	for i, o := range c.in[1:] {
		if o.node != nil {
			return nil, nil, fmt.Errorf("operand %d is not known beforehand: %w", i+2, ErrUnsupported)
		}
		if o.known != nil {
			t := *o.known
			t.Name = c.node.Inputs[i+1]
			g.Initialisers = append(g.Initialisers, t)
		}
	}
	program, err = onnxeval.Load(g)
	return program, []onnxgraph.Tensor{{Name: in.Name, DType: in.DType, Shape: shape}}, err
}
