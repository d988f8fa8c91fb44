package embed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"unicode/utf8"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxcompose"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/internal/wordpiece"
	"github.com/catvae/catvae/runtime/backend"
)

// ErrEmbedder is wrapped by the error for a folder that holds no embedder that can be used: a file is missing, broken or of another kind, or
// tokenizer and model do not belong together.
var ErrEmbedder = errors.New("bad embedder")

// Auto leaves the pooling to the folder.
const Auto = "auto"

// Poolings are the ways to make one vector of a text's tokens: [Auto], their mean, the first one's, or what the model gives for the text itself.
var Poolings = []string{Auto, onnxcompose.PoolMean, onnxcompose.PoolCLS, onnxcompose.PoolOutput}

// tokensARun is how many tokens, padding included, go through the model at once.
const tokensARun = 2048

// An Embedder makes embeddings of texts. It is safe for concurrent use.
type Embedder struct {
	identity  bundle.Embedder
	tokenizer *wordpiece.Tokenizer
	graph     backend.Graph
	backend   string
	types     bool // the model takes types of tokens
	cut       atomic.Int64
}

// Open reads an embedder from a folder and loads it on a backend: see [Read] and [Files.Load].
func Open(ctx context.Context, dir string, on backend.Backend) (*Embedder, error) {
	f, err := Read(dir, Auto)
	if err != nil {
		return nil, err
	}
	return f.Load(ctx, on)
}

// Load loads an embedder on a backend and tries it: on the tokenizer's largest token, and on a text of as many tokens as it may have. It must be
// closed.
func (f *Files) Load(ctx context.Context, on backend.Backend) (*Embedder, error) {
	graph, err := backend.Load(ctx, on, f.pooled, "embedder "+f.name)
	if err != nil {
		return nil, err
	}
	e := &Embedder{identity: f.identity, tokenizer: f.tokenizer, graph: graph, backend: on.Name()}
	e.types = slices.ContainsFunc(graph.Inputs(), func(i backend.TensorInfo) bool { return i.Name == onnxcompose.TokenTypeIDs })
	if err := e.try(ctx, f.name); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// try runs the model on what a tokenizer of another model would have it fail.
func (e *Embedder) try(ctx context.Context, dir string) error {
	largest := e.tokenizer.Largest()
	one := make([]float32, e.Width())
	short := [][]int64{{largest}}
	if err := e.run(ctx, short, []int{0}, one); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return visible.Error(fmt.Errorf("embed: %w: %s: the tokenizer has tokens up to number %d, and the model fails on that: do they belong together? %w", ErrEmbedder, dir, largest, err))
	}
	most := e.identity.Tokens
	long := [][]int64{slices.Repeat([]int64{largest}, most)}
	if err := e.run(ctx, long, []int{0}, one); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return visible.Error(fmt.Errorf("embed: %w: %s: texts may have %d tokens, and the model fails on so many: max_position_embeddings in config.json or max_seq_length in sentence_bert_config.json say fewer where it takes fewer: %w", ErrEmbedder, dir, most, err))
	}
	return nil
}

// Width returns how many numbers an embedding has.
func (e *Embedder) Width() int { return e.identity.Width }

// Identity says what the embeddings depend on.
func (e *Embedder) Identity() bundle.Embedder { return e.identity }

// Cut returns how many texts had more tokens than the model takes.
func (e *Embedder) Cut() int { return int(e.cut.Load()) }

// Close frees the model. It may be called twice.
func (e *Embedder) Close() error { return e.graph.Close() }

// Embed puts the embedding of each text into dst, [texts, Width]. bad says of texts that have none why, by their number; their rows are zeros.
func (e *Embedder) Embed(ctx context.Context, texts []string, dst []float32) (bad map[int]string, err error) {
	bad = map[int]string{}
	tokens := make([][]int64, len(texts))
	var all []int64
	var order []int
	for i, text := range texts {
		if !utf8.ValidString(text) {
			bad[i] = "its text is no UTF-8"
			continue
		}
		from := len(all)
		var cut bool
		all, cut = e.tokenizer.Append(all, text, e.identity.Tokens)
		if tokens[i] = all[from:len(all):len(all)]; len(tokens[i]) == e.tokenizer.Around() {
			bad[i] = "its text is empty"
			continue
		}
		if cut {
			e.cut.Add(1)
		}
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(tokens[a]) - len(tokens[b]) })
	for len(order) > 0 {
		length := e.padded(len(tokens[order[0]]))
		n, most := 0, max(tokensARun/length, 1)
		for n < len(order) && n < most && len(tokens[order[n]]) <= length {
			n++
		}
		if err := e.run(ctx, tokens, order[:n], dst); err != nil {
			return nil, err
		}
		order = order[n:]
	}
	for i := range texts {
		row := dst[i*e.Width():][:e.Width()]
		if bad[i] == "" && slices.ContainsFunc(row, func(x float32) bool { return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) }) {
			bad[i] = "its embedding has numbers that are not finite"
		}
		if bad[i] != "" {
			clear(row)
		}
	}
	return bad, nil
}

// padded returns the number of tokens that a text of so many is padded to: the next multiple of 4, of 8 above 32, of 16 above 64, and so on.
func (e *Embedder) padded(tokens int) int {
	step := 4
	for tokens > 8*step {
		step *= 2
	}
	return min((tokens+step-1)/step*step, e.identity.Tokens)
}

// run embeds some texts, the longest of them last.
func (e *Embedder) run(ctx context.Context, tokens [][]int64, rows []int, dst []float32) error {
	length := e.padded(len(tokens[rows[len(rows)-1]]))
	ids, mask := make([]int64, len(rows)*length), make([]int64, len(rows)*length)
	for i, row := range rows {
		filled := copy(ids[i*length:], tokens[row])
		for t := range length {
			if t < filled {
				mask[i*length+t] = 1
			} else {
				ids[i*length+t] = e.tokenizer.Pad()
			}
		}
	}
	shape := []int64{int64(len(rows)), int64(length)}
	in := []backend.Tensor{{Name: onnxcompose.InputIDs, Shape: shape, Data: ids}, {Name: onnxcompose.AttentionMask, Shape: shape, Data: mask}}
	if e.types {
		in = append(in, backend.Tensor{Name: onnxcompose.TokenTypeIDs, Shape: shape, Data: make([]int64, len(ids))})
	}
	out, err := e.graph.Run(ctx, in...)
	if err != nil {
		return err
	}
	values, ok := out[0].Data.([]float32)
	if !ok || len(values) != len(rows)*e.Width() {
		return fmt.Errorf("embed: %w: the model gives %v for %d texts", ErrEmbedder, out[0].Shape, len(rows))
	}
	for i, row := range rows {
		copy(dst[row*e.Width():][:e.Width()], values[i*e.Width():])
	}
	return nil
}
