package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/atomicfile"
	"gorgonia.org/tensor"
)

// A run folder holds
//
//	config.json                     the configuration, whole: the run repeats from it and its data
//	metrics.jsonl                   one JSON object a line: see Record
//	checkpoints/best.safetensors    weights of the epoch with the best validation ELBO
//	checkpoints/last.safetensors    weights of the last epoch that ended, or of the step at which the run was stopped
//	bundle/                         the best weights, exported and verified
//	report.html                     curves, pictures, figures
const (
	ConfigFile  = "config.json"
	MetricsFile = "metrics.jsonl"
	BestWeights = "checkpoints/best.safetensors"
	LastWeights = "checkpoints/last.safetensors"
	BundleDir   = "bundle"
	ReportFile  = "report.html"
)

// A Record is one line of metrics.jsonl.
type Record struct {
	Kind        string      `json:"kind"` // "step", an average over the steps since the last; "validation" or "test"
	Epoch       int         `json:"epoch"`
	Step        int         `json:"step"` // global, from 1
	Seconds     float64     `json:"seconds"`
	Temperature float64     `json:"temperature,omitempty"`
	KLWeight    float64     `json:"kl_weight,omitempty"`
	Rate        float64     `json:"rows_per_second,omitempty"`
	Parts       *Parts      `json:"parts,omitempty"`      // of the relaxed objective: not to be compared with others' figures
	Evaluation  *Evaluation `json:"evaluation,omitempty"` // bounds on hard samples
}

// runFolder is a run being written.
type runFolder struct {
	dir     string
	metrics *os.File
	records []Record
}

// newRunFolder makes a run folder. A folder that exists is an error, unless force is set and it is a run or empty.
func newRunFolder(dir string, force bool, c Config) (*runFolder, error) {
	if err := clearOld(dir, force); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "checkpoints"), 0o755); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("train: configuration: %w", err)
	}
	if err := atomicfile.WriteBytes(filepath.Join(dir, ConfigFile), 0o644, append(text, '\n')); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	f, err := os.Create(filepath.Join(dir, MetricsFile))
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return &runFolder{dir: dir, metrics: f}, nil
}

func clearOld(dir string, force bool) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("train: %s is no folder to write a run into: %w", dir, err)
	case len(entries) == 0:
		return nil
	case !force:
		return fmt.Errorf("train: %s %w", dir, atomicfile.ErrExists)
	}
	if _, err := os.Stat(filepath.Join(dir, ConfigFile)); err != nil {
		return fmt.Errorf("train: %s is no run (it holds no %s), and --force replaces only runs: choose another folder", dir, ConfigFile)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
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

func (r *runFolder) Close() error { return r.metrics.Close() }

// OpenRun returns what a run folder holds: its configuration with its best weights, or the last where it was stopped
// before an epoch ended. input is the shape of one row.
func OpenRun(dir string) (Trained, error) {
	text, err := os.ReadFile(filepath.Join(dir, ConfigFile))
	if err != nil {
		return Trained{}, fmt.Errorf("train: %s is no run: %w", dir, err)
	}
	c, err := parseConfig(Config{}, string(text))
	if err != nil {
		return Trained{}, fmt.Errorf("%w (%s)", err, filepath.Join(dir, ConfigFile))
	}
	if err := c.Validate(); err != nil {
		return Trained{}, err
	}
	params, err := builder.NewParams(tensor.Float32, c.Seed)
	if err != nil {
		return Trained{}, err
	}
	weights := filepath.Join(dir, filepath.FromSlash(BestWeights))
	if _, err := os.Stat(weights); errors.Is(err, fs.ErrNotExist) {
		weights = filepath.Join(dir, filepath.FromSlash(LastWeights))
	}
	input, err := inputShape(weights)
	if err != nil {
		return Trained{}, err
	}
	if err := LoadWeights(weights, params); err != nil {
		return Trained{}, err
	}
	return Trained{Name: filepath.Base(filepath.Clean(dir)), Config: c, Model: c.Model(input), Params: params}, nil
}
