// Package oip is the Open Inference Protocol, version 2, as KServe and Triton speak it: the words that HTTP and gRPC share, and their JSON.
//
// # Mental model
//
// A [Request] names a model and holds tensors; a [Response] has the tensors that the model made of them. A [Tensor] is a name, a
// [Datatype], a shape whose first dimension counts rows, and its values as bytes, little-endian and row by row, whatever they looked like
// on the wire:
//
//	JSON data ─┐                                        ┌─> JSON data
//	binary   ──┼─> Tensor.Data ─> model ─> Tensor.Data ─┼─> binary
//	protobuf ──┘                                        └─> protobuf
//
// [ReadRequest] reads the body of an HTTP request, with the binary tensor extension or without, and [Response.Append] writes an answer.
// What datatypes there are is one table.
//
// # Limits
//
// Nothing here knows of models: names, shapes and ranges are for the server to check. Texts (BYTES), and numbers that no model of ours
// takes, are known by name and refused. The caller bounds the body's size.
package oip
