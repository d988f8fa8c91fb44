package infer

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/outfile"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/apart"
	"github.com/catvae/catvae/internal/rundir"
	"github.com/catvae/catvae/picture"
)

// checkApart reports an output that would replace, or add to, what the run reads: the source, the bundle, and the run that the bundle
// belongs to.
func (p *Plan) checkApart() error {
	if file, replaced := p.replaced(); replaced {
		return fmt.Errorf("infer: %w: the output %s would replace %s, which this run reads: name another output", ErrJob, p.Job.Out, file)
	}
	switch {
	case p.Job.Out == outfile.Stdout || p.file.Through:
		return nil
	}
	if err := outsideModel(p.Job.Out, p.written(), p.Job.Model); err != nil {
		return err
	}
	switch {
	case p.Job.In == dataset.Stdin || p.Job.In == dataset.GlyphsSource:
		return nil
	case p.ownPart(p.Job.In):
		return fmt.Errorf("infer: %w: %s lies among the parts of the output %s, which this run writes: name another output", ErrJob, p.Job.In, p.Job.Out)
	case p.addsPictures():
		return fmt.Errorf("infer: %w: pictures in %s would be rows of %s, which this run reads: name an output elsewhere", ErrJob, p.Job.Out, p.Job.In)
	}
	return nil
}

// written is where the output lies: the file that a link leads to, or the folder of parts.
func (p *Plan) written() string {
	if p.Job.Folder() {
		return filepath.Clean(p.Job.Out)
	}
	return p.file.Path
}

// modelFiles yields the files of a bundle, and of the run that it belongs to.
func modelFiles(b *bundle.Bundle) iter.Seq2[string, fs.FileInfo] {
	files := []string{filepath.Join(b.Dir, bundle.ManifestFile), filepath.Join(b.Dir, bundle.VerificationFile)}
	for name := range b.Manifest.Files {
		files = append(files, filepath.Join(b.Dir, filepath.FromSlash(name)))
	}
	if run, ok := rundir.Of(b.Dir); ok {
		_, own := rundir.Own(run)
		files = append(files, own...)
	}
	return apart.Files(files...)
}

// outsideModel reports an output, written at a path, that would lie in a bundle, or in a folder of the run that it belongs to.
func outsideModel(out, written, model string) error {
	folders := []string{model}
	if run, ok := rundir.Of(model); ok {
		own, _ := rundir.Own(run)
		folders = append(folders, own...)
	}
	for _, folder := range folders {
		if apart.Within(folder, written) {
			return fmt.Errorf("infer: %w: the output %s would lie in %s, which belongs to the model: name an output elsewhere", ErrJob, out, folder)
		}
	}
	return nil
}

// CheckApart reports an output file that would replace a file of a model, or lie in its bundle.
func CheckApart(out, model string) error {
	at, err := outfile.Follow(out, true)
	if err != nil || at.Through {
		return err
	}
	b, err := bundle.Open(model)
	if err != nil {
		return err
	}
	if file, same := apart.Same(modelFiles(b), at.Path); same {
		return fmt.Errorf("infer: %w: the output %s would replace %s, which belongs to the model: name another output", ErrJob, out, file)
	}
	return outsideModel(out, at.Path, model)
}

// replaced returns a file that the run reads and whose place its output takes.
func (p *Plan) replaced() (file string, replaced bool) {
	var outputs []string
	switch {
	case p.Job.Out == outfile.Stdout:
		outputs = []string{"/dev/stdout"} // where there is one
	case !p.Job.Folder():
		outputs = []string{p.file.Path, BadFile(p.Job.Out), p.hidden(lockEnd)}
	}
	for _, inputs := range []iter.Seq2[string, fs.FileInfo]{modelFiles(p.bundle), dataset.Inputs(p.Job.In)} {
		if file, same := apart.Same(inputs, outputs...); same {
			return file, true
		}
		if p.Job.Out == outfile.Stdout || !p.partsThere() {
			continue
		}
		for file := range inputs {
			if p.ownPart(file) {
				return file, true
			}
		}
	}
	return "", false
}

// partsDir is where parts are made, and may be removed when a run begins.
func (p *Plan) partsDir() string {
	if p.Job.Folder() {
		return filepath.Clean(p.Job.Out)
	}
	return p.hidden(partsEnd)
}

// partsThere reports a folder of parts with something in it.
func (p *Plan) partsThere() bool {
	entries, err := os.ReadDir(p.partsDir())
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return partFile.MatchString(e.Name()) })
}

// ownPart reports a path that is that of a part, or lies in one.
func (p *Plan) ownPart(path string) bool {
	for _, path := range []string{path, apart.Resolved(path)} { // a link among the parts, and what it leads to
		if below, ok := below(path, p.partsDir()); ok && partFile.MatchString(strings.Split(below, string(filepath.Separator))[0]) {
			return true
		}
	}
	return false
}

// addsPictures reports files that would be taken for pictures where pictures are read.
func (p *Plan) addsPictures() bool {
	written := p.Job.Out
	switch {
	case p.Job.Folder() && p.Job.Format == PNG:
		written = filepath.Join(p.Job.Out, "part-00000-of-00001.png", "000000000.png")
	case p.Job.Folder() || !picture.Named(p.Job.Out):
		return false
	}
	if info, err := os.Stat(p.Job.In); err == nil {
		return info.IsDir() && apart.Within(p.Job.In, written) && len(dataset.Files(p.Job.In, p.Job.Split)) == 0
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
	rel, err := filepath.Rel(apart.Resolved(dir), filepath.Join(apart.Resolved(filepath.Dir(abs)), filepath.Base(abs)))
	return rel, err == nil && filepath.IsLocal(rel)
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
