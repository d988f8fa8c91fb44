// Package embed makes vectors of texts: an embedding model in ONNX with its tokenizer.json, run by a backend.
//
// # Nouns
//
// An [Embedder] is a model and its tokenizer, opened from a folder. A text becomes tokens, padded and masked; the model gives a vector for each of
// them; pooling makes one of these, the embedding, of length 1 where the model's folder does not say otherwise.
//
//	e, err := embed.Open(ctx, "minilm", backend)
//	if err != nil { … }
//	defer e.Close()
//	rows := make([]float32, len(texts)*e.Width())
//	bad, err := e.Embed(ctx, texts, rows)
//
// A folder is one of Hugging Face's, or what is left of it:
//
//	model.onnx or onnx/model.onnx, or one .onnx of any name     int64 input_ids, attention_mask and perhaps token_type_ids
//	tokenizer.json, or one that ends so                         see internal/wordpiece for the kinds
//	1_Pooling/config.json, modules.json                         sentence-transformers': the pooling, and whether lengths become 1
//	sentence_bert_config.json, config.json                      how many tokens a text may have
//
// # Identity
//
// [Embedder.Identity] says what the embeddings depend on: the SHA-256 of model and tokenizer, the pooling, the number of tokens. A bundle's
// manifest repeats it, so that codes of another embedder's vectors are refused.
//
// # Limits
//
// The pooling is made of ONNX nodes behind the model's own, so that an export with a bundle's encoder behind it computes the same. Texts of more tokens
// than the model takes are cut; [Embedder.Cut] counts them. Empty texts, and those that are no UTF-8, have no embedding. A text's embedding
// depends on its own tokens alone: what it is padded to follows from their number.
package embed
