package infer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/runtime/backend"
)

// A Summary says what a run did.
type Summary struct {
	Rows    int // of the shard
	Bad     int // of them, zeros in the output
	Parts   int // of the shard
	Skipped int // parts that existed already
}

// Run does a plan's shard on a backend: it makes the missing parts, and puts them together where the output is one file.
// A run that ends with tolerated bad rows returns an [ErrPart], with a summary.
func Run(ctx context.Context, p *Plan, backend backend.Backend, h Hooks) (s Summary, err error) {
	w, err := OpenWorker(ctx, p, backend)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	release, err := p.Prepare(ctx)
	if err != nil {
		return s, err
	}
	defer release()
	if p.finished != nil {
		return p.finish(ctx)
	}
	records, err := w.Run(ctx, p.Blocks(), h)
	if err != nil {
		return s, err
	}
	for _, r := range records {
		s.Rows += r.Rows
		s.Bad += r.Bad
		s.Parts++
		if r.Skipped {
			s.Skipped++
		}
	}
	switch err := p.agree(ctx, false); { // other shards may have been at work meanwhile
	case p.Job.Force && errors.Is(err, errOther): // which may be replaced next
		p.say("the folder holds parts of another run, which this shard does not make: its codes belong together only once those shards were run with --force too: %v", err)
	case err != nil:
		return s, err
	}
	if !p.Job.Folder() && (!p.direct || len(records) == 0) {
		if err := p.assemble(ctx, records, s.Rows); err != nil {
			return s, err
		}
	}
	if s.Skipped == 0 {
		w.watch.warn(p, s.Rows)
	}
	return s, p.partly(s)
}

// partly returns the [ErrPart] of a run with bad rows.
func (p *Plan) partly(s Summary) error {
	if s.Bad == 0 {
		return nil
	}
	bad := BadFile(p.Job.Out)
	if p.Job.Folder() {
		bad = filepath.Join(p.dir(), "part-*.bad.jsonl")
	}
	return fmt.Errorf("infer: %w: %d rows are bad and zeros in the output: %s names them", ErrPart, s.Bad, bad)
}

// assemble makes the one file from raw parts, and removes them. Bad rows are named before the file appears.
func (p *Plan) assemble(ctx context.Context, records []Record, rows int) error {
	if err := p.assembleBad(records); err != nil {
		return err
	}
	err := atomicfile.WriteContext(ctx, p.Job.Out, 0o644, func(w io.Writer) error {
		sum := summing{Writer: w, hash: sha256.New()}
		f, err := p.openOutput(&sum, rows)
		if err != nil {
			return err
		}
		for _, r := range records {
			if err := p.copyRaw(ctx, f, r); err != nil {
				return err
			}
		}
		if err := f.close(); err != nil || p.file.Through {
			return err
		}
		return p.recordFile(records, sum)
	})
	if err != nil {
		return err
	}
	return p.tidy()
}

// copyRaw writes a raw part's results.
func (p *Plan) copyRaw(ctx context.Context, f formatter, r Record) error {
	in, err := readfile.Open(p.partPath(r.Block))
	if err != nil {
		return err
	}
	defer in.Close()
	rows := max(1, (1<<18)/p.out.rowBytes())
	buf := make([]byte, rows*p.out.rowBytes())
	for next := (results{first: r.First}); next.first < r.First+r.Rows; next.first += next.n {
		if err := ctx.Err(); err != nil {
			return err
		}
		raw := buf[:min(rows, r.First+r.Rows-next.first)*p.out.rowBytes()]
		if _, err := io.ReadFull(in, raw); err != nil {
			return fmt.Errorf("%s: %w", r.File, err)
		}
		next.setRaw(p.out, raw)
		if err := f.write(next); err != nil {
			return err
		}
	}
	return nil
}

// assembleBad joins the parts' lists of bad rows into one.
func (p *Plan) assembleBad(records []Record) error {
	if p.file.Through {
		return nil // there are none
	}
	path := BadFile(p.Job.Out)
	bad := 0
	for _, r := range records {
		bad += r.Bad
	}
	if bad == 0 {
		return removed(os.Remove(path))
	}
	return atomicfile.Write(path, 0o644, func(w io.Writer) error {
		for _, r := range records {
			if r.Bad == 0 {
				continue
			}
			if err := copyFile(w, BadFile(p.partPath(r.Block))); err != nil {
				return err
			}
		}
		return nil
	})
}

func copyFile(w io.Writer, path string) error {
	f, err := readfile.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
