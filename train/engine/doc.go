// Package engine takes training steps on any gorgonia loss.
//
// # Mental model
//
// A [Trace] builds an [Objective] into a gorgonia graph: a scalar loss, the parameters that it is differentiated by, and
// the inputs that a step takes. The package adds the gradients and the optimiser's update, as ordinary nodes of the same
// graph, so that one run of the graph is one step:
//
//	(parameters, moments, batch, rate) → (new parameters, new moments, loss and metrics)
//
// An [Engine] runs it. [Compile] exports the graph to ONNX and has onnxruntime run it on memory that stays where it is:
// the fast one. [NewTape] runs the very same nodes on gorgonia's tape machine: the reference, an order of magnitude
// slower. Both start from the values of the parameter nodes and do not change them: [Engine.State] gives the
// parameters, and the moments with them, and [Engine.Restore] takes them back.
//
// The package does not know what a variational auto-encoder is: docs/engine.md is the guide for your own graphs.
//
// # Limits
//
// The batch size is fixed. Operations outside docs/operators.md are an error that names the node. Randomness comes in
// through inputs. gorgonia silently merges some different nodes; this cannot be detected afterwards in a graph that was
// not built with package builder. Parameters are float32 or float64, all of one type.
// An engine is for one goroutine; different engines may run at the same time.
package engine
