package train

import (
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
)

// Texts says that a source's rows are texts, and by what they become rows of numbers.
type Texts struct {
	dataset.Texts
	Identity bundle.Embedder // of the embedder
}

// WithTexts returns the configuration for a source of texts, or, where t is nil, for one of numbers. Its data.embedder then says which embedder
// makes the rows, for the manifest.
func (c Config) WithTexts(t *Texts) Config {
	c.Data.Texts, c.Data.Embedder = t, bundle.Embedder{}
	if t != nil {
		c.Data.Embedder = t.Identity
	}
	return c
}

// Dataset returns how package dataset reads the texts, nil where there are none.
func (t *Texts) Dataset() *dataset.Texts {
	if t == nil {
		return nil
	}
	return &t.Texts
}
