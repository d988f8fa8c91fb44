// Package runtime opens bundles and runs them.
//
//	model, err := runtime.Open(ctx, "run/bundle")
//	if err != nil { … }
//	defer model.Close()
//	codes, err := model.Encode(ctx, nil, rows)   // packed codes; runtime.Unpack gives the bits
//
// # Nouns
//
// A row is one sample as numbers, in the model's shape. Latent logits are what the encoder says of a row; a code is what
// the threshold makes of them, one bit a variable or category; a packed code is the code as bytes, most significant bit
// first. A reconstruction is what the decoder makes of a code.
//
// A [Model] is an open bundle: its encoder, threshold and decoder, loaded on a backend. Its methods take and give slices.
// A [Stream] runs a [Task] on rows from a [Source], in batches and on all cores, for rows that do not fit into memory. A
// variant is another form of encoder and threshold, faster or smaller: see [WithVariant].
//
// # What runs the graphs
//
// onnxruntime on the CPU, unless [WithBackend] names another backend or [WithDevice] another device. Package backend is
// the contract, package onnxruntime finds and installs the native library, package purego needs none. A device that was
// asked for and is not there is an error, never another device.
//
// # Values
//
// What the numbers of a file become (divisor, mean, deviation) and which values a row may hold is one rule of the manifest:
// [bundle.Input.Values]. Bytes go in as they are and the graph applies the rule; floats must have gone through it.
//
// # Limits
//
// A bundle is input from outside: every file is hashed, and every graph is checked before a backend sees it. Nothing here
// draws a code from the posterior: codes are hard, and equal rows have equal codes. Nothing here imports gorgonia: a
// program that only runs bundles stays small.
package runtime
