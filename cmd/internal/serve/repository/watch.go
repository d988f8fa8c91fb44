package repository

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// quiet is how long a folder must be left alone before it is looked at: whoever writes a bundle writes several files.
const quiet = 300 * time.Millisecond

// Watch brings the repository up to date whenever folders change, until ctx is done. Where the system does not tell of changes, it looks
// now and then.
func (r *Repository) Watch(ctx context.Context) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		r.o.Log.Warn("folders are not watched, only looked at now and then", "reason", err, "every", r.o.Poll)
		r.poll(ctx)
		return
	}
	defer watcher.Close()
	poll := time.NewTicker(r.o.Poll)
	defer poll.Stop()
	r.watchAll(watcher)
	changed := time.NewTimer(0)
	defer changed.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-watcher.Events:
			if !ok {
				return
			}
			if r.concerns(e.Name) {
				changed.Reset(quiet)
			}
			continue
		case <-watcher.Errors: // events were lost: look
		case <-changed.C:
		case <-poll.C:
		}
		_ = r.Sync(ctx) // what could not be loaded was told
		r.watchAll(watcher)
	}
}

// concerns reports a path that lies in what is served, or that is a bundle's folder: others lie beside it.
func (r *Repository) concerns(path string) bool {
	var roots []string
	if r.o.Folder != "" {
		roots = append(roots, r.o.Folder)
	}
	for _, dir := range r.o.Bundles {
		roots = append(roots, dir)
	}
	for _, root := range roots {
		if root = filepath.Clean(root); root == "." || path == root || strings.HasPrefix(path, root+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// poll looks at the folders now and then.
func (r *Repository) poll(ctx context.Context) {
	for tick := time.NewTicker(r.o.Poll); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			_ = r.Sync(ctx) // what could not be loaded was told
		}
	}
}

// watchAll watches the folder of models, those of bundles and those of versions. What is watched already stays so, and what cannot be
// watched is looked at now and then.
func (r *Repository) watchAll(w *fsnotify.Watcher) {
	if r.o.Folder != "" {
		_ = w.Add(r.o.Folder)
	}
	found, err := r.places()
	if err != nil {
		return
	}
	for name, list := range found {
		root := r.o.Bundles[name]
		if root == "" {
			root = filepath.Join(r.o.Folder, name)
		} else {
			_ = w.Add(filepath.Dir(root)) // where another folder may take its name
		}
		_ = w.Add(root)
		for _, p := range list {
			_ = w.Add(p.dir)
		}
	}
}
