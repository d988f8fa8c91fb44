package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/cmd/internal/progress"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/rundir"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/evaluate"
	"github.com/catvae/catvae/train/rivals"
)

type evalCommand struct {
	Model    string   `help:"Run folder or bundle." required:"" placeholder:"RUN|BUNDLE"`
	Data     string   `help:"${sources}." required:"" placeholder:"SRC"`
	Split    string   `help:"Which rows of MNIST's folder or of glyphs: train or test; test where it is left out. Of the source that the run was trained on: train are the rows trained on, test those that it held out." default:"" enum:",train,test" placeholder:"train|test"`
	Samples  int      `help:"K of the IWAE bound." default:"100" range:"1,100000"`
	Rows     int      `help:"Most rows to use; 0 means all." default:"0" range:"0,1000000000"`
	Binarize string   `help:"How grey values are binarised: ${binarizations_help}; as in training when left out." placeholder:"RULE"`
	Seed     uint64   `help:"Seed of samples and binarisation." default:"1" range:"any"`
	Divide   float64  `help:"Divide numbers by this; 0 divides as the bundle's manifest says." default:"0" placeholder:"N" range:"0,1e38"`
	JSON     bool     `help:"Print one JSON object."`
	Bits     bool     `help:"Print a line for each bit, and the pairs of bits with the largest correlations; with --json, add them."`
	Changed  repeated `help:"Measure how changed rows find their originals, and no bounds: rows of this source search all rows of --data for the one of the same name. A folder of folders is one change for each of them; may be repeated." placeholder:"SRC"`
	retrievalFlags
	badRows
	cli.Table
	textFlags
	cli.Backend

	texts *train.Texts // once the embedder is loaded; nil where rows are numbers
}

// Help is printed under the flags' list.
func (evalCommand) Help() string {
	return `Examples:

  catvae eval --model run --data mnist/ --samples 1000
  catvae eval --model run/bundle --data glyphs --json
  catvae eval --model run --data texts.csv --column description --embedder minilm/
  catvae eval --model run --data mnist/ --queries 2000 --rivals itq,pca
  catvae eval --model run --data mnist/ --queries 1000 --query-rows each-random --against splits
  catvae eval --model run --data originals/ --changed cropped/ --changed as-jpeg/
  catvae eval --model run --data originals/ --changed queries/ --json

Of the file or folder that a run was trained on, the rows are those that it held out; of any other, all of them. The first line says which they are.

All figures are nats a row, from hard samples of the posterior: lower bounds on ln p(x). Of likelihoods of whole numbers, such as bytes and counts, they are given in bits a dimension, too. Of a model that predicts a part y of a row from the rest x (data.predict) they are bounds on ln p(y|x), of 1 and of --samples codes drawn from p(z|x). For models of at most 1,024 codes (ten bits), the exact values are printed too.

What the codes find is printed beside what codes of the same size find that need no training: random hyperplanes, PCA, ITQ, and of pictures perceptual hashes. By labels, where the rows have some: precision, mean average precision and the accuracy of the nearest neighbours; and without: the recall of the nearest rows of floats. The protocol is printed with the figures, and docs/retrieval.md has the formulas. Figures by different protocols do not compare.

With --changed nothing of this is measured, but how near duplicates are found: pictures that were cropped, packed or turned, under the name of the original. It prints the share of changed rows whose original comes first (recall@1), for each change, and micro-AP of all changes together, beside the same rivals. docs/retrieval.md has what they mean.

` + cli.ExitStatus
}

func (c evalCommand) Run(ctx context.Context, env cli.Env) (err error) {
	backend, err := c.Backend.Open(ctx, env, false)
	if err != nil {
		return err
	}
	model, err := openModel(ctx, c.Model, backend)
	if err != nil {
		return err
	}
	defer model.Close()
	texts, closeTexts, err := c.textFlags.open(ctx, backend, c.Model, env.Stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeTexts()) }()
	c.texts = texts
	if len(c.Changed.list) > 0 {
		return c.originals(ctx, env, model)
	}
	measured, err := c.rows(ctx, model.Manifest().Input, train.RunOf(rundir.BundleOf(c.Model)))
	if err != nil {
		return withBadHint(infer.WithDivideHint(err))
	}
	set := measured.set
	if c.Binarize == "" {
		c.Binarize = model.Manifest().Input.Seen
	}
	rule, err := dataset.ParseBinarization(c.Binarize)
	if err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	bar := progress.New(env.Stderr, set.Len(), "evaluating")
	m, err := evaluate.DistributionsOf(model.Manifest())
	if err != nil {
		return err
	}
	e, err := evaluate.Estimate(ctx, model, m, set, evaluate.Options{
		Binarize: rule, Seed: c.Seed, Samples: c.Samples, Progress: func(done, _ int) { bar.Set(done, "") },
	})
	bar.Done("")
	if err != nil {
		return err
	}
	printWarnings(env.Stderr, e.Warnings(m.Latent))
	found, err := c.compare(ctx, env, model, m, measured)
	if err != nil {
		return err
	}
	if err := c.print(ctx, env, model, m, measured, e, found); err != nil {
		return err
	}
	return passedOver(env.Stderr, c.Data, set.Bad())
}

// These say which rows of a source were used.
const (
	rowsHeldOut = "held out"
	rowsTrained = "trained on"
	rowsAll     = "all"
)

// measuredRows are the rows of a source that are measured.
type measuredRows struct {
	set   *dataset.Set
	which string       // which they are
	apart *dataset.Set // those trained on, nil where they are not known or are measured themselves
	other *dataset.Set // the source's other split, nil where there is none or nobody asks
}

// rows returns the rows to measure: a split, where the source has some; where it is what the run was trained on, the rows that the run
// held out; else all of them. run is "" where nobody knows it.
func (c evalCommand) rows(ctx context.Context, in bundle.Input, run string) (r measuredRows, err error) {
	o := c.reading(in)
	splits, err := dataset.HasSplits(c.Data)
	if err != nil {
		return r, err
	}
	if splits && c.Split == "" {
		o.Split = dataset.Test
	}
	if !splits && run != "" {
		o.Rows = 0 // to know the source
		ratio, err := train.BadRows(run)
		if err != nil {
			return r, err
		}
		o.MaxBad = max(o.MaxBad, ratio)
		if o.Draw, o.Seed, err = train.Drawn(run); err != nil {
			return r, err
		}
	}
	if r.set, err = dataset.Load(ctx, c.Data, o); err != nil {
		return r, err
	}
	if err := takes(in, r.set); err != nil {
		return r, err
	}
	if splits {
		r.which = string(o.Split)
		return r, c.otherSplit(ctx, in, o.Split, &r)
	}
	r.which = rowsAll
	if run != "" {
		s, own, err := train.SplitOf(run, r.set)
		if err != nil {
			return r, err
		}
		if own && (c.Split == string(dataset.Train) || s.HeldOut == nil) {
			r.set, r.which = s.Training, rowsTrained
		} else if own {
			r.set, r.which, r.apart = s.HeldOut, rowsHeldOut, s.Training
		}
	}
	if c.Rows > 0 && c.Rows < r.set.Len() {
		r.set = r.set.Slice(0, c.Rows)
	}
	return r, nil
}

// takes reports rows that are not of the model's shape.
func takes(in bundle.Input, set *dataset.Set) error {
	shape := in.RowShape()
	if set.RowSize() != in.RowSize() || len(set.Shape) == 3 && len(shape) == 3 && !slices.Equal(set.Shape, shape) {
		return fmt.Errorf("%w: the rows of %s have the shape %v, the model takes %v", runtime.ErrInput, set.Source, set.Shape, in.Shape)
	}
	return nil
}

// reading says how the source is read.
func (c evalCommand) reading(in bundle.Input) dataset.Options {
	return dataset.Options{
		Split: dataset.Split(c.Split), Seed: 1, Texts: c.texts.Dataset(), Rows: c.Rows, Image: infer.Pictures(in), Values: infer.ValuesOf(in, c.Divide), Shape: in.RowShape(),
		MaxBad: c.MaxBad, Table: infer.LikeTrained(c.Table.Table(), in), Labels: true, Check: in.Standard.Dist().CheckRow,
	}
}

// whichText says to people which rows were used.
func (c evalCommand) whichText(which string) string {
	switch which {
	case rowsHeldOut:
		return "that the run held out"
	case rowsTrained:
		return "that the run was trained on"
	case rowsAll:
		return "(it has no splits, and is not known to be what the run was trained on)"
	}
	return "(" + which + ")"
}

func (c evalCommand) print(ctx context.Context, env cli.Env, model *runtime.Model, m evaluate.Distributions, r measuredRows, e evaluate.Evaluation, found *rivals.Comparison) error {
	out := struct {
		evaluate.Evaluation
		RowsOf    string             `json:"rows_of"` // "test", "train", or one of those above
		ExactELBO *float64           `json:"exact_elbo,omitempty"`
		ExactLogP *float64           `json:"exact_log_p,omitempty"`
		BitUse    evaluate.BitUse    `json:"bits"`
		Retrieval *rivals.Comparison `json:"retrieval,omitempty"`
	}{Evaluation: e, RowsOf: r.which, Retrieval: found}
	use, err := evaluate.Bits(ctx, model, e, r.set)
	if err != nil {
		return err
	}
	use.Hint = e.Hint(m.Latent, setIn(model.Manifest().Model))
	out.BitUse = use
	if !c.Bits {
		out.BitUse.Each = nil
	}
	if m.Latent.Count(evaluate.MaxExactCodes) <= evaluate.MaxExactCodes {
		elbo, logP, err := evaluate.Exact(ctx, model, m, r.set, dataset.Binarizer{Rule: dataset.Binarization(e.Binarize), Seed: c.Seed})
		if err != nil {
			return err
		}
		out.ExactELBO, out.ExactLogP = &elbo, &logP
	}
	if c.JSON {
		return json.NewEncoder(env.Stdout).Encode(out)
	}
	fmt.Fprintf(env.Stdout, "rows            %d of %s %s, binarisation %s\n", e.Rows, c.Data, c.whichText(r.which), e.Binarize)
	exact := "exact -ELBO     %.3f nats\nexact -ln p(x)  %.3f nats\n"
	if p := model.Manifest().Predicted; p != nil {
		fmt.Fprintf(env.Stdout, "y given x       y the last %d lines of a row, x those before\n", p.Lines)
		fmt.Fprintf(env.Stdout, "-ln p(y|x)      %.3f nats, bound of 1 hard sample\n", -e.ELBO)
		fmt.Fprintf(env.Stdout, "-ln p(y|x)      %.3f nats, bound of K = %d\n", -e.IWAE, e.Samples)
		exact = "exact -ELBO     %.3f nats\nexact -ln p(y|x) %.3f nats\n"
	} else {
		fmt.Fprintf(env.Stdout, "-ELBO           %.3f nats, 1 hard sample\n", -e.ELBO)
		fmt.Fprintf(env.Stdout, "reconstruction  %.3f nats\n", e.Reconstruction)
		fmt.Fprintf(env.Stdout, "KL              %.3f nats\n", e.KL)
		fmt.Fprintf(env.Stdout, "-IWAE           %.3f nats, K = %d\n", -e.IWAE, e.Samples)
	}
	if d := e.PerDimension; d != nil {
		fmt.Fprintf(env.Stdout, "bits a %-9s %.4f by the -ELBO, %.4f by the -IWAE\n", d.Of, d.ELBO, d.IWAE)
	}
	fmt.Fprintf(env.Stdout, "hard codes      %v\n", e.Codes)
	fmt.Fprintf(env.Stdout, "                %s\n", use.Summary())
	if use.Hint != "" {
		fmt.Fprintf(env.Stdout, "hint            %s\n", use.Hint)
	}
	if out.ExactELBO != nil {
		fmt.Fprintf(env.Stdout, exact, -*out.ExactELBO, -*out.ExactLogP)
	}
	if found != nil {
		fmt.Fprint(env.Stdout, found)
	}
	if c.Bits {
		fmt.Fprint(env.Stdout, use)
	}
	return nil
}

// setIn returns a function that reports the keys of latent variables that a manifest's configuration sets.
func setIn(model json.RawMessage) func(key string) bool {
	var c struct {
		Latent map[string]any `json:"latent"`
	}
	err := json.Unmarshal(model, &c) // of any program: a hint needs no more
	return func(key string) bool {
		name, ok := strings.CutPrefix(key, "latent.")
		value := c.Latent[name]
		return err == nil && ok && value != nil && value != builder.NormNone && value != builder.ThresholdsZero
	}
}

// openModel opens a bundle, or the bundle of a run.
func openModel(ctx context.Context, path string, backend backend.Backend) (*runtime.Model, error) {
	return runtime.Open(ctx, rundir.BundleOf(path), runtime.WithBackend(backend))
}
