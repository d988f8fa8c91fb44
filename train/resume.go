package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/catvae/catvae/train/engine"
)

// open locks the run folder and returns the state from which an existing run continues, nil for a run that begins. A run
// that is resumed or replaced stays as it is until [run.begin].
func (r *run) open(ctx context.Context) (from *engine.State, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.began = time.Now()
	if r.options.Resume {
		if from, err = r.reopen(); r.folder != nil || err != nil {
			return from, err
		}
	}
	if err := r.resolve(nil); err != nil {
		return nil, err
	}
	if err := checkReplaceable(r.options.Out, r.options.Force); err != nil {
		return nil, err
	}
	_, err = os.Stat(r.options.Out)
	r.fresh, r.made = true, errors.Is(err, fs.ErrNotExist)
	r.folder, err = lockRunFolder(r.options.Out)
	return nil, err
}

// begin changes the folder, once nothing but steps is left to do: it makes that of a run that begins one of its own, and
// takes what lies after the checkpoint from that of a run that continues.
func (r *run) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.folder.split, r.folder.standard = r.split, r.standard
	switch {
	case r.fresh:
		r.emptied = true
		return r.folder.create(r.config, r.networks)
	case r.standing != nil:
		return r.folder.begin(r.config, r.networks)
	}
	if err := r.folder.check(); err != nil {
		return err
	}
	if err := r.folder.resumeMetrics(r.from); err != nil {
		return err
	}
	if lost := r.folder.lostBytes(); lost > 0 {
		r.options.Log(fmt.Sprintf("%s: %d of the %d bytes up to step %d are damaged or missing; the other lines are kept, and no weight depends on them",
			r.folder.path(MetricsFile), lost, r.from.MetricsBytes, r.from.Step))
	}
	if err := dropNewer(r.folder.root, r.from.Step); err != nil {
		return fmt.Errorf("train: remove a damaged checkpoint: %w", err)
	}
	if err := r.folder.writeSplit(); err != nil { // an older run has none
		return err
	}
	if !r.longer {
		return nil
	}
	return r.folder.writeConfig(r.config)
}

// reopen returns the state of the newest sound checkpoint of the existing run, or nil where there is nothing to
// continue: no folder, or a run that ended before its first checkpoint.
func (r *run) reopen() (*engine.State, error) {
	if _, err := os.Stat(filepath.Join(r.options.Out, ConfigFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	folder, err := lockRunFolder(r.options.Out)
	if err != nil {
		return nil, err
	}
	state, err := r.continued(folder)
	if r.folder == nil {
		err = errors.Join(err, folder.Close())
	}
	return state, err
}

// continued finds what a run continues from, and keeps the folder if there is something.
func (r *run) continued(folder *runFolder) (*engine.State, error) {
	old, text, err := readRunConfig(r.options.Out)
	if err != nil {
		return nil, err
	}
	folder.config = text
	c, state, found, err := newestCheckpoint(r.options.Out, old, r.options.Log)
	if err == nil && found {
		err = cmp.Or(r.resolve(&old), r.belongs(c, old), r.keepStandard(old))
	}
	switch {
	case err != nil:
		return nil, err
	case !found && (graphOf(old.Encoder) != "" || graphOf(old.Decoder) != ""): // imported: its graphs are its weights
		if err := r.resolve(nil); err != nil {
			return nil, err
		}
		r.folder, r.standing = folder, &old
		r.options.Log(fmt.Sprintf("beginning with the weights of the graphs of %s", r.options.Out))
		return nil, nil
	case !found:
		r.options.Force = true // a run without a checkpoint is worth nothing
		return nil, nil
	}
	if _, err := c.thresholdsOf(r.config.Latent); err != nil && c.Thresholds != nil {
		return nil, err
	}
	r.decided, r.decidedAt = c.Thresholds, c.Step
	r.folder, r.from, r.step, r.validated, r.best, r.lost, r.before = folder, c, c.Step, c.Validated, c.Best, c.Lost, c.Best
	r.longer = r.config.Epochs != old.Epochs || r.config.Steps != old.Steps || r.config.Patience != old.Patience
	r.result.Steps, r.result.ResumedAt = c.Step, c.Step
	r.began = time.Now().Add(-time.Duration(c.Seconds * float64(time.Second)))
	r.saved = time.Now()
	r.options.Log(fmt.Sprintf("continuing from step %d (epoch %d) of %s", c.Step, c.Epoch, r.options.Out))
	if running := r.options.engineName(); running != c.Engine {
		r.options.Log(fmt.Sprintf("the run was trained by %s so far, now by %s: the result will differ in its last bits from that of one engine", c.Engine, running))
	}
	return &state, nil
}

func (o Options) engineName() string {
	if o.Engine == Compiled {
		return fmt.Sprintf("%s on %s", o.Engine, o.Backend.Name())
	}
	return string(o.Engine)
}

// belongs reports a checkpoint of another configuration or of other data.
func (r *run) belongs(c Checkpoint, old Config) error {
	hash, err := configHash(r.config)
	if err != nil {
		return err
	}
	if hash != c.ConfigSHA256 {
		return fmt.Errorf("train: %s was started with another configuration (%s): resume with the same, or start a new run: %w: %w", r.options.Out, difference(old, r.config), ErrResume, ErrConfig)
	}
	if r.dataSHA256 != c.DataSHA256 {
		return fmt.Errorf("train: the rows of %s are not those that %s was trained on (so says its checkpoint of step %d): give the same data, or start a new run: %w: %w", r.options.Source, r.options.Out, c.Step, ErrResume, ErrConfig)
	}
	perEpoch := r.perEpoch()
	if !c.fits(perEpoch) || c.Best != nil && !c.Best.fits(c, perEpoch) || c.Lost != nil && !c.Lost.fits(c, perEpoch) {
		return fmt.Errorf("train: the checkpoint of step %d of %s contradicts itself: its epochs, of %d steps each, are not those of its steps: take it away, or start a new run: %w: %w", c.Step, r.options.Out, perEpoch, ErrCheckpoint, ErrResume)
	}
	return nil
}

// difference names the first key in which two configurations differ.
func difference(old, now Config) string {
	was := map[string]string{}
	for _, s := range settings(old.canonical()) {
		was[s.key] = s.value
	}
	for _, s := range settings(now.canonical()) {
		if was[s.key] != s.value && s.key != "epochs" && s.key != "steps" {
			return fmt.Sprintf("%s was %s and is %s", s.key, cmp.Or(was[s.key], "left out"), s.value)
		}
	}
	return "in a key that this version does not know"
}

// fits reports whether the epochs of a checkpoint are those of its steps.
func (c Checkpoint) fits(perEpoch int) bool {
	return c.Step >= 0 && c.Epoch == c.Step/perEpoch+1 && c.Position == c.Step%perEpoch && c.Validated >= 0 && c.Validated <= c.Step/perEpoch
}

// fits takes the end of a run, too, which may lie within an epoch.
func (b Best) fits(c Checkpoint, perEpoch int) bool {
	whole := b.Epoch <= c.Validated && b.Step == b.Epoch*perEpoch
	partial := b.Step <= c.Step && b.Step%perEpoch != 0 && b.Epoch == b.Step/perEpoch+1
	return b.Epoch > 0 && b.Step > 0 && (whole || partial)
}

// checkpoint saves the run's state.
func (r *run) checkpoint() error {
	if err := r.folder.check(); err != nil {
		return err
	}
	if err := r.recordSteps(); err != nil { // so that no record spans a checkpoint
		return err
	}
	metrics, err := r.folder.metricsBytes()
	if err != nil {
		return err
	}
	hash, err := configHash(r.config)
	if err != nil {
		return err
	}
	perEpoch := r.perEpoch()
	err = saveCheckpoint(r.folder.root, Checkpoint{
		Format: checkpointMajor, Step: r.step, Epoch: r.step/perEpoch + 1, Position: r.step % perEpoch,
		Seconds: time.Since(r.began).Seconds(), Engine: r.options.engineName(), Seed: r.config.Seed,
		Temperature: r.config.Temperature.At(r.step), KLWeight: r.config.Objective.At(r.step), LearningRate: r.config.Optimizer.RateAt(r.step + 1),
		ConfigSHA256: hash, DataSHA256: r.dataSHA256, InputShape: r.trained.Model.Input, MetricsBytes: metrics, Validated: r.validated, Best: r.best, Lost: r.lost,
		neighbours: r.underWay(),
		Thresholds: r.thresholdsNow(),
	}, r.engine.State(), r.before)
	r.before = r.best // of what is now the last checkpoint but one, when the next is saved
	r.saved, r.fresh = time.Now(), r.fresh && err != nil
	return err
}

// underWay returns the neighbours of an epoch that has begun and not ended.
func (r *run) underWay() neighbours {
	if r.step%r.perEpoch() == 0 {
		return neighbours{}
	}
	return r.batches.found
}

// close releases the folder. If the run saved no checkpoint, it also undoes what the run did: it removes a run that it
// began, and gives an imported run its old configuration back.
func (r *run) close() {
	defer r.folder.Close()
	steps, err := checkpointSteps(r.folder.root.FS())
	if err != nil || len(steps) > 0 || r.folder.config != nil && r.folder.check() != nil { // what is there is another's
		return
	}
	if r.standing != nil {
		if err := r.folder.writeConfig(*r.standing); err != nil {
			r.options.Log(err.Error())
		}
	}
	if r.fresh && (r.made || r.emptied) {
		r.folder.remove()
	}
}
