package infer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
)

// checkApart reports an output that would replace, or add to, what the run reads: the source or the bundle.
func (p *Plan) checkApart() error {
	files := append(dataset.Files(p.Job.In, p.Job.Split), filepath.Join(p.Job.Model, bundle.ManifestFile), filepath.Join(p.Job.Model, bundle.VerificationFile))
	for name := range p.bundle.Manifest.Files {
		files = append(files, filepath.Join(p.Job.Model, filepath.FromSlash(name)))
	}
	for _, file := range files {
		if p.replaces(file) {
			return fmt.Errorf("infer: %w: the output %s would replace %s, which this run reads: name another output", ErrJob, p.Job.Out, file)
		}
	}
	switch {
	case p.Job.In == dataset.Stdin || p.Job.In == dataset.GlyphsSource:
		return nil
	case p.ownPart(p.Job.In):
		return fmt.Errorf("infer: %w: %s lies among the parts of the output %s, which this run writes: name another output", ErrJob, p.Job.In, p.Job.Out)
	case p.Job.Format == PNG && p.addsPictures():
		return fmt.Errorf("infer: %w: pictures in %s would be rows of %s, which this run reads: name an output elsewhere", ErrJob, p.Job.Out, p.Job.In)
	}
	return nil
}

// replaces reports a file whose place an output takes.
func (p *Plan) replaces(file string) bool {
	if p.ownPart(file) {
		return true
	}
	info, err := os.Stat(file)
	if err != nil || p.Job.Folder() {
		return false
	}
	for _, out := range []string{p.file.Path, BadFile(p.Job.Out)} {
		if there, err := os.Stat(out); err == nil && os.SameFile(there, info) {
			return true
		}
	}
	return false
}

// ownPart reports a path that is that of a part, or lies in one: parts may be removed when a run begins.
func (p *Plan) ownPart(path string) bool {
	dir := filepath.Clean(p.Job.Out)
	if !p.Job.Folder() {
		dir = p.hidden(partsEnd)
	}
	for _, path := range []string{path, resolved(path)} { // a link among the parts, and what it leads to
		if below, ok := below(path, dir); ok && partFile.MatchString(strings.Split(below, string(filepath.Separator))[0]) {
			return true
		}
	}
	return false
}

// addsPictures reports pictures that would be written among those that are read.
func (p *Plan) addsPictures() bool {
	if info, err := os.Stat(p.Job.In); err == nil {
		_, inside := below(p.Job.Out, p.Job.In)
		return inside && info.IsDir() && len(dataset.Files(p.Job.In, p.Job.Split)) == 0
	}
	written := p.Job.Out
	if p.Job.Folder() {
		written = filepath.Join(p.Job.Out, "part-00000-of-00001.png", "000000000.png")
	}
	fits, _ := filepath.Match(p.Job.In, filepath.Clean(written))
	return fits
}

// below returns the path of something relative to a folder that it lies in. Links to the folders on the way are followed.
func below(path, dir string) (string, bool) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(resolved(dir), filepath.Join(resolved(filepath.Dir(abs)), filepath.Base(abs)))
	return rel, err == nil && filepath.IsLocal(rel)
}

// resolved returns an absolute path with links followed, as far as there is something.
func resolved(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	if dir := filepath.Dir(abs); dir != abs {
		return filepath.Join(resolved(dir), filepath.Base(abs))
	}
	return abs
}

// vacate removes what has the name of a file of ours and is none: a link, a pipe, a device. They would be written through.
func vacate(paths ...string) error {
	for _, path := range paths {
		switch info, err := os.Lstat(path); {
		case errors.Is(err, fs.ErrNotExist), err == nil && info.Mode().IsRegular():
			continue
		case err != nil:
			return fmt.Errorf("infer: %w", err)
		case info.IsDir():
			return fmt.Errorf("infer: %w: %s is a folder, where a file of the output belongs: move it away", ErrJob, path)
		}
		if err := removed(os.Remove(path)); err != nil {
			return fmt.Errorf("infer: %w", err)
		}
	}
	return nil
}
