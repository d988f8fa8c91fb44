// Command catvae trains categorical and Bernoulli variational auto-encoders, exports them as ONNX bundles, and runs
// them. Start with
//
//	catvae quickstart
//
// Each verb has its own file here, which turns flags into a configuration, makes one library call and prints. stdout
// carries data, stderr messages; catvae VERB --help has examples and the exit codes.
package main

import (
	"os"
	"strings"

	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/bundle/layout"
	"github.com/catvae/catvae/bundle/variant"
	"github.com/catvae/catvae/bundle/writer"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/serve"
	"github.com/catvae/catvae/cmd/internal/serve/oip"
	"github.com/catvae/catvae/cmd/internal/serve/repository"
	"github.com/catvae/catvae/codes/index"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/engine"
	"github.com/catvae/catvae/train/rivals"
	"github.com/catvae/catvae/train/tune"
)

var description = `Categorical and Bernoulli variational auto-encoders: train with gorgonia, ship as ONNX, run with onnxruntime.

  catvae quickstart                                   a model on generated glyphs, in about a minute
  catvae train --data mnist/ --out run                on MNIST's four files
  catvae encode --model run/bundle --in mnist/ --out codes.npy

` + cli.ExitStatus

type grammar struct {
	Quickstart quickstart      `cmd:"" help:"Train on generated glyphs, export, encode and report: everything in about a minute."`
	Train      trainCommand    `cmd:"" help:"Train a model and leave a run folder with bundle and report."`
	Tune       tuneCommand     `cmd:"" help:"Search for a configuration: many short runs, and longer ones of the best."`
	Eval       evalCommand     `cmd:"" help:"Measure the bounds of a run or bundle on data."`
	Compare    compareCommand  `cmd:"" help:"Show runs side by side: figures, curves, reconstructions, and the keys in which they differ."`
	Export     exportCommand   `cmd:"" help:"Export a run's best weights as a bundle, verified against gorgonia."`
	Encode     encodeCommand   `cmd:"" help:"Turn rows into codes or logits."`
	Decode     decodeCommand   `cmd:"" help:"Turn packed codes into reconstructions."`
	Sample     sampleCommand   `cmd:"" help:"Decode codes drawn from the prior, as a picture or NPY."`
	Search     searchCommand   `cmd:"" help:"Find the nearest codes of a file or an index: by Hamming distance or by floats, rescored by vectors where they are at hand."`
	Index      indexCommand    `cmd:"" help:"Keep codes in a folder, which is appended to, deleted from and searched, with a graph where asked for."`
	Serve      serveCommand    `cmd:"" help:"Answer requests for codes over HTTP and gRPC: the Open Inference Protocol, pictures, search."`
	Explore    exploreCommand  `cmd:"" help:"A page to play with codes: flip bits, draw, go between rows, see what each bit does. Served, or one file."`
	Import     importCommand   `cmd:"" help:"Import an encoder and a decoder from ONNX files, to fine-tune them or to export them as a bundle."`
	Inspect    inspectCommand  `cmd:"" help:"Say what a bundle or an ONNX file holds, or print the layers of a configuration."`
	Models     modelsCommand   `cmd:"" help:"List the catalogue of configurations, or print one."`
	Doctor     doctorCommand   `cmd:"" help:"Look for onnxruntime and CUDA, and say how to install what is missing."`
	Version    cli.VersionFlag `help:"Print the versions of catvae and onnxruntime."`
}

// ownKinds are errors that only this command knows. A configuration is part of the command line.
var ownKinds = []cli.Kind{
	{Of: train.ErrConfig, Code: cli.Usage, Help: "catvae models --keys explains every key"},
	{Of: tune.ErrKey, Code: cli.Usage, Help: "--try"},
	{Of: importer.ErrOutput, Code: cli.Usage, Help: "--output, --decoder-output"},
	{Of: importer.ErrGives, Code: cli.Usage, Help: "docs/import.md says what graphs may end in"},
	{Of: engine.ErrBatch, Code: cli.Usage, Help: "--batch, --steps-per-call"},
	{Of: engine.ErrOptimizer, Code: cli.Usage, Help: "catvae models --keys explains every key"},
	{Of: engine.ErrObjective, Code: cli.Usage, Help: "docs/engine.md says what an objective is"},
	{Of: train.ErrResume, Code: cli.BadInput, Help: "docs/run.md says what a run survives"},
	{Of: train.ErrCheckpoint, Code: cli.BadInput, Help: "docs/run.md says what a run survives"},
	{Of: importer.ErrUnsupported, Code: cli.BadInput, Help: "docs/import.md says which graphs can be imported"},
	{Of: importer.ErrGraph, Code: cli.BadInput, Help: "docs/import.md says which graphs can be imported"},
	{Of: writer.ErrVerification, Code: cli.BadInput, Help: "docs/run.md says what is verified"},
	{Of: variant.ErrUnsupported, Code: cli.BadInput, Help: "docs/variants.md says which variants there are"},
	{Of: index.ErrDamaged, Code: cli.BadInput, Help: "docs/search.md says what an index survives"},
	{Of: serve.ErrTraces, Code: cli.Usage, Help: "docs/environment.md lists what OTEL_ variables may say"},
	{Of: repository.ErrName, Code: cli.BadInput, Help: "docs/serve.md says what models are called"},
	{Of: repository.ErrUnknown, Code: cli.BadInput, Help: "docs/serve.md says what models are called"},
	{Of: oip.ErrRequest, Code: cli.BadInput, Help: "docs/serve.md says what requests hold"},
	{Of: variant.ErrQuality, Code: cli.BadInput, Help: "docs/variants.md says how good a variant must be"},
}

var code = cli.CodeOf(ownKinds...)

// Where onnxruntime is missing, graphs run in pure Go.
func init() {
	cli.Own = ownKinds
	cli.OwnWords = map[string]string{
		"rivals_help": strings.Join(rivals.Names(), ", "),
		"ort_web":     onnxruntime.WebVersion,
		"layouts":     strings.Join(layout.Names(), ","), "layouts_help": layout.Doc(),
	}
	cli.PureGo = func(threads int) backend.Backend { return purego.New(purego.WithThreads(threads)) }
}

func main() { os.Exit(cli.Main("catvae", description, &grammar{}, code)) }
