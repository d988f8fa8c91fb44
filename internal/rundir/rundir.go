// Package rundir knows what a run folder holds, for programs that do not train.
package rundir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/internal/apart"
)

// The names in a run folder. Package train says what each is.
const (
	Config      = "config.json"
	Metrics     = "metrics.jsonl"
	Report      = "report.html"
	Split       = "split.npy"
	Standard    = "standard.npy"
	Lock        = ".lock"
	Checkpoints = "checkpoints"
	Bundle      = "bundle"
	Graphs      = "graphs"

	manifest = "manifest.json" // of a bundle
)

// Files are all of them, folders by true.
var Files = map[string]bool{Config: false, Metrics: false, Report: false, Split: false, Standard: false, Lock: false, Checkpoints: true, Bundle: true, Graphs: true}

// BundleOf returns the folder of the bundle that a path names: the path itself, or the bundle of the run that is there.
func BundleOf(path string) string {
	if _, err := os.Stat(filepath.Join(path, manifest)); errors.Is(err, fs.ErrNotExist) {
		inner := filepath.Join(path, Bundle)
		if _, err := os.Stat(filepath.Join(inner, manifest)); err == nil {
			return inner
		}
	}
	return path
}

// Of returns the run that a bundle is the one of, or false for a bundle that stands alone.
func Of(bundle string) (run string, ok bool) {
	real := apart.Resolved(bundle)
	run = filepath.Dir(real)
	_, err := os.Stat(filepath.Join(run, Config))
	return run, err == nil && filepath.Base(real) == Bundle
}

// Own returns the paths of what a run writes, folders and files.
func Own(run string) (folders, files []string) {
	for name, folder := range Files {
		path := filepath.Join(run, name)
		if folder {
			folders = append(folders, path)
		} else {
			files = append(files, path)
		}
	}
	return folders, files
}
