package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/embed"
	"github.com/catvae/catvae/train"
)

// textFlags are those of the commands that read a source of texts whole.
type textFlags struct {
	cli.Texts
	LabelColumn string `help:"Of texts: the column or key of labels; without it one called label." placeholder:"NAME"`
}

// open loads the embedder, nil where rows are numbers. wanted is that of the rows that a model was trained on, nil where any will do. close says how
// many texts were cut.
func (f textFlags) open(ctx context.Context, on backend.Backend, wanted *bundle.Embedder, w io.Writer) (texts *train.Texts, close func() error, err error) {
	close = func() error { return nil }
	switch {
	case !f.Given() && f.IDColumn == "" && f.LabelColumn == "":
		return nil, close, nil
	case f.Embedder == "":
		return nil, close, fmt.Errorf("%w: texts need --embedder FOLDER, which makes numbers of them", cli.ErrUsage)
	}
	files, err := embed.Read(f.Embedder, f.Pooling)
	if err != nil {
		return nil, close, err
	}
	if wanted != nil {
		if why := wanted.Differs(files.Identity()); why != "" {
			return nil, close, fmt.Errorf("the model was trained on embeddings of another embedder than %s: %s: %w: give the one of training", f.Embedder, why, runtime.ErrInput)
		}
	}
	dir, err := f.Kept()
	if err != nil {
		return nil, close, err
	}
	loaded, err := files.Load(ctx, on)
	if err != nil {
		return nil, close, err
	}
	kept, err := loaded.Keep(dir, true)
	if err != nil {
		return nil, close, err
	}
	close = func() error {
		if cut := kept.Cut(); cut > 0 {
			fmt.Fprintf(w, "%d texts had more than %d tokens, and were cut\n", cut, files.Identity().Tokens)
		}
		return kept.Close()
	}
	told := &toldEmbedder{Kept: kept, w: w, began: time.Now(), last: time.Now()}
	return &train.Texts{Texts: dataset.Texts{Column: f.Column, ID: f.IDColumn, Label: f.LabelColumn, Embedder: told}, Identity: files.Identity()}, close, nil
}

// toldEmbedder says now and then how many texts it has embedded. It is for one goroutine at a time.
type toldEmbedder struct {
	*embed.Kept
	w           io.Writer
	done        int
	began, last time.Time
}

// toldEvery is the time between two lines.
const toldEvery = 5 * time.Second

// Embed implements [dataset.Embedder].
func (e *toldEmbedder) Embed(ctx context.Context, texts []string, dst []float32) (map[int]string, error) {
	bad, err := e.Kept.Embed(ctx, texts, dst)
	e.done += len(texts)
	if now := time.Now(); err == nil && now.Sub(e.last) > toldEvery {
		fmt.Fprintf(e.w, "embedding: %d texts, %.0f/s\n", e.done, float64(e.done)/now.Sub(e.began).Seconds())
		e.last = now
	}
	return bad, err
}

// words returns the flags as they are written, for commands to try next.
func (f textFlags) words() (words []string) {
	if !f.Given() {
		return nil
	}
	for _, flag := range []struct{ name, value, usual string }{
		{"--embedder", f.Embedder, ""}, {"--pooling", f.Pooling, embed.Auto}, {"--column", f.Column, ""}, {"--id-column", f.IDColumn, ""},
	} {
		if flag.value != flag.usual && flag.value != "" {
			words = append(words, flag.name, cli.ShellWord(flag.value))
		}
	}
	return words
}
