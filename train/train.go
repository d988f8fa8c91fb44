package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"time"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/train/engine"
	"github.com/catvae/catvae/train/evaluate"
	"github.com/catvae/catvae/train/rivals"
	"gorgonia.org/tensor"
)

// recordEvery is how many steps are averaged into one line of the metrics.
const recordEvery = 50

// Run trains a model and leaves a run folder: see [ConfigFile]. A done context ends the run after the current step; the
// state is then saved as a checkpoint and exported like that of a finished run, and Result.Interrupted is set. Where no
// step was taken yet, the run ends at once with the context's error and leaves everything as it was. A run that is
// resumed with the same engine, machine type and number of threads ends with the same weights, bit for bit, as without
// a pause.
func Run(ctx context.Context, c Config, o Options) (Result, error) {
	c = c.WithTexts(o.Texts)
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	if err := checkApart(o.Out, o.Source, graphOf(c.Encoder), graphOf(c.Decoder)); err != nil {
		return Result{}, err
	}
	r := run{config: c, options: o.withDefaults(), result: Result{Run: o.Out}}
	if err := r.load(ctx); err != nil {
		return r.result, err
	}
	from, err := r.open(ctx)
	if err != nil {
		return r.result, err
	}
	defer r.close()
	if from == nil {
		if err := r.fit(ctx); err != nil {
			return r.result, err
		}
	}
	if err := r.newEngine(ctx, from); err != nil {
		return r.result, err
	}
	defer r.engine.Close()
	if err := r.begin(ctx); err != nil {
		return r.result, err
	}
	if o := r.config.Objective; r.steps() < o.KLWarmup {
		r.options.Log(fmt.Sprintf("the divergence gets its whole weight after %d steps, and the run ends after %d: give it more epochs, or set objective.kl_warmup_part to a part of the run such as 0.25", o.KLWarmup, r.steps()))
	}
	if r.result.Scale != "" {
		r.options.Log(r.result.Scale)
	}
	began := r.step
	if err := r.train(ctx); err != nil {
		return r.result, err
	}
	if ctx.Err() != nil && r.step == began {
		return r.result, ctx.Err()
	}
	r.result.Interrupted = ctx.Err() != nil
	return r.result, r.finish(context.WithoutCancel(ctx))
}

// run is a run under way.
type run struct {
	config         Config
	options        Options
	training, held *dataset.Set
	test           *dataset.Set // nil where the source has no test split
	dataSHA256     string       // of the training rows
	wholeSHA256    string       // of these and of those held out
	split          []byte       // the content of SplitFile
	standard       []byte       // the content of StandardFile, nil where there is none to write
	networks       networks     // imported, where the configuration names graphs
	trained        Trained
	folder         *runFolder
	engine         engine.Engine
	batches        *batches
	ahead          *ahead        // of the steps that are left
	waited         time.Duration // for batches, up to the last record
	result         Result
	step           int       // taken
	began          time.Time // when the run would have begun if it had made no pause
	sum            Parts     // since the last record
	summed         int
	took           time.Duration // those steps
	validated      int           // epochs
	best           *Best
	before         *Best      // when the last checkpoint was saved
	lost           *Best      // better, but its weights are lost
	from           Checkpoint // that the run continues from
	longer         bool       // than before the run was resumed
	saved          time.Time  // when the last checkpoint was, zero before the first
	made, emptied  bool       // what this run did to the folder: it was not there, or it held another run
	fresh          bool       // the folder was made by this run
	standing       *Config    // of an imported run that this one trains in place, nil elsewhere
	decided        *Thresholds
	decidedAt      int            // step of the weights that they belong to
	ground         *rivals.Ground // by which they are chosen, once it was needed
}

// load reads the data and makes the parameter set.
func (r *run) load(ctx context.Context) error {
	r.keepRules()
	set, config, err := r.config.loadSource(ctx, r.options.Source, r.options.MaxBad, r.options.HeldOutQueries > 0)
	if err != nil {
		return err
	}
	r.config, r.result.Bad = config, set.Bad()
	if text := set.Passed.String(); text != "" {
		r.options.Log(text)
	}
	if drawn := set.Len() + len(set.Bad()); drawn < set.SourceRows() {
		r.options.Log(fmt.Sprintf("%d of the %d rows are drawn by the seed, as data.rows says; no other row is looked at", drawn, set.SourceRows()))
	}
	if size := r.config.Data.ImageSize; len(size) > 0 && !slices.Equal(size, set.Shape[max(0, len(set.Shape)-2):]) {
		return fmt.Errorf("train: data.image_size is %v, the rows of %s have the shape %v: only pictures are resized: leave the key out: %w", size, r.options.Source, set.Shape, ErrConfig)
	}
	splits, err := dataset.HasSplits(r.options.Source)
	if err != nil {
		return err
	}
	if splits {
		reading := r.config.reading(dataset.Test, set.Values(), r.options.MaxBad)
		reading.Labels = r.options.Queries > 0
		r.test, err = dataset.Load(ctx, r.options.Source, reading)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a folder may hold training rows only
			return err
		}
		if err == nil {
			r.result.Bad = append(r.result.Bad, r.test.Bad()...)
		}
	}
	held := r.config.heldRows(set.Len())
	if set.Len()-held < r.config.Batch {
		return fmt.Errorf("train: %s has %d rows, %d of them held out for validation: a batch of %d does not fit: set batch or data.validation lower: %w", r.options.Source, set.Len(), held, r.config.Batch, ErrConfig)
	}
	if err := cmp.Or(r.config.checkNeighboursOf(set.Len()-held), r.config.checkSimilarityOf(set.Len()-held), r.config.checkThresholds(held)); err != nil {
		return err
	}
	training, validation := r.config.holdOut(set, held)
	r.training, r.held = set.Select(training), set
	if held > 0 {
		r.held = set.Select(validation)
	}
	if set.Columns != nil || !r.options.Resume { // a run that is resumed with an array of the same rows keeps the names that it has
		r.config.Data.Table = r.config.Data.Table.named(set)
	}
	if set.Columns != nil && r.config.Data.Table.NamesSum != "" {
		r.options.Log(fmt.Sprintf("the names of the %d columns are too long to be kept: infer and eval want tables with the same columns in the same order", len(set.Columns)))
	}
	if r.split, err = marks(set, validation); err != nil {
		return err
	}
	r.result.Scale = r.config.scaleText() + r.config.smallText(r.training)
	if r.networks, r.config, err = readNetworks("", r.config, r.config.Latent.Categories); err != nil {
		return err
	}
	r.dataSHA256, r.wholeSHA256 = r.training.Fingerprint(), set.Fingerprint()
	params, err := builder.NewParams(tensor.Float32, r.config.Seed)
	if err != nil {
		return err
	}
	r.trained = Trained{Name: filepath.Base(filepath.Clean(r.options.Out)), Config: r.config, Model: r.config.Model(set.Shape), Params: params}
	if err := r.standardise(); err != nil {
		return err
	}
	if err := r.trained.Model.Validate(); err != nil {
		return fmt.Errorf("%w: %w", err, ErrConfig)
	}
	if err := r.config.checkAugmentOf(r.training, r.trained.Model.Standard); err != nil {
		return err
	}
	if err := r.biasFromData(); err != nil {
		return err
	}
	return r.networks.check(r.trained.Model, r.options.Source)
}

// newEngine makes the engine, and restores the state from which the run continues, if it continues one.
func (r *run) newEngine(ctx context.Context, from *engine.State) error {
	t := &tracer{model: r.trained.Model, params: r.trained.Params, form: formOf(r.training, r.config), clean: r.config.Data.cleanTarget(), divisor: r.training.Values().Bytes}
	switch r.options.Engine {
	case Compiled:
		e, err := engine.Compile(ctx, r.options.Backend, t.trace, r.config.Optimizer, r.config.Batch, engine.Options{StepsPerCall: r.options.StepsPerCall})
		if err != nil {
			return err
		}
		r.engine = e
		if r.options.Verbose {
			r.options.Log(fmt.Sprintf("training step: %s", e.Model().Summary()))
		}
	case Tape:
		e, err := engine.NewTape(ctx, t.trace, r.config.Optimizer, r.config.Batch)
		if err != nil {
			return err
		}
		r.engine = e
	default:
		return fmt.Errorf("train: engine %q: use %s or %s: %w", r.options.Engine, Compiled, Tape, ErrConfig)
	}
	r.result.Engine = r.engine.Name()
	var err error
	if r.batches, err = newBatches(r.config, r.trained.Model.Standard, r.training, t.form, t.inputs); err != nil {
		return errors.Join(err, r.engine.Close())
	}
	if r.batches.near, err = r.findNear(ctx); err != nil {
		return errors.Join(err, r.engine.Close())
	}
	if from == nil {
		return nil
	}
	r.batches.found = r.from.neighbours
	if err := r.engine.Restore(*from); err != nil {
		return errors.Join(err, r.engine.Close())
	}
	return nil
}

// train takes the steps that are left.
func (r *run) train(ctx context.Context) error {
	began := r.step
	if r.steps() == 0 { // of networks that are fitted
		return r.stop()
	}
	if _, err := r.findBest(ctx); err != nil {
		return err
	}
	if r.epochEnded() && !r.measured() { // the run was stopped while it measured this epoch
		if err := r.endPart(ctx, true); err != nil {
			return err
		}
	}
	defer func() { r.ahead.close() }()
	for steps := r.steps(); r.step < steps && ctx.Err() == nil; {
		if r.epochEnded() && r.stalled() {
			r.options.Log(fmt.Sprintf("the bound on the held-out rows has not improved for %d epochs: the run ends after %d of %d steps", r.config.Patience, r.step, steps))
			return nil
		}
		if r.ahead == nil || r.step == r.ahead.until {
			if err := r.makeAhead(ctx); err != nil {
				return err
			}
			continue
		}
		if err := r.takeSteps(); err != nil {
			return err
		}
		if ended := r.epochEnded(); ended || time.Since(r.saved) > r.options.CheckpointEvery && !r.saved.IsZero() {
			if err := r.endPart(ctx, ended); err != nil {
				return err
			}
		}
		if r.saved.IsZero() {
			r.saved = time.Now() // the first interval begins with the first step
		}
	}
	if ctx.Err() != nil && r.step > began {
		return r.stop()
	}
	return nil
}

// makeAhead begins to make the batches of the steps to come: of all, or up to an epoch whose batches depend on the weights at its beginning.
func (r *run) makeAhead(ctx context.Context) error {
	r.ahead.close()
	r.waited = 0
	perCall, perEpoch, steps := r.engine.StepsPerCall(), r.perEpoch(), r.steps()
	if epoch := r.epochOf(r.step + 1); r.step%perEpoch == 0 && r.config.mines(epoch) {
		found, err := r.mine(ctx, epoch)
		if ctx.Err() != nil {
			return nil // the caller saves the checkpoint; the epoch begins again when the run continues
		}
		if err != nil {
			return err
		}
		r.batches.found = found
	}
	until := steps
	for step := (r.step/perEpoch + 1) * perEpoch; step < steps; step += perEpoch {
		if r.config.mines(r.epochOf(step + 1)) {
			until = step
			break
		}
	}
	r.ahead = newAhead(r.batches, r.step, perCall, makers(), func(step int) int {
		return min(perCall, perEpoch-step%perEpoch, until-step)
	})
	r.ahead.until = until
	return nil
}

// epochEnded reports whether an epoch ended with the last step: a whole one, or the run's last.
func (r *run) epochEnded() bool {
	return r.step > 0 && (r.step%r.perEpoch() == 0 || r.step == r.steps())
}

// measured reports whether the epoch that ended with the last step was measured.
func (r *run) measured() bool {
	if r.step%r.perEpoch() == 0 {
		return r.step/r.perEpoch() <= r.validated
	}
	return slices.ContainsFunc(r.folder.records, func(rec Record) bool { return rec.Kind == "validation" && rec.Step == r.step })
}

// takeSteps takes the steps of one call of the engine, which are of one epoch.
func (r *run) takeSteps() error {
	start := time.Now()
	batches, err := r.ahead.next()
	if err != nil {
		return err
	}
	values, err := r.engine.Step(context.Background(), batches...)
	if err != nil {
		return err
	}
	each := time.Since(start) / time.Duration(len(batches)) // all were taken by one call
	for _, v := range values {
		p := parts(v)
		r.step++
		r.took += each
		r.result.Steps = r.step
		if math.IsNaN(p.Loss) || math.IsInf(p.Loss, 0) {
			return fmt.Errorf("train: the loss is %g at step %d: set optimizer.learning_rate lower, or optimizer.clip to 100: %w", p.Loss, r.step, ErrConfig)
		}
		r.sum.Loss += p.Loss
		r.sum.Reconstruction += p.Reconstruction
		r.sum.KL += p.KL
		r.summed++
		r.options.Progress(Progress{Phase: "training", Done: r.step, Total: r.steps(), Epoch: r.epochOf(r.step), Epochs: r.epochs(), Loss: r.sum.Loss / float64(r.summed)})
		if r.summed == recordEvery {
			if err := r.recordSteps(); err != nil {
				return err
			}
		}
	}
	return nil
}

// endPart measures the epoch, if one ended, and saves the state.
func (r *run) endPart(ctx context.Context, epochEnded bool) error {
	if err := r.recordSteps(); err != nil { // before time is spent on measuring
		return err
	}
	if epochEnded {
		if err := r.validate(ctx); err != nil {
			if ctx.Err() != nil {
				return nil // the caller saves the checkpoint; the epoch is measured when the run continues
			}
			return err
		}
	}
	return r.checkpoint()
}

// recordSteps writes the average since the last record.
func (r *run) recordSteps() error {
	if r.summed == 0 {
		return nil
	}
	n := float64(r.summed)
	err := r.folder.record(Record{
		Kind: "step", Epoch: r.epochOf(r.step), Step: r.step, Seconds: time.Since(r.began).Seconds(),
		Temperature: r.config.Temperature.At(r.step - 1), KLWeight: r.config.Objective.At(r.step - 1), Rate: n * float64(r.config.Batch) / max(r.took, 1).Seconds(),
		Waiting: (r.ahead.waited - r.waited).Seconds() / max(r.took, 1).Seconds(),
		Parts:   &Parts{Loss: r.sum.Loss / n, Reconstruction: r.sum.Reconstruction / n, KL: r.sum.KL / n},
	})
	r.sum, r.summed, r.took, r.waited = Parts{}, 0, 0, r.ahead.waited
	return err
}

// validate measures the bound on the held-out rows after an epoch. If it is the best so far, the checkpoint of this step becomes
// the best.
func (r *run) validate(ctx context.Context) error {
	epoch := r.epochOf(r.step)
	if err := setParams(r.trained.Params, r.engine.State().Tensors); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if err := r.decideNow(ctx); err != nil {
		return err
	}
	e, err := r.evaluate(ctx, nil, r.held, "validation", epoch, 1)
	if err != nil {
		return err
	}
	if err := r.folder.record(r.evaluated("validation", epoch, e)); err != nil {
		return err
	}
	r.validated = r.step / r.perEpoch()
	if now := (&Best{Step: r.step, Epoch: epoch, Evaluation: e}); r.config.better(now, r.best) {
		r.best = now
	}
	if r.lost != nil && r.config.better(r.best, r.lost) {
		r.lost = nil
	}
	r.options.Progress(Progress{Phase: "validation", Done: e.Rows, Total: e.Rows, Epoch: epoch, Epochs: r.epochs(),
		Message: fmt.Sprintf("epoch %d/%d: validation %s, %d distinct codes of %d rows, %d dead bits of %d", epoch, r.epochs(), BoundText(e), e.Codes.Distinct, e.Rows, e.Codes.Dead, e.Codes.Bits)})
	return nil
}

// evaluate measures a model, or the parameters where it is nil.
func (r *run) evaluate(ctx context.Context, model *runtime.Model, set *dataset.Set, kind string, epoch, samples int) (e evaluate.Evaluation, err error) {
	if model == nil {
		if model, err = r.trained.InMemory(ctx, r.options.resting()); err != nil {
			return e, err
		}
		defer model.Close()
	}
	m, err := evaluate.DistributionsOf(model.Manifest())
	if err != nil {
		return e, err
	}
	e, err = evaluate.Estimate(ctx, model, m, set, evaluate.Options{
		Binarize: r.config.Data.Binarize, Seed: r.config.Seed, Samples: samples,
		Progress: func(done, total int) {
			r.options.Progress(Progress{Phase: kind, Done: done, Total: total, Epoch: epoch, Epochs: r.epochs()})
		},
	})
	if err == nil && (math.IsNaN(e.ELBO+e.IWAE+e.KL) || math.IsInf(e.ELBO+e.IWAE+e.KL, 0)) {
		err = fmt.Errorf("train: the bound on the %s rows is %g at step %d: set optimizer.learning_rate lower, or optimizer.clip to 100", kind, e.ELBO, r.step)
	}
	return e, err
}

func (r *run) evaluated(kind string, epoch int, e evaluate.Evaluation) Record {
	return Record{Kind: kind, Epoch: epoch, Step: r.step, Seconds: time.Since(r.began).Seconds(), Evaluation: &e}
}
