package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/catvae/catvae/train/engine"
)

// open locks the run folder and returns the state from which an existing run continues, nil for a run that begins. A run
// that is to be replaced stays as it is until [run.begin].
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
	if err := checkReplaceable(r.options.Out, r.options.Force); err != nil {
		return nil, err
	}
	_, err = os.Stat(r.options.Out)
	r.fresh, r.made = true, errors.Is(err, fs.ErrNotExist)
	r.folder, err = lockRunFolder(r.options.Out)
	return nil, err
}

// begin makes the folder of a run that begins one of its own, once nothing but steps is left to do.
func (r *run) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil || !r.fresh {
		return err
	}
	r.emptied = true
	return r.folder.create(r.config, r.networks)
}

// reopen returns the state of the newest sound checkpoint of the existing run, or nil where there is nothing to
// continue: no folder, or a run that ended before its first checkpoint.
func (r *run) reopen() (*engine.State, error) {
	old, err := runConfig(r.options.Out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	folder, err := lockRunFolder(r.options.Out)
	if err != nil {
		return nil, err
	}
	c, state, found, err := newestCheckpoint(r.options.Out, r.options.Log)
	if err == nil && found {
		if err = r.belongs(c, old); err == nil {
			err = errors.Join(folder.resume(c), dropNewer(r.options.Out, c.Step))
		}
	}
	if err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	switch {
	case !found && (graphOf(old.Encoder) != "" || graphOf(old.Decoder) != ""): // imported: its graphs are its weights
		r.folder, r.standing = folder, &old
		r.options.Log(fmt.Sprintf("beginning with the weights of the graphs of %s", r.options.Out))
		return nil, folder.begin(r.config, r.networks)
	case !found:
		r.options.Force = true // a run without a checkpoint is worth nothing
		return nil, folder.Close()
	}
	r.folder, r.step, r.validated, r.best = folder, c.Step, c.Validated, c.Best
	r.result.Steps, r.result.ResumedAt = c.Step, c.Step
	r.began = time.Now().Add(-time.Duration(c.Seconds * float64(time.Second)))
	r.saved = time.Now()
	r.options.Log(fmt.Sprintf("continuing from step %d (epoch %d) of %s", c.Step, c.Epoch, r.options.Out))
	if running := r.options.engineName(); running != c.Engine {
		r.options.Log(fmt.Sprintf("the run was trained by %s so far, now by %s: the result will differ in its last bits from that of one engine", c.Engine, running))
	}
	if r.config.Epochs == old.Epochs {
		return &state, nil
	}
	return &state, folder.writeConfig(r.config)
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
		return fmt.Errorf("train: the rows of %s are not those that %s was trained on: give the same data, or start a new run: %w: %w", r.options.Source, r.options.Out, ErrResume, ErrConfig)
	}
	return nil
}

// difference names the first key in which two configurations differ.
func difference(old, now Config) string {
	was := map[string]string{}
	for _, s := range settings(old) {
		was[s.key] = s.value
	}
	for _, s := range settings(now) {
		if was[s.key] != s.value && s.key != "epochs" {
			return fmt.Sprintf("%s was %s and is %s", s.key, cmp.Or(was[s.key], "left out"), s.value)
		}
	}
	return "in a key that this version does not know"
}

// checkpoint saves the run's state.
func (r *run) checkpoint() error {
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
	perEpoch := r.batches.perEpoch()
	err = saveCheckpoint(r.options.Out, Checkpoint{
		Format: checkpointMajor, Step: r.step, Epoch: r.step/perEpoch + 1, Position: r.step % perEpoch,
		Seconds: time.Since(r.began).Seconds(), Engine: r.options.engineName(), Seed: r.config.Seed,
		Temperature: r.config.Temperature.At(r.step), KLWeight: r.config.Objective.At(r.step), LearningRate: r.config.Optimizer.LearningRate,
		ConfigSHA256: hash, DataSHA256: r.dataSHA256, InputShape: r.trained.Model.Input, MetricsBytes: metrics, Validated: r.validated, Best: r.best,
	}, r.engine.State())
	r.saved, r.since, r.fresh = time.Now(), time.Now(), r.fresh && err != nil
	return err
}

// close releases the folder. If the run saved no checkpoint, it also undoes what the run did: it removes a folder that
// the run made, and gives an imported run its old configuration back.
func (r *run) close() {
	steps, err := checkpointSteps(r.options.Out)
	nothing := err == nil && len(steps) == 0
	if nothing && r.standing != nil {
		if err := r.folder.writeConfig(*r.standing); err != nil {
			r.options.Log(err.Error())
		}
	}
	r.folder.Close()
	if nothing && r.fresh && (r.made || r.emptied) {
		os.RemoveAll(r.options.Out)
	}
}
