package embed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxcompose"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/internal/wordpiece"
	"github.com/catvae/catvae/runtime/backend"
)

// InBundle returns the embedder that a bundle was exported with: see [bundle.Manifest.HasText].
func InBundle(b *bundle.Bundle) (*Files, error) {
	identity := b.Manifest.Input.Embedder
	if !b.Manifest.HasText() {
		return nil, visible.Error(fmt.Errorf("embed: %w: the bundle %s holds none", ErrEmbedder, b.Dir))
	}
	graph, err := b.File(bundle.TextFile)
	if err != nil {
		return nil, err
	}
	if _, err := backend.Check(graph); err != nil {
		return nil, visible.Error(fmt.Errorf("embed: %w: %s: %s: %w", ErrEmbedder, b.Dir, bundle.TextFile, err))
	}
	tokenizer, err := b.File(bundle.TokenizerFile)
	if err != nil {
		return nil, err
	}
	f := &Files{name: b.Dir, identity: *identity, text: tokenizer}
	if sum := sha256.Sum256(tokenizer); hex.EncodeToString(sum[:]) != identity.Tokenizer {
		return nil, visible.Error(fmt.Errorf("embed: %w: %s: its %s is not the tokenizer that the manifest names", ErrEmbedder, b.Dir, bundle.TokenizerFile))
	}
	if f.tokenizer, err = wordpiece.Parse(tokenizer); err != nil {
		return nil, visible.Error(fmt.Errorf("embed: %w: %s: %w", ErrEmbedder, b.Dir, err))
	}
	if f.pooled, err = onnxcompose.Only(graph, onnxcompose.Embedding); err != nil {
		return nil, visible.Error(fmt.Errorf("embed: %w: %s: %w", ErrEmbedder, b.Dir, err))
	}
	return f, nil
}
