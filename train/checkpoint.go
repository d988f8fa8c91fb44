package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/rundir"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/train/engine"
	"github.com/catvae/catvae/train/evaluate"
)

// A checkpoint is a folder checkpoints/step-00001234, which appears whole or not at all, with two files:
//
//	state.safetensors   parameters under their names, the optimiser's moments as optimizer/m/NAME and optimizer/v/NAME, and
//	                    latent/thresholds where these are medians
//	state.json          the rest of the run's state: see Checkpoint; with SHA-256 sums of both
//
// The noise of a run is a function of seed and step, so no state of a generator has to be kept.
const (
	CheckpointsDir  = rundir.Checkpoints
	checkpointStem  = "step-"
	stateFile       = "state.safetensors"
	stateInfoFile   = "state.json"
	checkpointMajor = 1
	keepCheckpoints = 2 // the last ones; the best of each is kept as well
)

// The largest files of a checkpoint that are read.
const (
	maxStateInfo = 1 << 20
	maxState     = 2 << 30
)

// ErrCheckpoint is wrapped by the error for a checkpoint whose content is wrong. One that the system could not read is not
// known to be wrong: see readfile.System.
var ErrCheckpoint = errors.New("unusable checkpoint")

// ErrResume is wrapped by the error for a run that cannot continue and has to start again.
var ErrResume = errors.New("the run cannot continue")

// errForeign marks a sound checkpoint that does not belong to the run's configuration.
var errForeign = fmt.Errorf("%w: %w", ErrCheckpoint, ErrResume)

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
	Lost         *Best   `json:"lost_best,omitempty"` // a better one, whose weights could not be read when the run was resumed
	// Thresholds are those of the weights, which are known where an epoch ended; nil where the configuration asks for none.
	Thresholds *Thresholds `json:"thresholds,omitempty"`

	neighbours neighbours // of the epoch under way, among the tensors
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

// configHash identifies what a run may not change when it is resumed: everything except how long it is.
func configHash(c Config) (string, error) {
	c = c.canonical()
	c.Epochs, c.Steps, c.Patience = 0, 0, 0
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

// saveCheckpoint writes a checkpoint below a run folder and removes those that are not to be kept: all except the last ones,
// and keep.
func saveCheckpoint(root *os.Root, c Checkpoint, s engine.State, keep ...*Best) error {
	files, err := encodeCheckpoint(c, s)
	if err == nil {
		err = root.MkdirAll(CheckpointsDir, 0o755) // somebody may have removed it
	}
	if err == nil {
		err = atomicfile.FilesIn(root, checkpointDir(c.Step), files)
	}
	if err != nil {
		return fmt.Errorf("train: checkpoint of step %d: the ones before are kept; fix this and resume the run: %w", c.Step, err)
	}
	return prune(root, append(keep, c.Best))
}

func encodeCheckpoint(c Checkpoint, s engine.State) (map[string][]byte, error) {
	state, err := encodeTensors(slices.Concat(s.Tensors, c.neighbours.tensor(), c.Thresholds.tensor()), nil)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(sealed{body, hashOf(body), hashOf(state)}, "", "  ")
	return map[string][]byte{stateFile: state, stateInfoFile: append(text, '\n')}, err
}

// checkpointDir returns the name of a checkpoint in the run folder, with slashes.
func checkpointDir(step int) string {
	return fmt.Sprintf("%s/%s%08d", CheckpointsDir, checkpointStem, step)
}

// prune keeps the last checkpoints and those of keep, and removes the others.
func prune(root *os.Root, keep []*Best) error {
	steps, err := checkpointSteps(root.FS())
	if err != nil {
		return err
	}
	for i, step := range steps {
		if i < keepCheckpoints || slices.ContainsFunc(keep, func(b *Best) bool { return b != nil && b.Step == step }) {
			continue
		}
		if err := root.RemoveAll(checkpointDir(step)); err != nil {
			return fmt.Errorf("train: remove an old checkpoint: %w", err)
		}
	}
	return nil
}

// dropNewer removes the checkpoints after a step: they are damaged, the run continues from an earlier one, and they
// would push out sound ones.
func dropNewer(root *os.Root, step int) error {
	steps, err := checkpointSteps(root.FS())
	for _, s := range steps {
		if s > step {
			err = errors.Join(err, root.RemoveAll(checkpointDir(s)))
		}
	}
	return err
}

// checkpointSteps returns the steps of a run's checkpoints, the newest first.
func checkpointSteps(run fs.FS) ([]int, error) {
	entries, err := fs.ReadDir(run, CheckpointsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("train: checkpoints: %w", err)
	}
	var steps []int
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), checkpointStem)
		step, err := strconv.Atoi(digits)
		if ok && err == nil && e.IsDir() && path.Base(checkpointDir(step)) == e.Name() { // one name for each step
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	slices.Reverse(steps)
	return steps, nil
}

// readCheckpoint reads and checks the checkpoint of a step. Whatever is wrong with its content wraps [ErrCheckpoint], and so
// does a missing file: a checkpoint appears whole. An error of the system does not.
func readCheckpoint(run string, step int) (Checkpoint, engine.State, error) {
	dir := filepath.Join(run, filepath.FromSlash(checkpointDir(step)))
	c, s, err := readSealed(dir)
	if err == nil && c.Step != step {
		err = fmt.Errorf("it is of step %d", c.Step)
	}
	switch {
	case err == nil:
		return c, s, nil
	case readfile.System(err) && !errors.Is(err, fs.ErrNotExist):
		return c, s, fmt.Errorf("train: %s cannot be read, which does not say that it is damaged: %w", dir, err)
	}
	return c, s, visible.Error(fmt.Errorf("train: %s: %w: %w", dir, ErrCheckpoint, err))
}

func readSealed(dir string) (c Checkpoint, s engine.State, err error) {
	text, err := readfile.Bytes(filepath.Join(dir, stateInfoFile), maxStateInfo)
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
	state, err := readState(filepath.Join(dir, stateFile), seal.StateSHA256)
	if err != nil {
		return c, s, err
	}
	s.Steps = c.Step
	if s.Tensors, err = parseTensors(state); err != nil {
		return c, s, err
	}
	if c.neighbours, s.Tensors, err = withoutNeighbours(s.Tensors); err != nil {
		return c, s, err
	}
	return c, s, c.takeThresholds(&s)
}

// readState reads a weights file with this SHA-256. A file with another is not held in memory, however large it is, and one
// that is too large is not read.
func readState(name, sum string) ([]byte, error) {
	f, err := readfile.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxState { // to hash so much takes seconds
		return nil, fmt.Errorf("%s has %d bytes, at most %d are read: %w", stateFile, info.Size(), int64(maxState), readfile.ErrTooLarge)
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, maxState+1))
	switch {
	case err != nil:
		return nil, err
	case n > maxState:
		return nil, fmt.Errorf("%s goes on after %d bytes, at most so many are read: %w", stateFile, int64(maxState), readfile.ErrTooLarge)
	case hex.EncodeToString(h.Sum(nil)) != sum:
		return nil, fmt.Errorf("%s is damaged: its SHA-256 is not the one that %s records", stateFile, stateInfoFile)
	}
	state := make([]byte, n)
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, n), state); err != nil {
		return nil, err
	}
	if hashOf(state) != sum {
		return nil, fmt.Errorf("%s changed while it was read", stateFile)
	}
	return state, nil
}

// newestCheckpoint returns the newest checkpoint that is sound. warn is called for each that is not. found is false
// where a run has none at all; if all are damaged, that is an error. So is one that the system cannot read, or that does not
// belong to the run's configuration: going back would throw work away.
func newestCheckpoint(run string, config Config, warn func(string)) (c Checkpoint, s engine.State, found bool, err error) {
	steps, err := checkpointSteps(os.DirFS(run))
	if err != nil || len(steps) == 0 {
		return c, s, false, err
	}
	hash, err := configHash(config)
	if err != nil {
		return c, s, false, err
	}
	for _, step := range steps {
		c, s, err = readCheckpoint(run, step)
		switch {
		case err == nil && c.ConfigSHA256 != hash:
			return c, s, false, fmt.Errorf("train: %s and %s of the run do not belong together: restore %s, or take away the checkpoint of another run: %w",
				filepath.Join(run, filepath.FromSlash(checkpointDir(step))), ConfigFile, ConfigFile, errForeign)
		case err == nil:
			return c, s, true, nil
		case !errors.Is(err, ErrCheckpoint), errors.Is(err, errOtherFormat):
			return c, s, false, err
		}
		warn(fmt.Sprintf("%v; going back to the one before", err))
	}
	return c, s, false, fmt.Errorf("train: no checkpoint of %s is sound: start a new run: %w: %w", run, err, ErrResume)
}

// readBest reads the checkpoint of the best epoch that checkpoint c names. Damage wraps [ErrCheckpoint].
func readBest(run string, c Checkpoint) (Checkpoint, engine.State, error) {
	best, s, err := readCheckpoint(run, c.Best.Step)
	if err == nil && (best.ConfigSHA256 != c.ConfigSHA256 || best.DataSHA256 != c.DataSHA256) {
		err = fmt.Errorf("train: %s is of another run: %w", filepath.Join(run, filepath.FromSlash(checkpointDir(c.Best.Step))), ErrCheckpoint)
	}
	return best, s, err
}
