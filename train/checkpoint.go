package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/train/engine"
	"github.com/catvae/catvae/train/evaluate"
)

// A checkpoint is a folder checkpoints/step-00001234, which appears whole or not at all, with two files:
//
//	state.safetensors   parameters under their names, the optimiser's moments as optimizer/m/NAME and optimizer/v/NAME
//	state.json          the rest of the run's state: see Checkpoint; with SHA-256 sums of both
//
// The noise of a run is a function of seed and step, so no state of a generator has to be kept.
const (
	CheckpointsDir  = "checkpoints"
	checkpointStem  = "step-"
	stateFile       = "state.safetensors"
	stateInfoFile   = "state.json"
	checkpointMajor = 1
	keepCheckpoints = 2 // the last ones; the best is kept as well
)

// ErrCheckpoint is wrapped by the error for a checkpoint that is damaged or does not belong to the run.
var ErrCheckpoint = errors.New("unusable checkpoint")

// ErrResume is wrapped by the error for a run that cannot continue and has to start again.
var ErrResume = errors.New("the run cannot continue")

// errOtherFormat marks a checkpoint that is sound and of another version: nothing may replace it.
var errOtherFormat = errors.New("use the version of catvae that wrote it")

// A Checkpoint is everything that a run continues from, except the tensors.
type Checkpoint struct {
	Format       int     `json:"format"` // 1; another is refused
	Step         int     `json:"step"`   // taken
	Epoch        int     `json:"epoch"`  // that the next step belongs to, from 1
	Position     int     `json:"position"`
	Seconds      float64 `json:"seconds"` // of the run so far
	Engine       string  `json:"engine"`
	Seed         uint64  `json:"seed"`
	Temperature  float64 `json:"temperature"` // of the next step, as its weight of the divergence and learning rate
	KLWeight     float64 `json:"kl_weight"`
	LearningRate float64 `json:"learning_rate"`
	ConfigSHA256 string  `json:"config_sha256"` // see configHash
	DataSHA256   string  `json:"data_sha256"`
	InputShape   []int   `json:"input_shape"`   // of one row
	MetricsBytes int64   `json:"metrics_bytes"` // of metrics.jsonl that belong to the steps taken
	Validated    int     `json:"validated"`     // epochs whose validation ELBO is known
	Best         *Best   `json:"best,omitempty"`
}

// Best is the checkpoint with the best validation ELBO so far.
type Best struct {
	Step       int                 `json:"step"`
	Epoch      int                 `json:"epoch"`
	Evaluation evaluate.Evaluation `json:"evaluation"`
}

// sealed is what state.json holds: the sums let a flipped bit be noticed, wherever it is.
type sealed struct {
	Checkpoint  json.RawMessage `json:"checkpoint"`
	SHA256      string          `json:"sha256"`       // of the checkpoint as compact JSON
	StateSHA256 string          `json:"state_sha256"` // of state.safetensors
}

// configHash identifies what a run may not change when it is resumed: everything except the number of epochs.
func configHash(c Config) (string, error) {
	c = c.canonical()
	c.Epochs = 0
	text, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("train: configuration: %w", err)
	}
	return hashOf(text), nil
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// saveCheckpoint writes a checkpoint below a run folder and removes those that are not to be kept.
func saveCheckpoint(run string, c Checkpoint, s engine.State) error {
	dir := checkpointDir(run, c.Step)
	err := atomicfile.Dir(dir, true, func(tmp string) error {
		state, err := encodeTensors(s.Tensors, nil)
		if err != nil {
			return err
		}
		if err := atomicfile.WriteBytes(filepath.Join(tmp, stateFile), 0o644, state); err != nil {
			return err
		}
		body, err := json.Marshal(c)
		if err != nil {
			return err
		}
		text, err := json.MarshalIndent(sealed{body, hashOf(body), hashOf(state)}, "", "  ")
		if err != nil {
			return err
		}
		return atomicfile.WriteBytes(filepath.Join(tmp, stateInfoFile), 0o644, append(text, '\n'))
	})
	if err != nil {
		return fmt.Errorf("train: checkpoint of step %d: the ones before are kept; fix this and resume the run: %w", c.Step, err)
	}
	return prune(run, c)
}

func checkpointDir(run string, step int) string {
	return filepath.Join(run, CheckpointsDir, fmt.Sprintf("%s%08d", checkpointStem, step))
}

// prune keeps the last checkpoints and the best, and removes the others, with what a crash left unfinished.
func prune(run string, c Checkpoint) error {
	steps, err := checkpointSteps(run)
	if err != nil {
		return err
	}
	var gone []string
	for i, step := range steps {
		if i >= keepCheckpoints && (c.Best == nil || c.Best.Step != step) {
			gone = append(gone, checkpointDir(run, step))
		}
	}
	entries, err := os.ReadDir(filepath.Join(run, CheckpointsDir))
	if err != nil {
		return fmt.Errorf("train: checkpoints: %w", err)
	}
	for _, e := range entries {
		if atomicfile.Unfinished(e.Name()) {
			gone = append(gone, filepath.Join(run, CheckpointsDir, e.Name()))
		}
	}
	for _, path := range gone {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("train: remove an old checkpoint: %w", err)
		}
	}
	return nil
}

// dropNewer removes the checkpoints after a step: they are damaged, the run continues from an earlier one, and they
// would push out sound ones.
func dropNewer(run string, step int) error {
	steps, err := checkpointSteps(run)
	for _, s := range steps {
		if s > step {
			err = errors.Join(err, os.RemoveAll(checkpointDir(run, s)))
		}
	}
	return err
}

// checkpointSteps returns the steps of a run's checkpoints, the newest first.
func checkpointSteps(run string) ([]int, error) {
	entries, err := os.ReadDir(filepath.Join(run, CheckpointsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("train: checkpoints: %w", err)
	}
	var steps []int
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), checkpointStem)
		if step, err := strconv.Atoi(digits); ok && err == nil && e.IsDir() {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	slices.Reverse(steps)
	return steps, nil
}

// readCheckpoint reads and checks the checkpoint of a step. Whatever is wrong with it wraps [ErrCheckpoint].
func readCheckpoint(run string, step int) (Checkpoint, engine.State, error) {
	dir := checkpointDir(run, step)
	c, s, err := readSealed(dir)
	if err == nil && c.Step != step {
		err = fmt.Errorf("it is of step %d", c.Step)
	}
	if err != nil {
		return c, s, fmt.Errorf("train: %s: %w: %w", dir, ErrCheckpoint, err)
	}
	return c, s, nil
}

func readSealed(dir string) (c Checkpoint, s engine.State, err error) {
	text, err := os.ReadFile(filepath.Join(dir, stateInfoFile))
	if err != nil {
		return c, s, err
	}
	var seal sealed
	if err := json.Unmarshal(text, &seal); err != nil {
		return c, s, fmt.Errorf("%s: %w", stateInfoFile, err)
	}
	var body bytes.Buffer
	if err := json.Compact(&body, seal.Checkpoint); err != nil {
		return c, s, fmt.Errorf("%s: %w", stateInfoFile, err)
	}
	if hashOf(body.Bytes()) != seal.SHA256 {
		return c, s, fmt.Errorf("%s is damaged: its SHA-256 is not the one that it records", stateInfoFile)
	}
	if err := json.Unmarshal(body.Bytes(), &c); err != nil {
		return c, s, fmt.Errorf("%s: %w", stateInfoFile, err)
	}
	if c.Format != checkpointMajor {
		return c, s, fmt.Errorf("%s has format %d, this program reads %d: %w", stateInfoFile, c.Format, checkpointMajor, errOtherFormat)
	}
	state, err := readWeights(filepath.Join(dir, stateFile))
	if err != nil {
		return c, s, err
	}
	if hashOf(state) != seal.StateSHA256 {
		return c, s, fmt.Errorf("%s is damaged: its SHA-256 is not the one that %s records", stateFile, stateInfoFile)
	}
	s.Steps = c.Step
	s.Tensors, err = parseTensors(state)
	return c, s, err
}

// newestCheckpoint returns the newest checkpoint that is sound. warn is called for each that is not. found is false
// where a run has none at all; if all are damaged, that is an error.
func newestCheckpoint(run string, warn func(string)) (c Checkpoint, s engine.State, found bool, err error) {
	steps, err := checkpointSteps(run)
	if err != nil || len(steps) == 0 {
		return c, s, false, err
	}
	for _, step := range steps {
		if c, s, err = readCheckpoint(run, step); err == nil {
			return c, s, true, nil
		}
		if errors.Is(err, errOtherFormat) {
			return c, s, false, err
		}
		warn(fmt.Sprintf("%v; going back to the one before", err))
	}
	return c, s, false, fmt.Errorf("train: no checkpoint of %s is sound: start a new run: %w: %w", run, err, ErrResume)
}
