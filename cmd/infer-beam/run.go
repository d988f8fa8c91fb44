package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/exec/optimized" // calls of common signatures without reflection
	beamlog "github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	beamrunners "github.com/apache/beam/sdks/v2/go/pkg/beam/runners"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/flink"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/spark"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal"
	"github.com/catvae/catvae/cmd/internal/cli"
)

// prismRunner runs in this process where no endpoint is named.
const prismRunner = "prism"

// runners holds what --runner may say. All but prism submit to the job service at --endpoint.
var runners = map[string]func(context.Context, *beam.Pipeline) (beam.PipelineResult, error){
	prismRunner: prism.Execute, "universal": universal.Execute, "flink": flink.Execute, "spark": spark.Execute,
}

// execute runs the pipeline on the runner that Beam's flags name. A worker's error comes back as a [failure].
func execute(ctx context.Context, c Config) (beam.PipelineResult, error) {
	if c.Parts == 0 {
		return nil, nil // runners differ in how they treat an empty pipeline
	}
	run, err := runnerOf(*beamrunners.Runner)
	if err != nil {
		return nil, err
	}
	tidy, err := ownTemp()
	if err != nil {
		return nil, err
	}
	defer tidy()
	interrupted = ctx
	defer making.Wait()
	result, err := run(ctx, build(c))
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, found(err)
	}
	return result, nil
}

// runnerOf returns a runner by its name, prism where there is none, and sets what Beam's flags leave open.
func runnerOf(name string) (func(context.Context, *beam.Pipeline) (beam.PipelineResult, error), error) {
	if name == "" {
		name = prismRunner
	}
	run := runners[name]
	switch {
	case run == nil:
		return nil, fmt.Errorf("%w: --runner %s: use %s", cli.ErrUsage, name, strings.Join(slices.Sorted(maps.Keys(runners)), ", "))
	case name == prismRunner || jobopts.IsLoopback() && *jobopts.Endpoint != "" || *jobopts.WorkerBinary != "" && *jobopts.Endpoint != "":
		return run, nil
	case *jobopts.Endpoint == "":
		return nil, fmt.Errorf("%w: --runner %s: name the address of its job service by --endpoint", cli.ErrUsage, name)
	case goruntime.GOOS != "linux":
		return nil, fmt.Errorf("%w: name the workers' program, built for their system with CGO_ENABLED=1, by --worker_binary", cli.ErrUsage)
	}
	// Beam would build the workers' program itself, without cgo, so that it could not load onnxruntime.
	self, err := os.Executable()
	*jobopts.WorkerBinary = self
	return run, err
}

// ownTemp gives this process its own folder for temporary files, and returns the function that removes it: each run of
// Beam leaves an empty beamloopbackworker-* behind.
func ownTemp() (tidy func(), err error) {
	const variable = "TMPDIR" // where os.TempDir looks on Unix; elsewhere the files stay
	dir, err := os.MkdirTemp("", "infer-beam-")
	if err != nil {
		return nil, err
	}
	before, set := os.LookupEnv(variable)
	os.Setenv(variable, dir)
	return func() {
		if os.Setenv(variable, before); !set {
			os.Unsetenv(variable)
		}
		os.RemoveAll(dir)
	}, nil
}

// logVariable names the environment variable that makes Beam log to stderr.
const logVariable = "CATVAE_BEAM_LOG"

// setLog makes Beam log from a level on: debug, info, warn or error. By default it logs nothing, since prism logs every
// error five times, and we print it once.
func setLog(level string) error {
	switch level {
	case "", "off":
		slog.SetDefault(slog.New(slog.DiscardHandler))
	case "debug", "info", "warn", "error":
		beamlog.SetupLogging(level, "text")
	default:
		return fmt.Errorf("%w: %s=%s: use off, debug, info, warn or error", cli.ErrUsage, logVariable, level)
	}
	return nil
}
