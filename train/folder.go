package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/train/evaluate"
	"github.com/gofrs/flock"
)

// A run folder holds
//
//	config.json                 the configuration, whole: the run repeats from it and its data
//	graphs/                     imported ONNX graphs that the configuration names, where it does
//	metrics.jsonl               one JSON object a line: see Record
//	checkpoints/step-00001234/  state.safetensors and state.json, of the last steps and of the best epoch: see Checkpoint
//	bundle/                     the best weights, exported and verified
//	report.html                 curves, pictures, figures
//	.lock                       held while a process writes
const (
	ConfigFile  = "config.json"
	MetricsFile = "metrics.jsonl"
	BundleDir   = "bundle"
	ReportFile  = "report.html"
	lockFile    = ".lock"
)

// ErrLocked is wrapped by the error for a run that another process is writing.
var ErrLocked = errors.New("the run is being written by another process")

// A Record is one line of metrics.jsonl.
type Record struct {
	Kind        string               `json:"kind"` // "step", an average over the steps since the last; "validation" or "test"
	Epoch       int                  `json:"epoch"`
	Step        int                  `json:"step"` // global, from 1
	Seconds     float64              `json:"seconds"`
	Temperature float64              `json:"temperature,omitempty"`
	KLWeight    float64              `json:"kl_weight,omitempty"`
	Rate        float64              `json:"rows_per_second,omitempty"`
	Parts       *Parts               `json:"parts,omitempty"`      // of the relaxed objective: not to be compared with others' figures
	Evaluation  *evaluate.Evaluation `json:"evaluation,omitempty"` // bounds on hard samples
}

// runFolder is a run being written.
type runFolder struct {
	dir     string
	lock    *flock.Flock
	metrics *os.File
	records []Record
}

// newRunFolder makes a run folder. A folder that exists is an error, unless force is set and it is a run or empty.
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
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	for _, e := range entries {
		if e.Name() == lockFile {
			continue
		}
		if err := os.RemoveAll(filepath.Join(r.dir, e.Name())); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	return r.begin(c, n)
}

// begin writes what a run starts with. If the folder holds a run already, the files that it was trained from stay.
func (r *runFolder) begin(c Config, n networks) (err error) {
	if err := os.MkdirAll(r.path(CheckpointsDir), 0o755); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if err := n.write(r.dir); err != nil {
		return err
	}
	if err := r.writeConfig(c); err != nil {
		return err
	}
	if r.metrics, err = os.Create(r.path(MetricsFile)); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// writeConfig writes config.json.
func (r *runFolder) writeConfig(c Config) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("train: configuration: %w", err)
	}
	if err := atomicfile.WriteBytes(r.path(ConfigFile), 0o644, append(text, '\n')); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// checkReplaceable reports a folder that a new run may not replace.
func checkReplaceable(dir string, force bool) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("train: %s is not a folder to write a run into: %w", dir, err)
	case len(entries) == 0 || len(entries) == 1 && entries[0].Name() == lockFile:
		return nil
	case !force:
		return fmt.Errorf("train: %s %w", dir, atomicfile.ErrExists)
	}
	if _, err := os.Stat(filepath.Join(dir, ConfigFile)); err != nil {
		return fmt.Errorf("train: %s is not a run (it has no %s), and only runs are replaced: choose another folder", dir, ConfigFile)
	}
	return nil
}

// lockRunFolder makes the folder where it is missing and keeps others from writing into it. The system releases the
// lock when the process ends, however it ends.
func lockRunFolder(dir string) (*runFolder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	r := &runFolder{dir: dir, lock: flock.New(filepath.Join(dir, lockFile))}
	switch ok, err := r.lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("train: lock %s: %w", dir, err)
	case !ok:
		return nil, fmt.Errorf("train: %s: %w: wait for it, or choose another folder", dir, ErrLocked)
	}
	return r, nil
}

// resume opens the folder of a run that continues from a checkpoint. It cuts off the lines of metrics.jsonl about later
// steps.
func (r *runFolder) resume(c Checkpoint) error {
	f, err := os.OpenFile(r.path(MetricsFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	r.metrics = f
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if info.Size() < c.MetricsBytes {
		return fmt.Errorf("train: %s has %d bytes, the checkpoint of step %d was written after %d: metrics were lost: start a new run: %w", r.path(MetricsFile), info.Size(), c.Step, c.MetricsBytes, ErrResume)
	}
	if err := f.Truncate(c.MetricsBytes); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	for d := json.NewDecoder(f); ; {
		var rec Record
		if err := d.Decode(&rec); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("train: %s: %w", r.path(MetricsFile), err)
		}
		r.records = append(r.records, rec)
	}
	_, err = f.Seek(0, io.SeekEnd)
	return err
}

func (r *runFolder) path(name string) string { return filepath.Join(r.dir, filepath.FromSlash(name)) }

// record appends one line to metrics.jsonl.
func (r *runFolder) record(rec Record) error {
	r.records = append(r.records, rec)
	line, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("train: metrics: %w", err)
	}
	if _, err := r.metrics.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("train: metrics: %w", err)
	}
	return nil
}

// metricsBytes returns the length of metrics.jsonl, which is on the disk when it returns.
func (r *runFolder) metricsBytes() (int64, error) {
	if err := r.metrics.Sync(); err != nil {
		return 0, fmt.Errorf("train: metrics: %w", err)
	}
	info, err := r.metrics.Stat()
	if err != nil {
		return 0, fmt.Errorf("train: metrics: %w", err)
	}
	return info.Size(), nil
}

// Close releases the folder.
func (r *runFolder) Close() error {
	var err error
	if r.metrics != nil {
		err = r.metrics.Close()
	}
	return errors.Join(err, r.lock.Unlock())
}
