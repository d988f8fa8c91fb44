package embed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxcompose"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/internal/wordpiece"
)

// ErrNone says that a bundle holds no embedder.
var ErrNone = errors.New("the bundle holds no embedder")

// InBundle returns the embedder that a bundle was exported with. The error of a bundle without one wraps [ErrNone].
func InBundle(b *bundle.Bundle) (*Files, error) {
	identity := b.Manifest.Input.Embedder
	if _, ok := b.Manifest.Files[bundle.TextFile]; !ok || identity == nil {
		return nil, fmt.Errorf("embed: %s: %w", b.Dir, ErrNone)
	}
	graph, err := b.File(bundle.TextFile)
	if err != nil {
		return nil, err
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
