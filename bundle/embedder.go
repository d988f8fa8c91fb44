package bundle

import (
	"fmt"
	"slices"
)

// An Embedder says by which text model a model's rows were made, where they are embeddings of texts. Codes are comparable where it is the same.
type Embedder struct {
	Model     string `json:"model" doc:"of texts: SHA-256 of the embedder's model; training writes it, and infer refuses another" when:"never by hand"`
	Tokenizer string `json:"tokenizer" doc:"of texts: SHA-256 of the embedder's tokenizer.json; training writes it" when:"never by hand"`
	Pooling   string `json:"pooling" doc:"of texts: how an embedding is made of its tokens' vectors: mean, cls or output; training writes it" when:"never by hand"`
	Normalize bool   `json:"normalize" doc:"of texts: whether embeddings have the length 1; training writes it" when:"never by hand"`
	Tokens    int    `json:"tokens" doc:"of texts: the tokens that a text is cut to; training writes it" when:"never by hand"`
	Width     int    `json:"width" doc:"of texts: the numbers of an embedding; training writes it" when:"never by hand"`
}

// HasText reports whether the bundle holds the embedder, in front of encoder and threshold in one graph.
func (m *Manifest) HasText() bool {
	_, ok := m.Files[TextFile]
	return ok && m.Input.Embedder != nil
}

// embedderPoolings are what a manifest may say.
var embedderPoolings = []string{"mean", "cls", "output"}

// validate checks the embedder of rows of a size.
func (e *Embedder) validate(size int) error {
	switch {
	case e == nil:
		return nil
	case !isSum(e.Model) || !isSum(e.Tokenizer):
		return fmt.Errorf("input.embedder: model and tokenizer are SHA-256 of 64 hexadecimal digits in lower case")
	case !slices.Contains(embedderPoolings, e.Pooling):
		return fmt.Errorf("input.embedder.pooling is %.100q: use one of %v", e.Pooling, embedderPoolings)
	case e.Tokens < 1 || e.Tokens > 1<<20:
		return fmt.Errorf("input.embedder.tokens is %d: use 1 to %d", e.Tokens, 1<<20)
	case e.Width != size:
		return fmt.Errorf("input.embedder.width is %d, input.shape has %d values", e.Width, size)
	}
	return nil
}

// Differs says in which way another embedder makes other rows, "" where it makes the same.
func (e Embedder) Differs(other Embedder) string {
	switch {
	case e.Model != other.Model:
		return "another model"
	case e.Tokenizer != other.Tokenizer:
		return "another tokenizer"
	case e.Pooling != other.Pooling:
		return fmt.Sprintf("pooling %s, not %s", other.Pooling, e.Pooling)
	case e.Normalize != other.Normalize:
		return fmt.Sprintf("normalize %v, not %v", other.Normalize, e.Normalize)
	case e.Tokens != other.Tokens:
		return fmt.Sprintf("texts of up to %d tokens, not %d", other.Tokens, e.Tokens)
	}
	return ""
}
