package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/infer"
)

// InferDescription is what infer --help says first.
var InferDescription = `Runs a bundle over rows: codes, logits, reconstructions or scores out.

  infer --model run/bundle --in t10k-images-idx3-ubyte.gz --out codes.npy
  infer --model run/bundle --in pictures/ --out codes.parquet --max-bad 0.01
  infer --model run/bundle --in 'scans/*.png' --out codes.csv --text hex
  infer --model run/bundle --in rows.npy --out codes/ --variant int8 --shard 0/4
  infer --model run/bundle --in rows.npy --out logits.npy --codes logits
  infer --model run/bundle --in new.npy --out queries.npy --codes query
  infer --model run/bundle --embedder minilm/ --in texts.csv --column description --out codes.npy
  infer --model run/bundle --in codes.npy --out images.npy --mode decode
  infer --model run/bundle --in rows.npy --out scores.csv --mode score
  infer --model run/bundle --self-test
  infer --model run/bundle --bench

A run that was stopped continues when the same command is given again. A score is one number a row, in nats: how badly the model explains the row, -ln p(row | its code) + KL(posterior || prior).

` + ExitStatus

// InferCommand is the command line of infer.
type InferCommand struct {
	Rows
	Mode      string        `help:"${modes_help}." default:"encode" enum:"${modes}"`
	Codes     string        `help:"What encode writes: ${codes_help}." default:"packed" enum:"${codes}"`
	Variant   string        `help:"Variant of the encoder: float32, one that the bundle was exported with (int8, uint8, float16), or auto for the fastest that fits device and rows. Codes of variants differ a little." default:"float32" placeholder:"NAME"`
	SelfTest  bool          `help:"First encode generated rows, and end with status 5 where their codes are not those that the bundle keeps. Without --in this is all that is done. Bundles of older versions keep none: that is said, and without --in it is status 4."`
	Bench     bool          `help:"Measure instead of writing: on random rows, or once over --in."`
	BenchTime time.Duration `help:"How long to measure on random rows." default:"5s" range:"1ms,24h"`
	JSON      bool          `help:"Print what --bench measured as one JSON object."`
	Info      VersionFlag   `name:"version" help:"Print the versions of catvae and onnxruntime."`
}

// Run is called by the command line.
func (g *InferCommand) Run(ctx context.Context, env Env) error {
	job, err := g.Job(infer.Mode(g.Mode), infer.Codes(g.Codes), g.Variant)
	if err != nil {
		return err
	}
	if g.SelfTest {
		alone := g.In == "" && !g.Bench
		err := g.Rows.selfTest(ctx, env, g.Variant)
		if errors.Is(err, bundle.ErrNoSelfTest) && !alone {
			fmt.Fprintf(env.Stderr, "warning: %v\n", err)
			err = nil
		}
		if err != nil || alone {
			return err
		}
	}
	if g.Bench {
		return g.bench(ctx, env, job)
	}
	if g.JSON {
		return fmt.Errorf("%w: --json is for --bench", ErrUsage)
	}
	return g.Infer(ctx, env, job)
}
