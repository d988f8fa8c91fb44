// Package importer makes gorgonia graphs of ONNX graphs, with named parameters that train.
//
//	file, err := importer.Parse(model)   // checked
//	…
//	b := builder.New(params)
//	x := b.Input("x", 32, 784)
//	out, err := file.Build(b, map[string]*gorgonia.Node{"x": x}, "logits")
//
// Weights become parameters under their initialisers' names and in their shapes: a layer of PyTorch's keeps its [out, in].
// Numbers without dimensions, and the statistics of a batch normalisation, are constants. What follows from shapes and
// whole numbers alone is computed while the graph is built. A graph is built for one batch size at a time, like every
// builder.Graph, and may be built at any.
//
// [Encoder] and [Decoder] make a builder.Network of a graph, which replaces a model's perceptron. They find the logits: what goes
// into a sigmoid or softmax at the end, or else the graph's result. Our own files and those of both of PyTorch's exporters are
// tested.
//
// Limits: the operators of lower.go, which docs/import.md lists; an error names every operator of a graph that is not among them.
// What moves elements or folds them stays within a row.
package importer
