package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/rundir"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/embed"
	"github.com/catvae/catvae/train"
)

// textFlags are those of the commands that read a source of texts whole.
type textFlags struct {
	cli.Texts
	LabelColumn string `help:"Of texts: the column or key of labels; without it one called label." placeholder:"NAME"`

	always bool // rows are texts, whatever the flags say
}

// open loads the embedder, nil where rows are numbers. model is the run or bundle whose rows they are to be, "" where any embedder will do. close says
// how many texts were cut.
func (f textFlags) open(ctx context.Context, on backend.Backend, model string, w io.Writer) (texts *train.Texts, close func() error, err error) {
	close = func() error { return nil }
	if !f.always && !f.Given() && f.IDColumn == "" && f.LabelColumn == "" {
		return nil, close, nil
	}
	files, err := f.files(model)
	if err != nil {
		return nil, close, err
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

// files reads the embedder, or that of the bundle, and compares it with that of the rows that the model was trained on.
func (f textFlags) files(model string) (*embed.Files, error) {
	none := fmt.Errorf("%w: texts need --embedder FOLDER, which makes numbers of them", cli.ErrUsage)
	if model == "" && f.Embedder == "" {
		return nil, none
	}
	if model == "" {
		return embed.Read(f.Embedder, f.Pooling)
	}
	b, err := bundle.Open(rundir.BundleOf(model))
	switch {
	case err != nil:
		return nil, err
	case f.Embedder == "" && b.Manifest.HasText():
		return embed.InBundle(b)
	case f.Embedder == "":
		return nil, none
	}
	files, err := embed.Read(f.Embedder, f.Pooling)
	if err != nil {
		return nil, err
	}
	if e := b.Manifest.Input.Embedder; e != nil && e.Differs(files.Identity()) != "" {
		return nil, fmt.Errorf("the model was trained on embeddings of another embedder than %s: %s: %w: give the one of training", f.Embedder, e.Differs(files.Identity()), runtime.ErrInput)
	}
	return files, nil
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
