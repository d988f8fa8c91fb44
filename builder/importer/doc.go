// Package importer brings ONNX graphs into gorgonia, with named parameters that train.
//
//	g, err := importer.Parse(model)      // checked; an error lists every operator that has no form in gorgonia
//	…
//	b := builder.New(params)
//	x := b.Input("x", 32, 784)
//	out, err := g.Build(b, map[string]*gorgonia.Node{"x": x}, "logits")
//
// Weights become parameters under their initialisers' names and in their shapes: a layer of PyTorch's keeps its [out, in].
// Numbers without dimensions, and the statistics of a batch normalisation, are constants. What follows from shapes and
// whole numbers alone is computed while the graph is built. A graph is built for one batch size at a time, like every
// builder.Graph, and may be built at any.
//
// [Encoder] and [Decoder] make a builder.Network of a graph, which takes the place of a perceptron in a model: they find
// the logits, before a last sigmoid or softmax where there is one. Ours, and both of PyTorch's exporters, are tested.
package importer
