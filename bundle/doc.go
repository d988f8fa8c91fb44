// Package bundle says what a bundle is: a folder that holds one trained model as three ONNX graphs and a manifest.
//
//	NAME/
//	  manifest.json      what the model is, and the hash of everything else
//	  encoder.onnx       sample        -> latent_logits
//	  threshold.onnx     latent_logits -> code, packed_code
//	  decoder.onnx       code          -> reconstruction, reconstruction_logits
//	  verification.json  what was compared after writing
//
// Four nouns: *logits* are what the encoder says about each latent variable before any decision; a *code* is the hard
// decision, 0 and 1 (or one-hot) as float32; a *packed code* is the same in bits, most significant bit first, the last
// byte padded with zeros; the *manifest* ties them together.
//
// [Open] reads and checks a manifest; [Bundle.Graph] returns the bytes of a graph after hashing those same bytes, so
// that what was checked is what will be loaded. Names in a manifest stay in the folder; links are followed, to regular files
// only. The package depends on the standard library only; package runtime runs a bundle, package writer writes one. A [Bundle] is safe for concurrent
// use; a [Manifest] is as long as nobody changes it.
package bundle
