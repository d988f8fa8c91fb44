package embed

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxcompose"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/internal/wordpiece"
	"github.com/catvae/catvae/runtime/backend"
)

// What is read of a folder at most.
const (
	maxModel     = 2<<30 - 1 // as ONNX has it
	maxTokenizer = 256 << 20
	maxSettings  = 1 << 20
)

// usualTokens is how many tokens BERT's family of models takes, where nothing says another number.
const usualTokens = 512

// Files are an embedder that was read and not loaded yet: what it depends on is known. They may be loaded several times.
type Files struct {
	name      string // for errors
	identity  bundle.Embedder
	tokenizer *wordpiece.Tokenizer
	text      []byte // of the tokenizer
	pooled    []byte // the model with its pooling
}

// Content returns what a bundle is written with: the model with its pooling behind it, and tokenizer.json.
func (f *Files) Content() (pooled, tokenizer []byte) { return f.pooled, f.text }

// Identity says what the embeddings depend on.
func (f *Files) Identity() bundle.Embedder { return f.identity }

// Read reads an embedder's files from a folder, or an .onnx file with its tokenizer beside it. pooling is one of [Poolings], "" for [Auto]. Errors
// about the content wrap [ErrEmbedder].
func Read(dir, pooling string) (*Files, error) {
	if pooling != "" && !slices.Contains(Poolings, pooling) {
		return nil, fmt.Errorf("embed: there is no pooling %q, use one of %s", visible.Name(pooling), strings.Join(Poolings, ", "))
	}
	f, err := readFolder(dir, pooling)
	if err != nil {
		return nil, err
	}
	pooled, width, err := onnxcompose.Pooled(f.model, f.pooling, f.normalize)
	if err != nil {
		return nil, visible.Error(fmt.Errorf("embed: %w: %s: %w", ErrEmbedder, dir, err))
	}
	return &Files{name: dir, tokenizer: f.tokenizer, text: f.text, pooled: pooled, identity: bundle.Embedder{
		Model: f.sums[0], Tokenizer: f.sums[1], Pooling: f.pooling, Normalize: f.normalize, Tokens: f.tokens, Width: width,
	}}, nil
}

// A folder is what an embedder is made of.
type folder struct {
	model     []byte
	text      []byte // of the tokenizer
	tokenizer *wordpiece.Tokenizer
	tokens    int // that a text may have
	pooling   string
	normalize bool
	sums      [2]string // of model and tokenizer
}

// readFolder reads a folder's files.
func readFolder(dir, pooling string) (*folder, error) {
	model, err := modelIn(dir)
	if err != nil {
		return nil, err
	}
	dir = filepath.Dir(model)
	if filepath.Base(dir) == "onnx" { // as Hugging Face's folders have it
		dir = filepath.Dir(dir)
	}
	tokenizer, err := tokenizerIn(dir)
	if err != nil {
		return nil, err
	}
	f := &folder{normalize: true}
	if f.model, f.sums[0], err = content(model, maxModel); err != nil {
		return nil, err
	}
	if _, err := backend.Check(f.model); err != nil {
		return nil, visible.Error(fmt.Errorf("embed: %w: %s: %w", ErrEmbedder, model, err))
	}
	if f.text, f.sums[1], err = content(tokenizer, maxTokenizer); err != nil {
		return nil, err
	}
	if f.tokenizer, err = wordpiece.Parse(f.text); err != nil {
		return nil, visible.Error(fmt.Errorf("embed: %w: %s: %w", ErrEmbedder, tokenizer, err))
	}
	if err := f.setTokens(dir); err != nil {
		return nil, err
	}
	return f, f.setPooling(dir, pooling)
}

// content reads a file and its SHA-256.
func content(path string, limit int64) ([]byte, string, error) {
	text, err := readfile.Bytes(path, limit)
	if err != nil {
		return nil, "", fmt.Errorf("embed: %w", err)
	}
	sum := sha256.Sum256(text)
	return text, hex.EncodeToString(sum[:]), nil
}

// modelIn returns the path of the model in a folder, or the path itself where it is one.
func modelIn(dir string) (string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", visible.Error(fmt.Errorf("embed: %w", err))
	}
	if !info.IsDir() {
		return dir, nil
	}
	for _, name := range []string{"model.onnx", filepath.Join("onnx", "model.onnx")} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return filepath.Join(dir, name), nil
		}
	}
	return only(dir, ".onnx", "the model, model.onnx or another .onnx")
}

// tokenizerIn returns the path of the tokenizer in a folder.
func tokenizerIn(dir string) (string, error) {
	if info, err := os.Stat(filepath.Join(dir, "tokenizer.json")); err == nil && info.Mode().IsRegular() {
		return filepath.Join(dir, "tokenizer.json"), nil
	}
	return only(dir, "tokenizer.json", "tokenizer.json, which Hugging Face's folders have beside the model")
}

// only returns the one file of a folder whose name has an end.
func only(dir, end, what string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", visible.Error(fmt.Errorf("embed: %w", err))
	}
	var found []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), end) && !e.IsDir() {
			found = append(found, e.Name())
		}
	}
	if len(found) != 1 {
		return "", visible.Error(fmt.Errorf("embed: %w: %s has %d files of a name that ends in %s, and needs %s", ErrEmbedder, dir, len(found), end, what))
	}
	return filepath.Join(dir, found[0]), nil
}

// setting reads a file of JSON, where there is one.
func setting(dir, name string, to any) (bool, error) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	text, err := readfile.Bytes(path, maxSettings)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		return false, visible.Error(fmt.Errorf("embed: %w: %s: %w", ErrEmbedder, path, err))
	}
	return true, nil
}

// setTokens takes the number of tokens that sentence-transformers cuts texts to, else the tokenizer's, and never more than the model has
// places for.
func (f *folder) setTokens(dir string) error {
	var sentence struct {
		Tokens int `json:"max_seq_length"`
	}
	var config struct {
		Places int `json:"max_position_embeddings"`
	}
	if _, err := setting(dir, "sentence_bert_config.json", &sentence); err != nil {
		return err
	}
	if _, err := setting(dir, "config.json", &config); err != nil {
		return err
	}
	f.tokens = usualTokens
	if config.Places > 0 {
		f.tokens = config.Places
	}
	for _, n := range []int{sentence.Tokens, f.tokenizer.Tokens()} {
		if n > 0 {
			f.tokens = min(f.tokens, n)
			break
		}
	}
	if f.tokens <= f.tokenizer.Around() {
		return fmt.Errorf("embed: %w: texts are cut to %d tokens, of which %d are the same for all", ErrEmbedder, f.tokens, f.tokenizer.Around())
	}
	return nil
}

// setPooling takes the pooling that is asked for, else what sentence-transformers says, else what suits the model.
func (f *folder) setPooling(dir, pooling string) error {
	var modules []struct {
		Type string `json:"type"`
	}
	said, err := setting(dir, "modules.json", &modules)
	if err != nil {
		return err
	}
	if said {
		f.normalize = false
		for _, m := range modules {
			if kind := m.Type[strings.LastIndex(m.Type, ".")+1:]; kind == "Normalize" {
				f.normalize = true
			} else if !slices.Contains([]string{"Transformer", "Pooling"}, kind) {
				return visible.Error(fmt.Errorf("embed: %w: its modules.json has a module %q behind the model: Transformer, Pooling and Normalize are computed", ErrEmbedder, visible.Name(m.Type)))
			}
		}
	}
	if f.pooling = pooling; pooling != "" && pooling != Auto {
		return nil
	}
	var modes map[string]any
	if said, err = setting(dir, "1_Pooling/config.json", &modes); err != nil {
		return err
	}
	if !said {
		if f.pooling, err = onnxcompose.PoolingOf(f.model); err != nil {
			return visible.Error(fmt.Errorf("embed: %w: %w", ErrEmbedder, err))
		}
		return nil
	}
	f.pooling = ""
	for mode, on := range modes {
		if on != true || !strings.HasPrefix(mode, "pooling_mode_") {
			continue
		}
		kind := map[string]string{"pooling_mode_mean_tokens": onnxcompose.PoolMean, "pooling_mode_cls_token": onnxcompose.PoolCLS}[mode]
		if kind == "" || f.pooling != "" {
			return visible.Error(fmt.Errorf("embed: %w: its 1_Pooling/config.json asks for %s: one of pooling_mode_mean_tokens and pooling_mode_cls_token is computed", ErrEmbedder, visible.Name(mode)))
		}
		f.pooling = kind
	}
	if f.pooling == "" {
		return fmt.Errorf("embed: %w: its 1_Pooling/config.json asks for no pooling", ErrEmbedder)
	}
	return nil
}
