package backend_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/purego"
)

// An .onnx file is loaded and run. What is no ONNX model never reaches the backend.
func ExampleLoad() {
	ctx := context.Background()
	model := onnxtest.Good() // the content of a file: y = x + 0 for x [n,2]

	g, err := backend.Load(ctx, purego.New(), model, "add.onnx")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer g.Close()
	fmt.Println(g.Inputs())
	out, err := g.Run(ctx, backend.Tensor{Name: "x", Shape: []int64{1, 2}, Data: []float32{3, 4}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out[0].Name, out[0].Shape, out[0].Data)

	_, err = backend.Load(ctx, purego.New(), []byte("no model"), "words.onnx")
	fmt.Println(errors.Is(err, backend.ErrUnsafe))
	// Output:
	// ["x" float32 [-1 2]]
	// y [1 2] [3 4]
	// true
}
