package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/cmd/internal/progress"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/rundir"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/train/evaluate"
)

type evalCommand struct {
	Model    string `help:"Run folder or bundle." required:"" placeholder:"RUN|BUNDLE"`
	Data     string `help:"${sources}." required:"" placeholder:"SRC"`
	Split    string `help:"Which rows: train or test." default:"test" enum:"train,test"`
	Samples  int    `help:"K of the IWAE bound." default:"100" range:"1,100000"`
	Rows     int    `help:"Most rows to use; 0 means all." default:"0" range:"0,1000000000"`
	Binarize string `help:"How grey values are binarised: ${binarizations_help}; as in training when left out." placeholder:"RULE"`
	Seed     uint64 `help:"Seed of samples and binarisation." default:"1" range:"any"`
	JSON     bool   `help:"Print one JSON object."`
	cli.Table
	cli.Backend
}

// Help is printed under the flags' list.
func (evalCommand) Help() string {
	return `Examples:

  catvae eval --model run --data mnist/ --samples 1000
  catvae eval --model run/bundle --data glyphs --json

All figures are nats a row, from hard samples of the posterior: lower bounds on ln p(x). For models of at most 1,024 codes (ten bits), the exact values are printed too.

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
	set, err := dataset.Load(ctx, c.Data, dataset.Options{
		Split: dataset.Split(c.Split), Seed: 1, Rows: c.Rows, Image: infer.Pictures(model.Manifest().Input), Values: model.Manifest().Input.Values(),
		Table: c.Table.Of(model.Manifest().Input.Columns),
	})
	if err != nil {
		return err
	}
	if want := model.Manifest().Input; set.RowSize() != want.RowSize() {
		return fmt.Errorf("%w: the rows of %s have the shape %v, the model takes %v", runtime.ErrInput, c.Data, set.Shape, want.Shape)
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
	return c.print(ctx, env, model, m, set, e)
}

func (c evalCommand) print(ctx context.Context, env cli.Env, model *runtime.Model, m evaluate.Distributions, set *dataset.Set, e evaluate.Evaluation) error {
	out := struct {
		evaluate.Evaluation
		ExactELBO *float64 `json:"exact_elbo,omitempty"`
		ExactLogP *float64 `json:"exact_log_p,omitempty"`
	}{Evaluation: e}
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
	fmt.Fprintf(env.Stdout, "rows            %d of %s (%s), binarisation %s\n", e.Rows, c.Data, c.Split, e.Binarize)
	fmt.Fprintf(env.Stdout, "-ELBO           %.3f nats, 1 hard sample\n", -e.ELBO)
	fmt.Fprintf(env.Stdout, "reconstruction  %.3f nats\n", e.Reconstruction)
	fmt.Fprintf(env.Stdout, "KL              %.3f nats\n", e.KL)
	fmt.Fprintf(env.Stdout, "-IWAE           %.3f nats, K = %d\n", -e.IWAE, e.Samples)
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
