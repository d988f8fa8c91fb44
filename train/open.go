package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/bundle/writer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/train/engine"
	"gorgonia.org/tensor"
)

// OpenRun reads a run folder: the configuration, and the weights of the best epoch, or the newest where no epoch ended.
// It calls warn for each damaged checkpoint; warn may be nil.
func OpenRun(dir string, warn func(string)) (Trained, error) {
	if warn == nil {
		warn = func(string) {}
	}
	for try := 1; ; try++ { // a run that is being trained replaces its checkpoints
		before, _ := checkpointSteps(os.DirFS(dir))
		t, err := openCheckpoint(dir, warn)
		after, _ := checkpointSteps(os.DirFS(dir))
		if err == nil && t.record == nil || slices.Equal(before, after) || try == rereads {
			return t, err
		}
	}
}

// rereads is how often a run is read.
const rereads = 10

func openCheckpoint(dir string, warn func(string)) (Trained, error) {
	c, _, err := readRunConfig(dir)
	if err != nil {
		return Trained{}, err
	}
	nets, named, err := readNetworks(dir, c, c.Latent.Categories)
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
	newest, state, found, err := newestCheckpoint(dir, c, warn)
	if err != nil {
		return Trained{}, err
	}
	if !found && nets.encoder != nil && nets.decoder != nil && !c.Latent.Calibrated() { // imported, with the weights of its graphs
		t.Model = named.Model(nets.input())
		return t, t.addPrior()
	}
	if !found {
		return Trained{}, fmt.Errorf("train: %s holds no checkpoint yet: let it train for longer", dir)
	}
	of, tensors, lost, err := bestTensors(dir, newest, state, warn)
	if err != nil {
		return Trained{}, err
	}
	if t.Thresholds, err = of.thresholdsOf(c.Latent); err != nil {
		return Trained{}, err
	}
	if lost {
		t.record = map[string]any{stepRecord: newest.Step, lostRecord: newest.Best}
	} else if newest.Lost != nil {
		t.record = map[string]any{lostRecord: newest.Lost}
	}
	if err := setParams(params, tensors); err != nil {
		return Trained{}, fmt.Errorf("train: %s: %w", dir, err)
	}
	t.Model = named.Model(newest.InputShape)
	if t.Model.Standard, err = c.standardIn(dir); err != nil {
		return Trained{}, err
	}
	if lost {
		newest.Best = nil
	}
	t.warnings = t.warningsOf(newest.Step, newest.Best)
	return t, nil
}

// These keys of a bundle's record say what its weights are.
const (
	sourceRecord = "data_source"   // that the run was trained on, as it was given
	configRecord = "config_sha256" // see configHash
	dataRecord   = "data_sha256"   // of the rows that the run was trained on
	wholeRecord  = "source_sha256" // of these and of the rows held out
	epochRecord  = "epoch"         // the best, 0 where no epoch ended
	stepRecord   = "step"
	lostRecord   = "lost_best" // a better epoch, whose weights are lost

	thresholdsRecord = "thresholds" // how they were found, in words
)

// Source returns the source that the run was trained on, as it was given: "" where its bundle does not say so, because the
// run has not ended, was written before sources were recorded, or read standard input.
func (t Trained) Source() (string, error) {
	if t.dir == "" {
		return "", nil
	}
	v, err := readVerification(t.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	source, _ := v.Record[sourceRecord].(string)
	if source == dataset.Stdin {
		return "", nil
	}
	return source, nil
}

// maxVerification is the largest verification.json that is read.
const maxVerification = 16 << 20

// readVerification reads the verification of a run's bundle.
func readVerification(dir string) (v writer.Verification, err error) {
	data, err := readfile.Bytes(filepath.Join(dir, BundleDir, bundle.VerificationFile), maxVerification)
	if err != nil {
		return v, fmt.Errorf("train: %w", err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, visible.Error(fmt.Errorf("train: %s of the run %s: %w: %w", bundle.VerificationFile, dir, err, bundle.ErrFormat))
	}
	return v, nil
}

// addPrior adds a learned prior to parameters that no run has trained. It starts as the uniform prior.
func (t Trained) addPrior() error {
	b := builder.New(t.Params)
	t.Model.PriorLogits(b)
	return b.Err()
}

// bestTensors returns the state of the best epoch, with its checkpoint. Where no epoch ended, or the best epoch's checkpoint is damaged, it
// returns state, which is that of checkpoint c, and in the second case sets lost.
func bestTensors(dir string, c Checkpoint, state engine.State, warn func(string)) (of Checkpoint, tensors []onnxtensor.Tensor, lost bool, err error) {
	if c.Best == nil || c.Best.Step == c.Step {
		return c, state.Tensors, false, nil
	}
	of, best, err := readBest(dir, c)
	switch {
	case err == nil:
		return of, best.Tensors, false, nil
	case !errors.Is(err, ErrCheckpoint):
		return of, nil, false, err
	}
	warn(fmt.Sprintf("%v: the weights of the best epoch, %d, are lost, the newest are used, of step %d", err, c.Best.Epoch, c.Step))
	return c, state.Tensors, true, nil
}
