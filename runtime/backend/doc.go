// Package backend is the contract between whoever has ONNX graphs and whatever runs them.
//
// # Nouns
//
// A [Backend] runs ONNX graphs: onnxruntime (package onnxruntime), pure Go (package purego), or one of your own. [Load]
// checks an ONNX model and gives it to a backend, which returns a [Graph]: one loaded model. A graph takes and gives
// [Tensor]s. A graph that is a [Binder] also runs on its caller's memory, by a [Binding].
//
//	g, err := backend.Load(ctx, b, model, "encoder.onnx")
//	if err != nil { … }
//	defer g.Close()
//	out, err := g.Run(ctx, backend.Tensor{Name: "x", Shape: []int64{1, 2}, Data: []float32{3, 4}})
//
// # One check
//
// [Load] is the only way from bytes to a graph, and it checks every model first, whichever backend runs it: no external
// files, no subgraphs except a Scan's body, no operators outside ONNX's own, no cycles, no shapes that no memory holds.
// Backends get a [Checked], which cannot be made without the check, and need not look again.
//
// # Writing a backend
//
// Implement [Backend] and [Graph]; use [Order] to bring a run's tensors into the graph's order. Three methods are optional:
// Device() [Device] (see [DeviceOf]), StepsPerCall() int (see [StepsPerCall]) and Resting() Backend (see [Resting]). Package
// backendtest holds the tests that every backend must pass.
//
// # Limits
//
// Tensors are dense and of the types of [DType]; there are no strings, sequences or maps. Graphs hold no state between
// runs.
package backend
