package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/bundle/writer"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/train/engine"
)

// finish goes back to the best weights, exports them, measures them on the test rows and writes the report.
func (r *run) finish(ctx context.Context) error {
	if err := r.folder.check(); err != nil {
		return err
	}
	best, err := r.findBest(ctx)
	if err != nil {
		return err
	}
	if r.best != nil {
		r.result.BestEpoch, r.result.Validation = r.best.Epoch, r.best.Evaluation
	}
	if r.lost != nil {
		r.result.LostEpoch = r.lost.Epoch
	}
	set, split := r.test, "test split"
	if set == nil {
		set, split = r.held, "held-out rows"
		if r.held.Len() == r.training.Len() && r.config.heldRows(r.held.Len()) == 0 {
			split = "rows trained on, since none were held out"
		}
	}
	r.result.TestSplit, r.result.Shape = split, set.Shape
	if best.standing != nil {
		defer best.standing.Close()
	} else if err := r.take(ctx, best); err != nil {
		return err
	}
	r.trained.warnings = r.trained.warningsOf(r.step, r.best)
	r.result.Warnings = r.trained.warnings
	if r.result.Test, err = r.evaluate(ctx, best.standing, set, "test", r.result.BestEpoch, r.options.Samples); err != nil {
		return err
	}
	r.result.Hint = r.hint()
	rec := r.evaluated("test", r.result.BestEpoch, r.result.Test)
	rec.Interrupted = r.result.Interrupted
	if err := r.folder.record(rec); err != nil {
		return err
	}
	model, manifest := best.standing, []byte(nil)
	if model == nil {
		if model, manifest, err = r.export(ctx); err != nil {
			return err
		}
		defer model.Close()
	} else {
		if r.result.Verification, err = readVerification(r.options.Out); err != nil {
			return err
		}
		r.result.Thresholds, _ = r.result.Verification.Record[thresholdsRecord].(string)
	}
	if err := r.findings(ctx, model, set); err != nil {
		return err
	}
	if err := r.writeReport(ctx, model, set); err != nil {
		return err
	}
	return r.checkBundle(manifest)
}

// take gives the model the best weights, with their thresholds.
func (r *run) take(ctx context.Context, best bestWeights) (err error) {
	if err := setParams(r.trained.Params, best.state.Tensors); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	t := best.thresholds
	if t == nil {
		t, err = r.decide(ctx)
	}
	r.trained.Thresholds = t.of()
	if r.result.Thresholds = t.String(); t != nil {
		r.options.Log("latent.thresholds: " + r.result.Thresholds)
	}
	return err
}

// bestWeights are those of the best epoch, or the newest where no epoch ended: a state, or the bundle that has them.
type bestWeights struct {
	state      engine.State
	thresholds *Thresholds    // nil where they have to be found yet, or the configuration asks for none
	standing   *runtime.Model // of the run's bundle, nil where the state is known
}

// findBest returns the weights of the best epoch. Where its checkpoint is damaged and the run's bundle does not hold them
// either, they are lost: then the newest weights are the best, measured again, if an epoch ended with them. An epoch whose
// weights are lost is never r.best.
func (r *run) findBest(ctx context.Context) (bestWeights, error) {
	state := r.engine.State()
	if r.best == nil || r.best.Step == r.step {
		return bestWeights{state: state, thresholds: r.thresholdsNow()}, nil
	}
	hash, err := configHash(r.config)
	if err != nil {
		return bestWeights{}, err
	}
	of, best, err := readBest(r.options.Out, Checkpoint{ConfigSHA256: hash, DataSHA256: r.dataSHA256, Best: r.best})
	if err == nil {
		_, err = of.thresholdsOf(r.config.Latent)
	}
	if err == nil || !errors.Is(err, ErrCheckpoint) {
		return bestWeights{state: best, thresholds: of.Thresholds}, err
	}
	damage := err
	switch standing, err := r.standingBundle(ctx, hash); {
	case err != nil:
		return bestWeights{}, err
	case standing != nil:
		r.options.Log(fmt.Sprintf("%v; %s holds the weights of that epoch, %d, and is kept", damage, r.folder.path(BundleDir), r.best.Epoch))
		return bestWeights{standing: standing}, nil
	}
	r.options.Log(fmt.Sprintf("%v: the weights of the best epoch, %d, are lost; the newest, of step %d, take their place", damage, r.best.Epoch, r.step))
	if r.config.better(r.best, r.lost) {
		r.lost = r.best
	}
	r.best = nil
	epoch, position := r.step/r.perEpoch(), r.step%r.perEpoch()
	if position != 0 || epoch > r.validated {
		return bestWeights{state: state, thresholds: r.thresholdsNow()}, nil
	}
	if err := setParams(r.trained.Params, state.Tensors); err != nil {
		return bestWeights{}, fmt.Errorf("train: %w", err)
	}
	if err := r.decideNow(ctx); err != nil {
		return bestWeights{}, err
	}
	e, err := r.evaluate(ctx, nil, r.held, "validation", epoch, 1)
	if err != nil {
		return bestWeights{}, err
	}
	r.best = &Best{Step: r.step, Epoch: epoch, Evaluation: e}
	return bestWeights{state: state, thresholds: r.thresholdsNow()}, nil
}

// standingBundle opens the run's bundle if it is sound and its record says that it holds the weights of the best epoch. It
// returns nil if not.
func (r *run) standingBundle(ctx context.Context, hash string) (*runtime.Model, error) {
	wrong := func(err error) bool {
		return errors.Is(err, fs.ErrNotExist) || errors.Is(err, bundle.ErrBad) || !readfile.System(err)
	}
	v, err := readVerification(r.options.Out)
	if err != nil && !wrong(err) {
		return nil, err
	}
	is := func(key string, want any) bool { return err == nil && v.Record[key] == want }
	if !is(configRecord, hash) || !is(dataRecord, r.dataSHA256) || !is(epochRecord, float64(r.best.Epoch)) || !is(stepRecord, float64(r.best.Step)) {
		return nil, nil
	}
	b, err := bundle.Open(r.folder.path(BundleDir))
	if err == nil {
		err = b.Verify()
	}
	switch {
	case err == nil:
		return runtime.Open(ctx, b.Dir, runtime.WithBackend(r.options.resting()))
	case wrong(err):
		return nil, nil
	}
	return nil, err
}

// export writes the bundle. It returns the model that was written, opened, and the content of its manifest.
func (r *run) export(ctx context.Context) (*runtime.Model, []byte, error) {
	r.options.Progress(Progress{Phase: "export"})
	hash, err := configHash(r.config)
	if err != nil {
		return nil, nil, err
	}
	step := r.step
	if r.best != nil {
		step = r.best.Step
	}
	record := map[string]any{
		"test": r.result.Test, "test_rows": r.result.TestSplit, "data": r.training.Source, dataRecord: r.dataSHA256, wholeRecord: r.wholeSHA256, sourceRecord: r.options.Source,
		configRecord: hash, epochRecord: r.result.BestEpoch, stepRecord: step,
	}
	if r.lost != nil {
		record[lostRecord] = r.lost
	}
	if r.result.Thresholds != "" {
		record[thresholdsRecord] = r.result.Thresholds
	}
	m, err := r.trained.manifest()
	if err != nil {
		return nil, nil, err
	}
	made, err := writer.Make(ctx, m, r.trained.graphs(), writer.Options{Backend: r.options.resting(), Record: record})
	if err != nil {
		return nil, nil, err
	}
	if err := r.folder.check(); err != nil {
		return nil, nil, err
	}
	if err := atomicfile.FilesIn(r.folder.root, BundleDir, made.Files); err != nil {
		return nil, nil, fmt.Errorf("train: %w", err)
	}
	r.result.Verification = made.Verification
	model, err := runtime.New(ctx, &made.Manifest, made.Files, runtime.WithBackend(r.options.resting()))
	return model, made.Files[bundle.ManifestFile], err
}

// checkBundle reports a folder or a bundle that another process has replaced since this run wrote them.
func (r *run) checkBundle(manifest []byte) error {
	if err := r.folder.check(); err != nil {
		return err
	}
	if manifest == nil {
		return nil
	}
	now, err := readfile.Bytes(r.folder.path(BundleDir+"/"+bundle.ManifestFile), int64(len(manifest)))
	switch {
	case err != nil && readfile.System(err) && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("train: %w", err)
	case !bytes.Equal(now, manifest):
		return fmt.Errorf("train: %s is not the bundle that this run wrote: another process removed or replaced it: %w: resume the run to write it again", r.folder.path(BundleDir), ErrReplaced)
	}
	return nil
}
