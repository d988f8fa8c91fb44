package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/cores"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
)

// description is what --help says first.
var description = `Runs a bundle over rows as an Apache Beam pipeline: infer, spread over a runner's workers.

  infer-beam --model run/bundle --in rows.npy --out codes/
  infer-beam --model run/bundle --in rows.npy --out codes/ --part-rows 65536 --runner=universal --endpoint=127.0.0.1:8099 --environment_type=LOOPBACK --parallelism=2
  infer-beam --beam-flags

Without Beam's flags the pipeline runs in this process, on prism. The output is a folder of parts with a record next to each, the same bytes as infer writes; a run that was stopped continues when the same command is given again. On several machines model, input and output must have the same path on each.

` + cli.ExitStatus

// command is the command line: infer's flags for rows, and how they are spread. Beam's own flags are parsed before.
type command struct {
	cli.Rows
	Mode      string          `help:"${modes_help}." default:"encode" enum:"${modes}"`
	Codes     string          `help:"What encode writes: ${codes_help}." default:"packed" enum:"${codes}"`
	Variant   string          `help:"Variant of the encoder: float32, one that the bundle was exported with, or auto for the fastest that fits device and rows." default:"float32" placeholder:"NAME"`
	Strips    int             `help:"Strips to divide the parts into: ranges of consecutive parts, each made by one worker. 0 means four for each worker; workers are as many as --parallelism says, or one a core." default:"0" placeholder:"N" range:"0,1000000"`
	Metrics   bool            `help:"Print Beam's metrics on stderr, as one JSON object."`
	BeamFlags bool            `help:"Print the flags that are Beam's own."`
	Info      cli.VersionFlag `name:"version" help:"Print the versions of catvae and onnxruntime."`
}

// Run is called by the command line.
func (c *command) Run(ctx context.Context, env cli.Env) error {
	if c.BeamFlags {
		_, err := fmt.Fprint(env.Stdout, beamFlags())
		return err
	}
	job, err := c.job()
	if err != nil {
		return err
	}
	plan, err := infer.NewPlan(ctx, job)
	if err != nil {
		return err
	}
	defer plan.Close()
	if job.Variant == infer.VariantAuto {
		if c.Device == string(runtime.Auto) {
			return fmt.Errorf("%w: --variant auto with --device auto: each worker could choose differently: name one of the two", cli.ErrUsage)
		}
		plan.ChooseVariant(backend.Device(c.Device))
	}
	plan.Say = say
	release, err := plan.Prepare(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := plan.Verify(ctx); err != nil {
		return err
	}
	began := time.Now()
	result, err := execute(ctx, newConfig(plan, c.Backend, c.strips(len(plan.Blocks()))))
	if err != nil {
		return err
	}
	if c.Metrics && result != nil {
		if err := json.NewEncoder(env.Stderr).Encode(metricsOf(result)); err != nil {
			return err
		}
	}
	return c.report(ctx, env, plan, result, time.Since(began).Seconds())
}

// job returns the flags as a job whose paths mean the same in every folder.
func (c *command) job() (infer.Job, error) {
	job, err := c.Job(infer.Mode(c.Mode), infer.Codes(c.Codes), c.Variant)
	if err != nil {
		return job, err
	}
	switch {
	case c.In == "-":
		return job, fmt.Errorf("%w: --in -: workers cannot read this process's standard input: write it to a file first", cli.ErrUsage)
	case job.Out != "" && !job.Folder():
		return job, fmt.Errorf("%w: --out %s: the output is a folder of parts: end it with a slash", cli.ErrUsage, job.Out)
	case *jobopts.Async:
		return job, fmt.Errorf("%w: --async: the parts are checked when the pipeline is done", cli.ErrUsage)
	}
	job.Callers = c.Callers // 0 is the worker's choice, which knows its cores
	for _, path := range []*string{&job.Model, &job.In, &job.Out} {
		if *path == "" || *path == dataset.GlyphsSource {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return job, err
		}
		if path == &job.Out {
			absolute += string(filepath.Separator)
		}
		*path = absolute
	}
	return job, nil
}

// strips returns how many strips the parts are divided into. That is more than the workers, since a runner spreads keys
// by their hashes: with as many strips as workers some would stay idle.
func (c *command) strips(parts int) int {
	n := c.Strips
	if n == 0 {
		workers := *jobopts.Parallelism
		if workers < 1 {
			workers = cores.Count()
		}
		n = 4 * workers
	}
	return min(n, parts)
}

// report checks that every part of the plan has its record, whatever the runner says, and prints the run's result.
func (c *command) report(ctx context.Context, env cli.Env, plan *infer.Plan, result beam.PipelineResult, seconds float64) error {
	if err := plan.Agree(ctx, true); err != nil { // workers may have had another library, or another file under the same name
		return err
	}
	rows, bad := 0, 0
	for _, b := range plan.Blocks() {
		r, err := readRecord(plan, b)
		if err != nil {
			return err
		}
		rows += r.Rows
		bad += r.Bad
	}
	parts := len(plan.Blocks())
	line := fmt.Sprintf("%s: %d rows of %s to %s in %.2f s, %.0f rows/s, %d parts, %s", plan.Job.Mode, rows, plan.Job.In, plan.Job.Out, seconds, float64(rows)/seconds, parts, plan.Job.Variant)
	if skipped := counted(result, partsSkipped); skipped > 0 {
		line += fmt.Sprintf("; %d of %d parts existed already", skipped, parts)
	}
	fmt.Fprintln(env.Stderr, line)
	if most := dataset.Tolerated(plan.Job.MaxBad, rows); bad > most { // each process counts its own
		return fmt.Errorf("%w: %d of %d rows are bad, --max-bad tolerates %d", dataset.ErrData, bad, rows, most)
	}
	if bad > 0 {
		return fmt.Errorf("%w: %d rows are bad and zeros in the output: %s names them", infer.ErrPart, bad, filepath.Join(plan.Job.Out, "part-*.bad.jsonl"))
	}
	return nil
}

// readRecord returns the record of a block's part, and fails where either is missing or belongs to another job.
func readRecord(plan *infer.Plan, b infer.Block) (infer.Record, error) {
	r, ok, err := plan.Record(b)
	switch {
	case err != nil:
		return r, err
	case !ok:
		return r, fmt.Errorf("part %d of %d has no record in %s: is that folder shared by all workers?", b.Part, b.Parts, plan.Job.Out)
	}
	info, err := os.Stat(filepath.Join(plan.Job.Out, r.File))
	switch {
	case err != nil:
		return r, err
	case !info.IsDir() && info.Size() != r.Size:
		return r, fmt.Errorf("%s has %d bytes, its record says %d", filepath.Join(plan.Job.Out, r.File), info.Size(), r.Size)
	}
	return r, nil
}

// code is [cli.Code] with the codes of errors that have come through a runner.
func code(err error) int {
	var f *failure
	if errors.As(err, &f) {
		return f.Code
	}
	return cli.Code(err)
}
