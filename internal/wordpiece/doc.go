// Package wordpiece turns texts into the tokens of BERT's family of models, as a tokenizer.json of Hugging Face's library
// tokenizers describes them.
//
// A text goes through five steps, each of which the file may configure:
//
//	added tokens    "[MASK]" and the like are found in the text as it is written, and are one token each
//	normalizer      BertNormalizer: control characters go, Chinese characters stand alone, accents and capitals go
//	pre_tokenizer   BertPreTokenizer: words end at spaces; each punctuation mark is a word
//	model           WordPiece: the longest beginning of a word that the vocabulary has, then that of its rest, and so on
//	post_processor  TemplateProcessing, BertProcessing or RobertaProcessing: [CLS] before and [SEP] after
//
// These are all kinds that are read. Any other, such as the BPE of GPT's and RoBERTa's files and the Unigram of T5's and XLM-R's, is
// an [ErrUnsupported] that names it.
//
// Tokens are those of the library's own code, also for odd texts: which characters count as control characters or accents is
// compared with it in the tests, character by character, since its tables are of another version of Unicode than Go's.
//
// https://huggingface.co/docs/tokenizers describes the file.
package wordpiece
