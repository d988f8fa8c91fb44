package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime"
	"gorgonia.org/tensor"
)

// Options say where a run reads and writes, and who is told.
type Options struct {
	Source   string          // see dataset.Open
	Out      string          // the run folder
	Force    bool            // replace a run that stands there
	Backend  runtime.Backend // evaluates and verifies
	Samples  int             // K of the final IWAE bound; 0 means 10
	Progress func(Progress)  // called after every step and evaluated chunk; may be nil; must not block
}

// Progress is where a run is.
type Progress struct {
	Phase   string // "training", "validation", "test" or "export"
	Done    int    // of Total: steps of the whole run, or rows of an evaluation
	Total   int
	Epoch   int // from 1
	Epochs  int
	Loss    float64 // average over the last steps; training only
	Message string  // a line worth keeping, such as an epoch's bounds; else ""
}

// A Result is what a run came to.
type Result struct {
	Run          string
	Engine       string
	BestEpoch    int
	Steps        int
	Validation   Evaluation // of the best epoch
	Test         Evaluation // on the test split, or on the validation rows where the source has no test split
	TestSplit    string     // which rows those were
	Verification export.Verification
	Interrupted  bool
}

// recordEvery is how many steps are averaged into one line of the metrics.
const recordEvery = 50

// Run trains a model and leaves a run folder: see [ConfigFile]. A done context ends the run after the step in hand; what
// was reached is then exported like a finished run, and Result.Interrupted is set.
func Run(ctx context.Context, c Config, o Options) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.Samples == 0 {
		o.Samples = 10
	}
	r := run{config: c, options: o, result: Result{Run: o.Out}}
	if err := r.load(); err != nil {
		return r.result, err
	}
	var err error
	if r.folder, err = newRunFolder(o.Out, o.Force, c); err != nil {
		return r.result, err
	}
	defer func() {
		r.folder.Close()
		if !r.saved {
			os.RemoveAll(o.Out) // it holds nothing that anybody could use
		}
	}()
	if r.engine, err = NewTape(r.trained.Model, r.trained.Params, c.Optimizer, c.Batch); err != nil {
		return r.result, err
	}
	defer r.engine.Close()
	r.result.Engine = r.engine.Name()
	if err := r.train(ctx); err != nil {
		return r.result, err
	}
	r.result.Interrupted = ctx.Err() != nil
	return r.result, r.finish(context.WithoutCancel(ctx))
}

// run is a run under way.
type run struct {
	config             Config
	options            Options
	training, held     *dataset.Set
	test               *dataset.Set // nil where the source has no test split
	trained            Trained
	folder             *runFolder
	engine             Engine
	result             Result
	step, stepsAnEpoch int
	started            time.Time
	sum                Parts // since the last record
	summed             int
	since              time.Time
	evaluated          bool
	saved              bool // some weights are on disk
}

// load reads the data and makes the parameter set.
func (r *run) load() error {
	set, err := dataset.Load(r.options.Source, dataset.Options{Split: dataset.Train, Seed: r.config.Seed})
	if err != nil {
		return err
	}
	if dataset.HasSplits(r.options.Source) {
		r.test, err = dataset.Load(r.options.Source, dataset.Options{Split: dataset.Test, Seed: r.config.Seed})
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a folder may hold training rows only
			return err
		}
	}
	held := r.config.Data.Validation
	if held < 0 {
		held = set.Len() / 6
	}
	if set.Len()-held < r.config.Batch {
		return fmt.Errorf("train: %s has %d rows, %d of them held out for validation: a batch of %d does not fit: set batch or data.validation lower: %w", r.options.Source, set.Len(), held, r.config.Batch, ErrConfig)
	}
	if held == 0 {
		r.held = set
	} else {
		r.held = set.Slice(set.Len()-held, set.Len())
	}
	r.training = set.Slice(0, set.Len()-held)
	r.stepsAnEpoch = r.training.Len() / r.config.Batch // what is left over takes part in other epochs
	params, err := builder.NewParams(tensor.Float32, r.config.Seed)
	if err != nil {
		return err
	}
	r.trained = Trained{Name: filepath.Base(filepath.Clean(r.options.Out)), Config: r.config, Model: r.config.Model(set.Shape), Params: params}
	return r.trained.Model.Validate()
}

func (r *run) train(ctx context.Context) error {
	r.started, r.since = time.Now(), time.Now()
	for epoch := 1; epoch <= r.config.Epochs && ctx.Err() == nil; epoch++ {
		order := noise.Stream{Seed: r.config.Seed, Purpose: noise.Shuffle}.Permutation(r.training.Len(), uint32(epoch))
		for i := 0; i < r.stepsAnEpoch && ctx.Err() == nil; i++ {
			if err := r.oneStep(epoch, order[i*r.config.Batch:][:r.config.Batch]); err != nil {
				return err
			}
		}
		if err := r.save(LastWeights); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := r.validate(ctx, epoch); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// oneStep trains on the rows of one batch. Temperature and weights follow the global step.
func (r *run) oneStep(epoch int, rows []int) error {
	size, width := r.training.RowSize(), r.trained.Model.Bits()
	b := Batch{
		Rows: make([]float32, len(rows)*size), Noise: make([]float32, len(rows)*width),
		Temperature: r.config.Temperature.At(r.step), KLWeight: r.config.Objective.At(r.step),
	}
	binarizer := dataset.Binarizer{Rule: r.config.Data.Binarize, Seed: r.config.Seed}
	latent := noise.Stream{Seed: r.config.Seed, Purpose: noise.Latent}
	for i, row := range rows {
		values := b.Rows[i*size:][:size]
		r.training.Row(row, values)
		if r.config.Data.Binarize != dataset.Threshold { // that one is in the graph
			binarizer.Apply(values, uint32(epoch), uint32(row))
		}
		latent.Uniform(b.Noise[i*width:][:width], uint32(r.step), uint32(i))
	}
	parts, err := r.engine.Step(b)
	if err != nil {
		return err
	}
	r.step++
	r.result.Steps = r.step
	if math.IsNaN(parts.Loss) || math.IsInf(parts.Loss, 0) {
		return fmt.Errorf("train: the loss is %g at step %d: set optimizer.learning_rate lower, or optimizer.clip to 100", parts.Loss, r.step)
	}
	r.sum.Loss += parts.Loss
	r.sum.Reconstruction += parts.Reconstruction
	r.sum.KL += parts.KL
	r.summed++
	r.options.Progress(Progress{Phase: "training", Done: r.step, Total: r.config.Epochs * r.stepsAnEpoch, Epoch: epoch, Epochs: r.config.Epochs, Loss: r.sum.Loss / float64(r.summed)})
	if r.summed == recordEvery || r.step%r.stepsAnEpoch == 0 {
		return r.recordSteps(epoch, b)
	}
	return nil
}

func (r *run) recordSteps(epoch int, b Batch) error {
	n := float64(r.summed)
	seconds := time.Since(r.since).Seconds()
	err := r.folder.record(Record{
		Kind: "step", Epoch: epoch, Step: r.step, Seconds: time.Since(r.started).Seconds(),
		Temperature: b.Temperature, KLWeight: b.KLWeight, Rate: n * float64(r.config.Batch) / seconds,
		Parts: &Parts{Loss: r.sum.Loss / n, Reconstruction: r.sum.Reconstruction / n, KL: r.sum.KL / n},
	})
	r.sum, r.summed, r.since = Parts{}, 0, time.Now()
	return err
}

// validate measures the bound on the rows held out and keeps the weights when they are the best so far.
func (r *run) validate(ctx context.Context, epoch int) error {
	e, err := r.evaluate(ctx, r.held, "validation", epoch, 1)
	if err != nil {
		return err
	}
	if !r.evaluated || e.ELBO > r.result.Validation.ELBO {
		r.evaluated, r.result.Validation, r.result.BestEpoch = true, e, epoch
		if err := r.save(BestWeights); err != nil {
			return err
		}
	}
	r.since = time.Now()
	r.options.Progress(Progress{Phase: "validation", Done: e.Rows, Total: e.Rows, Epoch: epoch, Epochs: r.config.Epochs,
		Message: fmt.Sprintf("epoch %d/%d: validation -ELBO %.2f nats (reconstruction %.2f, KL %.2f), %d active bits", epoch, r.config.Epochs, -e.ELBO, e.Reconstruction, e.KL, e.ActiveBits)})
	return nil
}

func (r *run) evaluate(ctx context.Context, set *dataset.Set, kind string, epoch, samples int) (Evaluation, error) {
	model, err := r.trained.InMemory(r.options.Backend)
	if err != nil {
		return Evaluation{}, err
	}
	defer model.Close()
	e, err := Evaluate(ctx, model, model.Manifest().Latent, set, EvaluateOptions{
		Binarize: r.config.Data.Binarize, Seed: r.config.Seed, Samples: samples,
		Progress: func(done, total int) {
			r.options.Progress(Progress{Phase: kind, Done: done, Total: total, Epoch: epoch, Epochs: r.config.Epochs})
		},
	})
	if err != nil {
		return e, err
	}
	return e, r.folder.record(Record{Kind: kind, Epoch: epoch, Step: r.step, Seconds: time.Since(r.started).Seconds(), Evaluation: &e})
}

func (r *run) save(name string) error {
	shape, err := json.Marshal(r.trained.Model.Input)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	err = SaveWeights(r.folder.path(name), r.trained.Params, map[string]string{inputKey: string(shape), "step": fmt.Sprint(r.step)})
	r.saved = r.saved || err == nil
	return err
}

// finish goes back to the best weights, exports them, measures them on the test rows and writes the report.
func (r *run) finish(ctx context.Context) error {
	if r.evaluated {
		if err := LoadWeights(r.folder.path(BestWeights), r.trained.Params); err != nil {
			return err
		}
	}
	set, split := r.test, "test split"
	if set == nil {
		set, split = r.held, "validation rows"
	}
	r.result.TestSplit = split
	var err error
	if r.result.Test, err = r.evaluate(ctx, set, "test", r.result.BestEpoch, r.options.Samples); err != nil {
		return err
	}
	r.options.Progress(Progress{Phase: "export"})
	r.result.Verification, err = r.trained.WriteBundle(ctx, r.folder.path(BundleDir), BundleOptions{
		Backend: r.options.Backend, Force: true,
		Record: map[string]any{"test": r.result.Test, "test_rows": split, "data": r.training.Source, "data_sha256": r.training.Fingerprint()},
	})
	if err != nil {
		return err
	}
	return r.writeReport(ctx, set)
}
