// Package repository holds the models that are served: bundles, in versions, loaded and unloaded while requests run.
//
// # Mental model
//
// A [Repository] is given folders of bundles. A bundle NAME becomes four models, each with inputs, outputs and a batcher:
//
//	NAME             sample -> packed_code                              encoder and threshold as one
//	NAME-encoder     sample -> latent_logits
//	NAME-threshold   latent_logits -> code, packed_code
//	NAME-decoder     code -> reconstruction, reconstruction_logits
//
// [Repository.Acquire] gives a model to one request, until [Model.Release]. What replaces a bundle is loaded, checked and tried before it
// takes work; the old one goes when its last request has released it, so that no request is lost. What cannot be loaded is reported
// ([Repository.Index]), and what was there stays.
//
// # One result
//
// A row's result depends on nothing but the row. Batches have a few sizes, and when a bundle is loaded each size is tried: one in which a
// row's result is not, bit for bit, that of the largest batch is not used. So a batch's company never changes a code.
//
// # Limits
//
// Folders are watched, and looked at again now and then, for file systems that tell nothing. The graph of layers that a hierarchical bundle
// has is not served.
package repository
