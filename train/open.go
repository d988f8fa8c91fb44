package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/bundle/writer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/train/engine"
	"gorgonia.org/tensor"
)

// OpenRun reads a run folder: the configuration, and the weights of the best epoch, or the newest where no epoch ended.
// It calls warn for each damaged checkpoint; warn may be nil.
func OpenRun(dir string, warn func(string)) (Trained, error) {
	if warn == nil {
		warn = func(string) {}
	}
	c, err := runConfig(dir)
	if err != nil {
		return Trained{}, err
	}
	nets, named, err := readNetworks(dir, c)
	if err != nil {
		return Trained{}, err
	}
	if graphOf(named.Encoder) != graphOf(c.Encoder) || graphOf(named.Decoder) != graphOf(c.Decoder) {
		return Trained{}, fmt.Errorf("train: %s is not the graph that %s began with (its name holds the start of its SHA-256): restore it, or import it again: %w", filepath.Join(dir, graphsDir), dir, ErrConfig)
	}
	params, err := builder.NewParams(tensor.Float32, c.Seed)
	if err != nil {
		return Trained{}, err
	}
	t := Trained{Name: filepath.Base(filepath.Clean(dir)), Config: c, Params: params, dir: dir}
	newest, state, found, err := newestCheckpoint(dir, warn)
	if err != nil {
		return Trained{}, err
	}
	if !found && nets.encoder != nil && nets.decoder != nil { // imported, with the weights of its graphs
		t.Model = named.Model(nets.input())
		return t, t.addPrior()
	}
	if !found {
		return Trained{}, fmt.Errorf("train: %s holds no checkpoint yet: let it train for longer", dir)
	}
	if err := setParams(params, bestTensors(dir, newest, state, warn)); err != nil {
		return Trained{}, fmt.Errorf("train: %s: %w", dir, err)
	}
	t.Model = named.Model(newest.InputShape)
	return t, nil
}

// sourceRecord is the key under which a run's bundle records the source that it was trained on, as it was given.
const sourceRecord = "data_source"

// Source returns the source that the run was trained on, as it was given: "" where its bundle does not say so, because the
// run has not ended, was written before sources were recorded, or read standard input.
func (t Trained) Source() (string, error) {
	data, err := os.ReadFile(filepath.Join(t.dir, BundleDir, bundle.VerificationFile))
	if errors.Is(err, fs.ErrNotExist) || t.dir == "" {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("train: %w", err)
	}
	var v writer.Verification
	if err := json.Unmarshal(data, &v); err != nil {
		return "", fmt.Errorf("train: %s of the run %s: %w: %w", bundle.VerificationFile, t.dir, err, bundle.ErrFormat)
	}
	source, _ := v.Record[sourceRecord].(string)
	if source == dataset.Stdin {
		return "", nil
	}
	return source, nil
}

// addPrior adds a learned prior to parameters that no run has trained. It starts as the uniform prior.
func (t Trained) addPrior() error {
	b := builder.New(t.Params)
	t.Model.PriorLogits(b)
	return b.Err()
}

// bestTensors returns the state of the best epoch. Where no epoch ended, or the best epoch's checkpoint is damaged, it
// returns state, which is that of checkpoint c.
func bestTensors(dir string, c Checkpoint, state engine.State, warn func(string)) []onnxtensor.Tensor {
	if c.Best == nil || c.Best.Step == c.Step {
		return state.Tensors
	}
	_, best, err := readCheckpoint(dir, c.Best.Step)
	if err != nil {
		warn(fmt.Sprintf("%v: the weights of the best epoch are lost, the newest are used", err))
		return state.Tensors
	}
	return best.Tensors
}

// runConfig reads a run's configuration.
func runConfig(dir string) (Config, error) {
	text, err := os.ReadFile(filepath.Join(dir, ConfigFile))
	if err != nil {
		return Config{}, fmt.Errorf("train: %s is not a run: %w", dir, err)
	}
	c, err := parseConfig(Config{}, string(text))
	if err != nil {
		return c, fmt.Errorf("%w (%s)", err, filepath.Join(dir, ConfigFile))
	}
	return c, c.Validate()
}
