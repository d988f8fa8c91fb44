// Package export turns gorgonia graphs into ONNX models.
//
// It knows gorgonia's operations and ONNX's operators, and no models: any graph can be exported, gradients and optimisers
// included, since gorgonia differentiates into ordinary nodes.
//
//	model, err := export.Graph(ctx, func(batch int) (export.Traced, error) {
//		g := gorgonia.NewGraph()
//		…
//		return export.Traced{Inputs: …, Outputs: …}, nil
//	}, export.Options{Name: "layer"})
//	data, err := model.Bytes()
//
// Three nouns. A *trace* is the function that builds the graph for a batch size: [Graph] calls it at two sizes, and what differs
// between the two graphs is the batch axis. A *lowering* writes one gorgonia node as ONNX nodes: ops.go is the table of them,
// docs/operators.md its page. A *pass* cleans up afterwards without changing a result: passes.go lists them.
//
// A trace must hold the same values each time it is called: after training, [WithValues] gives its leaves what was learned.
//
// [Verify] runs a model and its graph next to each other and compares. [Model.Scan] runs a model many times in one call. An op of
// one's own says how it is written in ONNX by a method: see builder.ONNXWriter.
//
// A ctx that is done ends what takes it: before a trace, a node, a pass or a batch.
//
// Limits: float32 and float64; one dynamic axis, the batch; constants whose printed forms agree have been merged by
// gorgonia before the exporter sees them, and that cannot be noticed here (package builder does notice).
package export
