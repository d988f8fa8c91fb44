package importer_test

import (
	"fmt"
	"os"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/importer"
	G "gorgonia.org/gorgonia"
)

// A file of PyTorch's becomes a gorgonia graph, whose weights are parameters under the names that they had in Python.
func ExampleParse() {
	file, err := os.ReadFile("testdata/bernoulli-script-encoder.onnx")
	if err != nil {
		fmt.Println(err)
		return
	}
	g, err := importer.Parse(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	params, err := builder.NewParams(G.Float32, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	b := builder.New(params)
	in, out := g.Inputs()[0], g.Outputs()[0]
	logits, err := g.Build(b, map[string]*G.Node{in.Name: b.Input(in.Name, 32, int(in.Shape[1]), int(in.Shape[2]))}, out.Name)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %v -> %s %v\n", in.Name, in.Shape, out.Name, logits.Shape())
	for _, name := range params.Names() {
		fmt.Println(name, params.Value(name).Shape())
	}
	// Output:
	// x [-1 8 8] -> logits (32, 24)
	// layers.0.weight (48, 64)
	// layers.0.bias (48)
	// layers.2.weight (24, 48)
	// layers.2.bias (24)
}

// A graph can take the place of a model's encoder: the importer finds its logits and its parameters.
func ExampleEncoder() {
	file, err := os.ReadFile("testdata/categorical-dynamo-encoder.onnx")
	if err != nil {
		fmt.Println(err)
		return
	}
	encoder, err := importer.Encoder(file, importer.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(encoder.Width(), "values a row;", encoder.Shape(), "logits;", encoder.Note())
	for _, p := range encoder.Parameters() {
		fmt.Println(p.Name, p.Shape)
	}
	// Output:
	// 64 values a row; [6 8] logits; "logits" is taken as logits: there is no sigmoid or softmax at the end
	// encoder/layers.1.weight [48 64]
	// encoder/layers.1.bias [48]
	// encoder/layers.3.weight [48 48]
	// encoder/layers.3.bias [48]
}
