package repository

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/runtime"
)

// A Bundle is a loaded version of a bundle.
type Bundle struct {
	Name, Version string
	Dir           string
	Hash          string // of its files: see docs/bundle.md

	model  *runtime.Model
	models []*Model
	uses   atomic.Int64  // requests, and one more while it is served
	unused chan struct{} // closed when nobody uses it
}

// Model returns the open bundle. It may be used until the model that was acquired is released.
func (b *Bundle) Model() *runtime.Model { return b.model }

// Models returns what the bundle serves.
func (b *Bundle) Models() []*Model { return b.models }

func (b *Bundle) release() {
	if b.uses.Add(-1) == 0 {
		close(b.unused)
	}
}

// close waits for all requests, and frees the bundle. When ctx is done first it interrupts what runs.
func (b *Bundle) close(ctx context.Context) error {
	select {
	case <-b.unused:
	case <-ctx.Done():
	}
	var errs []error
	for _, m := range b.models {
		for _, l := range m.lanes {
			errs = append(errs, l.Close(ctx))
		}
	}
	return errors.Join(append(errs, b.model.Close())...)
}

// load opens the bundle in a folder, checks it, and tries it.
func (r *Repository) load(ctx context.Context, name, version, dir string) (*Bundle, error) {
	model, err := runtime.Open(ctx, dir, r.o.Open...)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Name: name, Version: version, Dir: dir, model: model, unused: make(chan struct{})}
	b.uses.Store(1)
	b.Hash = (&bundle.Bundle{Dir: dir, Manifest: model.Manifest()}).Hash()
	if err = r.selfTest(ctx, b); err == nil {
		b.models, err = r.modelsOf(ctx, b)
	}
	if err != nil {
		return nil, errors.Join(err, model.Close())
	}
	return b, nil
}

// selfTest lets the bundle encode what it has reference codes of.
func (r *Repository) selfTest(ctx context.Context, b *Bundle) error {
	if r.o.SelfTest == nil {
		return nil
	}
	switch err := r.o.SelfTest(ctx, b.Dir, b.model); {
	case errors.Is(err, bundle.ErrNoSelfTest):
		r.o.Log.Warn("the bundle is served untested", "bundle", b.Name, "version", b.Version, "reason", err)
	case err != nil:
		return fmt.Errorf("self-test of %s: %w", b.Dir, err)
	default:
		r.o.Log.Info("self-test passed", "bundle", b.Name, "version", b.Version)
	}
	return nil
}

// signature returns what changes when a file of a bundle does: names, sizes and times. It is cheap, and empty where there is nothing.
func signature(dir string) string {
	var s strings.Builder
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real // a link that is turned to another folder changes all names
	}
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // what cannot be read is met again when the bundle is loaded
		}
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintf(&s, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return s.String()
}
