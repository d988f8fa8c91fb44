package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

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
)

type evalCommand struct {
	Model    string  `help:"Run folder or bundle." required:"" placeholder:"RUN|BUNDLE"`
	Data     string  `help:"${sources}." required:"" placeholder:"SRC"`
	Split    string  `help:"Which rows of MNIST's folder or of glyphs: train or test; test where it is left out. Of the source that the run was trained on: train are the rows trained on, test those that it held out." default:"" enum:",train,test" placeholder:"train|test"`
	Samples  int     `help:"K of the IWAE bound." default:"100" range:"1,100000"`
	Rows     int     `help:"Most rows to use; 0 means all." default:"0" range:"0,1000000000"`
	Binarize string  `help:"How grey values are binarised: ${binarizations_help}; as in training when left out." placeholder:"RULE"`
	Seed     uint64  `help:"Seed of samples and binarisation." default:"1" range:"any"`
	Divide   float64 `help:"Divide numbers by this; 0 divides as the bundle's manifest says." default:"0" placeholder:"N" range:"0,1e38"`
	JSON     bool    `help:"Print one JSON object."`
	badRows
	cli.Table
	cli.Backend
}

// Help is printed under the flags' list.
func (evalCommand) Help() string {
	return `Examples:

  catvae eval --model run --data mnist/ --samples 1000
  catvae eval --model run/bundle --data glyphs --json

Of the file or folder that a run was trained on, the rows are those that it held out; of any other, all of them. The first line says which they are.

All figures are nats a row, from hard samples of the posterior: lower bounds on ln p(x). Of likelihoods of whole numbers, such as bytes and counts, they are given in bits a dimension, too. For models of at most 1,024 codes (ten bits), the exact values are printed too.

` + cli.ExitStatus
}

func (c evalCommand) Run(ctx context.Context, env cli.Env) error {
	backend, err := c.Backend.Open(ctx, env, false)
	if err != nil {
		return err
	}
	model, err := openModel(ctx, c.Model, backend)
	if err != nil {
		return err
	}
	defer model.Close()
	set, which, err := c.rows(ctx, model.Manifest().Input, train.RunOf(rundir.BundleOf(c.Model)))
	if err != nil {
		return withBadHint(infer.WithDivideHint(err))
	}
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
	if err := c.print(ctx, env, model, m, set, which, e); err != nil {
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

// rows returns the rows to measure, and which they are: a split, where the source has some; where it is what the run was trained on,
// the rows that the run held out; else all of them. run is "" where nobody knows it.
func (c evalCommand) rows(ctx context.Context, in bundle.Input, run string) (set *dataset.Set, which string, err error) {
	o := dataset.Options{Split: dataset.Split(c.Split), Seed: 1, Rows: c.Rows, Image: infer.Pictures(in), Values: infer.ValuesOf(in, c.Divide), Shape: infer.RowShape(in), MaxBad: c.MaxBad, Table: infer.LikeTrained(c.Table.Table(), in)}
	splits, err := dataset.HasSplits(c.Data)
	if err != nil {
		return nil, "", err
	}
	if splits && c.Split == "" {
		o.Split = dataset.Test
	}
	if !splits && run != "" {
		o.Rows = 0 // to know the source
		ratio, err := train.BadRows(run)
		if err != nil {
			return nil, "", err
		}
		o.MaxBad = max(o.MaxBad, ratio)
	}
	if set, err = dataset.Load(ctx, c.Data, o); err != nil {
		return nil, "", err
	}
	if set.RowSize() != in.RowSize() || len(set.Shape) == 3 && len(in.Shape) == 3 && !slices.Equal(set.Shape, o.Shape) {
		return nil, "", fmt.Errorf("%w: the rows of %s have the shape %v, the model takes %v", runtime.ErrInput, c.Data, set.Shape, in.Shape)
	}
	if splits {
		return set, string(o.Split), nil
	}
	which = rowsAll
	if run != "" {
		s, own, err := train.SplitOf(run, set)
		if err != nil {
			return nil, "", err
		}
		if own && (c.Split == string(dataset.Train) || s.HeldOut == nil) {
			set, which = s.Training, rowsTrained
		} else if own {
			set, which = s.HeldOut, rowsHeldOut
		}
	}
	if c.Rows > 0 && c.Rows < set.Len() {
		set = set.Slice(0, c.Rows)
	}
	return set, which, nil
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

func (c evalCommand) print(ctx context.Context, env cli.Env, model *runtime.Model, m evaluate.Distributions, set *dataset.Set, which string, e evaluate.Evaluation) error {
	out := struct {
		evaluate.Evaluation
		RowsOf    string   `json:"rows_of"` // "test", "train", or one of those above
		ExactELBO *float64 `json:"exact_elbo,omitempty"`
		ExactLogP *float64 `json:"exact_log_p,omitempty"`
	}{Evaluation: e, RowsOf: which}
	if m.Latent.Count(evaluate.MaxExactCodes) <= evaluate.MaxExactCodes {
		elbo, logP, err := evaluate.Exact(ctx, model, m, set, dataset.Binarizer{Rule: dataset.Binarization(e.Binarize), Seed: c.Seed})
		if err != nil {
			return err
		}
		out.ExactELBO, out.ExactLogP = &elbo, &logP
	}
	if c.JSON {
		return json.NewEncoder(env.Stdout).Encode(out)
	}
	fmt.Fprintf(env.Stdout, "rows            %d of %s %s, binarisation %s\n", e.Rows, c.Data, c.whichText(which), e.Binarize)
	fmt.Fprintf(env.Stdout, "-ELBO           %.3f nats, 1 hard sample\n", -e.ELBO)
	fmt.Fprintf(env.Stdout, "reconstruction  %.3f nats\n", e.Reconstruction)
	fmt.Fprintf(env.Stdout, "KL              %.3f nats\n", e.KL)
	fmt.Fprintf(env.Stdout, "-IWAE           %.3f nats, K = %d\n", -e.IWAE, e.Samples)
	if d := e.PerDimension; d != nil {
		fmt.Fprintf(env.Stdout, "bits a %-9s %.4f by the -ELBO, %.4f by the -IWAE\n", d.Of, d.ELBO, d.IWAE)
	}
	fmt.Fprintf(env.Stdout, "hard codes      %v\n", e.Codes)
	if out.ExactELBO != nil {
		fmt.Fprintf(env.Stdout, "exact -ELBO     %.3f nats\nexact -ln p(x)  %.3f nats\n", -*out.ExactELBO, -*out.ExactLogP)
	}
	return nil
}

// openModel opens a bundle, or the bundle of a run.
func openModel(ctx context.Context, path string, backend backend.Backend) (*runtime.Model, error) {
	return runtime.Open(ctx, rundir.BundleOf(path), runtime.WithBackend(backend))
}
