package infer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/embed"
)

// Texts says that a source's rows are texts, and which embedder makes numbers of them: plain data, which can be sent elsewhere. The zero value
// means that they are numbers.
type Texts struct {
	Embedder string `json:"embedder,omitempty"` // folder; "" where Column is given means the one that the bundle holds
	Pooling  string `json:"pooling,omitempty"`  // see embed.Poolings
	Column   string `json:"column,omitempty"`   // see dataset.Texts
	ID       string `json:"id,omitempty"`
	Kept     string `json:"kept,omitempty"` // folder of embeddings that were kept; "" for none
}

// given reports whether rows are texts.
func (t Texts) given() bool { return t.Embedder != "" || t.Column != "" }

// textModel is the embedder of a plan: read by the planning, loaded by the worker.
type textModel struct {
	files  *embed.Files
	loaded *embed.Kept // nil before
}

// readTexts reads the embedder that a job names, or the bundle's own, and compares it with that of the rows that the model was trained on.
func (p *Plan) readTexts() (err error) {
	job, m := p.Job.Texts, p.bundle.Manifest
	if !job.given() {
		return nil
	}
	if made, _ := productOf(p.Job.Mode, p.Job.Codes); made.takesCodes {
		return fmt.Errorf("infer: %w: codes are no texts: leave out the column and the embedder", ErrJob)
	}
	var files *embed.Files
	switch {
	case job.Embedder != "":
		files, err = embed.Read(job.Embedder, job.Pooling)
	case m.HasText():
		files, err = embed.InBundle(p.bundle)
	default:
		return fmt.Errorf("infer: %w: texts of column %q need an embedder, and the bundle holds none: name its folder by --embedder", ErrJob, job.Column)
	}
	if err != nil {
		return err
	}
	is, width := files.Identity(), m.Input.RowSize()
	if m.Input.Embedder != nil {
		if why := m.Input.Embedder.Differs(is); why != "" {
			return fmt.Errorf("infer: %w: the model was trained on embeddings of another embedder than %s: %s: give the one of training", runtime.ErrInput, job.Embedder, why)
		}
	}
	if is.Width != width {
		return fmt.Errorf("infer: %w: the embedder %s makes rows of %d numbers, the model takes %d", runtime.ErrInput, job.Embedder, is.Width, width)
	}
	p.texts = &textModel{files: files}
	return nil
}

// dataset returns how package dataset reads a job's texts, nil where rows are numbers.
func (t *textModel) dataset(job Texts) *dataset.Texts {
	if t == nil {
		return nil
	}
	return &dataset.Texts{Column: job.Column, ID: job.ID, Embedder: t}
}

// made is what parts depend on.
func (t *textModel) made(job Texts) string {
	if t == nil {
		return ""
	}
	text, err := json.Marshal(struct {
		bundle.Embedder
		Column string `json:"column"`
	}{t.files.Identity(), job.Column})
	if err != nil {
		return "" // it holds plain values
	}
	return string(text)
}

// load loads the embedder where there is one.
func (t *textModel) load(ctx context.Context, on backend.Backend, kept string) error {
	if t == nil {
		return nil
	}
	e, err := t.files.Load(ctx, on)
	if err == nil {
		t.loaded, err = e.Keep(kept, false)
	}
	return err
}

// Width implements [dataset.Embedder].
func (t *textModel) Width() int { return t.files.Identity().Width }

// Embed implements [dataset.Embedder].
func (t *textModel) Embed(ctx context.Context, texts []string, dst []float32) (map[int]string, error) {
	if t.loaded == nil {
		return nil, errors.New("infer: texts are embedded before the embedder is loaded")
	}
	return t.loaded.Embed(ctx, texts, dst)
}

// close frees the embedder.
func (t *textModel) close() error {
	if t == nil || t.loaded == nil {
		return nil
	}
	return t.loaded.Close()
}

// withTextsHint adds to the error about a source of numbers that the model was trained on texts.
func (p *Plan) withTextsHint(err error) error {
	if p.texts == nil && p.bundle.Manifest.Input.Embedder != nil && errors.Is(err, dataset.ErrData) {
		return fmt.Errorf("%w (the model was trained on texts: --embedder FOLDER and --column NAME say that these are texts)", err)
	}
	return err
}

// TextsCut returns how many texts had more tokens than the embedder takes: of those that this run has embedded.
func (p *Plan) TextsCut() int {
	if p.texts == nil || p.texts.loaded == nil {
		return 0
	}
	return p.texts.loaded.Cut()
}
