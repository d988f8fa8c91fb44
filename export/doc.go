// Package export turns gorgonia graphs into ONNX models, and writes bundles of them.
//
// The exporter is general: it knows operations, not models. [Graph] takes a function that builds a gorgonia graph for a
// batch size and calls it twice; what differs between the two graphs is the batch axis. Every operation is lowered by
// one table (docs/operators.md), gradients and optimisers included, since gorgonia differentiates into ordinary nodes.
// Three nouns: a *trace* is that function; a *lowering* writes one gorgonia node as ONNX nodes; a *pass* cleans up
// afterwards without changing a result.
//
//	model, err := export.Graph(ctx, func(batch int) (export.Traced, error) {
//		g := gorgonia.NewGraph()
//		…
//		return export.Traced{Inputs: …, Outputs: …}, nil
//	}, export.Options{Name: "encoder"})
//
// [Verify] runs a model and its graph side by side. [WriteBundle] exports, verifies and writes whole bundles.
//
// Limits: float32 and float64; one dynamic axis, the batch; constants whose printed forms agree have been merged by
// gorgonia before the exporter sees them, and that cannot be noticed here (package builder does notice).
package export
