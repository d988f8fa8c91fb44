// Package variant makes further encoders for a bundle: they give the same answer, but compute it differently.
//
// # Mental model
//
// A variant is one graph from rows to latent_logits and packed_code, made from encoder.onnx and threshold.onnx:
//
//	uint8     float32 inside; pixels go in as bytes and are scaled in the graph. Its codes are those of the bundle.
//	int8      bytes in; weights of 7 bits a channel, activations of 8 bits by scales that were measured before
//	float16   float32 in and out; products in float16, for CUDA
//
// [Make] makes one from the graphs' bytes and, for int8, rows to calibrate on; [Compare] compares it with float32 on
// other rows. Only ONNX's own operators are used: int8 is in the form DequantizeLinear, Gemm, QuantizeLinear, which
// onnxruntime runs as whole-number products, and which everything else that reads ONNX understands.
//
// # Why the scales are static
//
// DynamicQuantizeLinear takes one range over a batch, so a row's code would depend on the other rows of its batch. Here
// every range is measured on training rows once and kept in the manifest.
//
// # Why 7 bits
//
// Processors with AVX2 alone add two products of a byte and a signed byte in 16 bits, and this sum saturates: 2·255·127
// > 32767. With weights within ±63 they cannot (2·255·63 = 32130), and codes are the same with and without VNNI
// instructions.
package variant
