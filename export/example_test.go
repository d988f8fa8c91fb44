package export_test

import (
	"context"
	"fmt"
	"os"

	"github.com/catvae/catvae/export"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Any gorgonia graph can be exported: here a dense layer, whose batch axis the two traces find.
func ExampleGraph() {
	model, err := export.Graph(context.Background(), func(batch int) (export.Traced, error) {
		g := G.NewGraph()
		x := G.NewMatrix(g, tensor.Float32, G.WithShape(batch, 3), G.WithName("x"))
		w := G.NewMatrix(g, tensor.Float32, G.WithShape(3, 2), G.WithName("layer/weight"), G.WithInit(G.Ones()))
		xw, err := G.Mul(x, w)
		if err != nil {
			return export.Traced{}, err
		}
		y, err := G.Tanh(xw)
		return export.Traced{
			Inputs:  []export.Named{{Name: "x", Node: x}},
			Outputs: []export.Named{{Name: "y", Node: y}},
		}, err
	}, export.Options{Name: "layer"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := model.WriteText(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// graph layer: opset 17, IR 8, producer catvae
	// input  x float[batch_size 3]
	// value  layer/weight float[3 2]
	// node   layer/Gemm = Gemm(x, layer/weight)
	// node   y = Tanh(layer/Gemm)
	// output y float[batch_size 2]
}
