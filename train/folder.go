package train

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/rundir"
)

// A run folder holds
//
//	config.json                 the configuration, whole: the run repeats from it and its data
//	standard.npy                means and deviations of the rows trained on, where they are standardised: see StandardFile
//	split.npy                   which rows were trained on and which held out: see SplitFile
//	graphs/                     imported ONNX graphs that the configuration names, where it does
//	metrics.jsonl               one JSON object a line: see Record
//	checkpoints/step-00001234/  state.safetensors and state.json, of the last steps and of the best epoch: see Checkpoint
//	bundle/                     the best weights, exported and verified
//	report.html                 curves, pictures, figures
//	.lock                       held while a process writes
const (
	ConfigFile  = rundir.Config
	MetricsFile = rundir.Metrics
	BundleDir   = rundir.Bundle
	ReportFile  = rundir.Report
	lockFile    = rundir.Lock
)

// ErrLocked is wrapped by the error for a run that another process is writing.
var ErrLocked = errors.New("the run is being written by another process")

// ErrReplaced is wrapped by the error for a run whose folder was removed, moved or replaced while the run wrote it.
var ErrReplaced = errors.New("the run folder is no longer the one that the run began in")

// runFolder is a run being written. All writing goes through the handle of the folder, never through its path: see
// [runFolder.check].
type runFolder struct {
	dir      string
	root     *os.Root
	folder   *os.File // locked too, where the system can: it cannot be removed as the lock's file can
	whole    bool     // the folder itself is locked
	lock     *os.File
	config   []byte // content of config.json
	split    []byte // content of split.npy, nil where no rows are read
	standard []byte // content of standard.npy, nil where the folder has it or needs none
	metrics  *os.File
	records  []Record
}

// newRunFolder makes a run folder. A folder that exists is an error, unless force is set and it holds a run, or it is empty.
func newRunFolder(dir string, force bool, c Config, n networks) (*runFolder, error) {
	if err := checkReplaceable(dir, force); err != nil {
		return nil, err
	}
	r, err := lockRunFolder(dir)
	if err != nil {
		return nil, err
	}
	if err := r.create(c, n); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *runFolder) create(c Config, n networks) error {
	if err := r.empty(); err != nil {
		return err
	}
	return r.begin(c, n)
}

// empty removes what a run writes, except the lock, and nothing else. The configuration goes last: a folder without one is no
// run, and is not replaced.
func (r *runFolder) empty() error {
	entries, err := fs.ReadDir(r.root.FS(), ".")
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	for _, e := range entries {
		if _, ours := runFiles[e.Name()]; !ours && !atomicfile.Unfinished(e.Name()) || e.Name() == lockFile || e.Name() == ConfigFile {
			continue
		}
		if err := r.root.RemoveAll(e.Name()); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	if err := r.root.RemoveAll(ConfigFile); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// begin writes what a run starts with. If the folder holds a run already, the files that it was trained from stay.
func (r *runFolder) begin(c Config, n networks) (err error) {
	if err := r.root.MkdirAll(CheckpointsDir, 0o755); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if err := n.write(r.root); err != nil {
		return err
	}
	if err := r.writeConfig(c); err != nil {
		return err
	}
	if err := r.writeSplit(); err != nil {
		return err
	}
	if err := writeStandard(r.root, r.standard); err != nil {
		return err
	}
	if err := atomicfile.WriteIn(r.root, MetricsFile, 0o644, nil); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return r.openMetrics()
}

// writeConfig writes config.json.
func (r *runFolder) writeConfig(c Config) error {
	text, err := sealConfig(c)
	if err != nil {
		return err
	}
	if err := atomicfile.WriteIn(r.root, ConfigFile, 0o644, text); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	r.config = text
	return nil
}

// writeSplit writes split.npy.
func (r *runFolder) writeSplit() error {
	if r.split == nil {
		return nil
	}
	if err := atomicfile.WriteIn(r.root, SplitFile, 0o644, r.split); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// runFiles are what a run folder holds, folders by true.
var runFiles = rundir.Files

// checkReplaceable reports a folder that a new run may not replace.
func checkReplaceable(dir string, force bool) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("train: %s is not a folder to write a run into: %w", dir, err)
	case !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !leftOver(dir, e) }):
		return nil
	case !force:
		return fmt.Errorf("train: %s %w", dir, atomicfile.ErrExists)
	}
	if !isRun(dir) {
		return fmt.Errorf("train: %s is not a run (its %s is missing, or is of something else), and only runs are replaced: choose another folder: %w", dir, ConfigFile, atomicfile.ErrTarget)
	}
	return nil
}

// isRun reports a folder that holds a run, be it damaged. Other programs write a config.json, too.
func isRun(dir string) bool {
	_, _, err := readRunConfig(dir)
	if errors.Is(err, ErrResume) { // damaged
		_, err = os.Stat(filepath.Join(dir, MetricsFile))
	}
	return err == nil
}

// checkNothingElse reports what lies in a run folder beside the run, and would be lost if the folder were replaced as a whole.
func checkNothingElse(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("train: %w", err)
	}
	for _, e := range entries {
		if _, ours := runFiles[e.Name()]; !ours && !atomicfile.Unfinished(e.Name()) {
			return fmt.Errorf("train: %s is no file of a run, and would be lost with the folder: move it away, or choose another folder: %w", filepath.Join(dir, e.Name()), atomicfile.ErrTarget)
		}
	}
	return nil
}

// leftOver reports what a run that was killed before it wrote its configuration leaves: nothing is lost with it.
func leftOver(dir string, e fs.DirEntry) bool {
	switch name := e.Name(); {
	case name == lockFile, atomicfile.Unfinished(name):
		return true
	case e.IsDir() && (name == CheckpointsDir || name == graphsDir):
		_, err := os.Stat(filepath.Join(dir, ConfigFile))
		below, err2 := os.ReadDir(filepath.Join(dir, name))
		return errors.Is(err, fs.ErrNotExist) && err2 == nil && (name == graphsDir || len(below) == 0)
	}
	return false
}

// lockRunFolder makes the folder where it is missing, keeps others from writing into it, and removes what killed processes
// left unfinished in it. The system releases the lock when the process ends, however it ends.
func lockRunFolder(dir string) (*runFolder, error) {
	if err := atomicfile.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	r := &runFolder{dir: dir, root: root}
	for _, step := range []func() error{r.checkKinds, r.take, r.sweep} {
		if err := step(); err != nil {
			r.Close()
			return nil, err
		}
	}
	return r, nil
}

// take takes the locks.
func (r *runFolder) take() (err error) {
	if r.folder, err = r.root.Open("."); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	err = atomicfile.LockOpen(r.folder)
	if errors.Is(err, atomicfile.ErrHeld) {
		return r.locked()
	}
	r.whole = err == nil
	return r.takeFile()
}

// takeFile takes the lock of the file, which all systems have.
func (r *runFolder) takeFile() error {
	f, err := r.root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("train: lock %s: %w", r.dir, err)
	}
	err = atomicfile.LockOpen(f)
	switch {
	case errors.Is(err, errors.ErrUnsupported): // everybody gets the lock there
	case errors.Is(err, atomicfile.ErrHeld), err == nil && !atomicfile.CurrentIn(r.root, lockFile, f):
		f.Close()
		return r.locked()
	case err != nil:
		f.Close()
		return fmt.Errorf("train: lock %s: %w", r.dir, err)
	}
	if r.lock != nil {
		atomicfile.CloseLocked(r.lock)
	}
	r.lock = f
	return nil
}

func (r *runFolder) locked() error {
	return fmt.Errorf("train: %s: %w: wait for it, or choose another folder", r.dir, ErrLocked)
}

// checkKinds reports links and other things where a run has files and folders of its own: it writes nowhere else.
func (r *runFolder) checkKinds() error {
	for name, folder := range runFiles {
		info, err := r.root.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("train: %w", err)
		case folder && !info.IsDir():
			return fmt.Errorf("train: %s is not a folder, and a run writes into its own folder only: put a folder there, or choose another run", filepath.Join(r.dir, name))
		case !folder && !info.Mode().IsRegular() && name != ConfigFile: // which may be mounted, and is read with care
			return fmt.Errorf("train: %s is not a regular file, and a run writes into its own files only: remove it, or choose another run", filepath.Join(r.dir, name))
		}
	}
	return nil
}

// sweep removes what killed processes left unfinished, in the folder and above it.
func (r *runFolder) sweep() error {
	all := func(string) bool { return true }
	var errs error
	for _, dir := range []string{".", CheckpointsDir, graphsDir} {
		if err := atomicfile.SweepIn(r.root, dir, all); !errors.Is(err, fs.ErrNotExist) {
			errs = errors.Join(errs, err)
		}
	}
	parent, base := filepath.Split(filepath.Clean(r.dir))
	if base != "." && base != ".." {
		_ = atomicfile.Sweep(filepath.Join(parent, "."), func(name string) bool { return name == base }) // it may not be ours to write
	}
	if errs != nil {
		return fmt.Errorf("train: remove what is unfinished: %w", errs)
	}
	return nil
}

// check reports a folder that is not this run's any more: it was removed, moved, or another run was begun in it. Whatever
// the run has written since went into its own folder, wherever that is now.
func (r *runFolder) check() error {
	mine, err := r.folder.Stat()
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	switch named, err := os.Stat(r.dir); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("train: %s was removed or moved: %w: if it was moved, resume the run there", r.dir, ErrReplaced)
	case err != nil:
		return fmt.Errorf("train: %w", err)
	case !os.SameFile(mine, named):
		return fmt.Errorf("train: another folder is at %s now, and is left as it is: %w: if the run's was moved, resume it there", r.dir, ErrReplaced)
	}
	if !atomicfile.CurrentIn(r.root, lockFile, r.lock) { // removed, by a person perhaps
		if !r.whole {
			return fmt.Errorf("train: %s was removed or replaced, so another process may write the run: %w: resume it", filepath.Join(r.dir, lockFile), ErrReplaced)
		}
		if err := r.takeFile(); err != nil {
			return err
		}
	}
	switch config, err := readfile.Bytes(filepath.Join(r.dir, ConfigFile), maxConfig); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("train: %s was removed: %w: put it back and resume, or start a new run", filepath.Join(r.dir, ConfigFile), ErrReplaced)
	case err != nil:
		return fmt.Errorf("train: %w", err)
	case !bytes.Equal(config, r.config):
		return fmt.Errorf("train: %s was changed while the run wrote the folder: %w: restore it and resume, or start a new run", filepath.Join(r.dir, ConfigFile), ErrReplaced)
	}
	return nil
}

// remove removes the run, and the folder where nothing else is in it.
func (r *runFolder) remove() {
	mine, err1 := r.folder.Stat()
	named, err2 := os.Lstat(r.dir)
	if r.empty() != nil || r.root.Remove(lockFile) != nil || err1 != nil || err2 != nil || !os.SameFile(mine, named) {
		return
	}
	r.Close() // Windows wants it so
	os.Remove(r.dir)
}

func (r *runFolder) path(name string) string { return filepath.Join(r.dir, filepath.FromSlash(name)) }

// Close releases the folder. It may be called twice.
func (r *runFolder) Close() error {
	var err error
	if r.metrics != nil {
		err = r.metrics.Close()
		r.metrics = nil
	}
	for _, f := range []*os.File{r.lock, r.folder} {
		if f != nil {
			atomicfile.CloseLocked(f)
		}
	}
	return errors.Join(err, r.root.Close())
}
