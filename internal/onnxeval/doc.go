// Package onnxeval runs ONNX graphs on plain slices, without cgo and without gorgonia.
//
// A graph becomes a [Program]: its operators are looked up in one table, and whatever follows from constants alone is
// computed once. A program becomes a [Plan] for inputs of given shapes: shapes are inferred node by node, each node turns into a
// function over slices, and memory is shared out among the values by how long they live. A plan of dense
// layers runs without allocating. Matrix products are gonum's; large steps are shared out among a [Pool]'s goroutines.
//
// The numbers of a row depend on that row alone, never on the other rows or on how many goroutines there are: no
// kernel chooses its order of summation by the batch.
//
// runtime/purego makes a backend of the package; builder/importer computes the shapes in a graph with it. Names and
// behaviour follow the operators' pages of ONNX, https://onnx.ai/onnx/operators/, which docs/purego.md lists with the
// counts of ONNX's own tests.
package onnxeval
