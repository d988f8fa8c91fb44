package cli

import (
	"context"

	"github.com/catvae/catvae/dataset"
)

// InferDescription is what infer --help says first.
const InferDescription = `Runs a bundle over rows: codes, logits, reconstructions or scores out, as NPY.

  infer --model run/bundle --in t10k-images-idx3-ubyte.gz --out codes.npy
  infer --model run/bundle --in rows.npy --out logits.npy --codes logits
  infer --model run/bundle --in rows.npy --out codes.npy --max-bad 0.01
  infer --model run/bundle --in codes.npy --out images.npy --mode decode
  infer --model run/bundle --in rows.npy --out scores.npy --mode score

A score is one float32 a row, in nats: how badly the model explains the row, -ln p(row | its code) + KL(posterior || prior).

` + ExitStatus

// InferCommand is the command line of infer.
type InferCommand struct {
	Model  string      `help:"Bundle: the folder with manifest.json." required:"" placeholder:"BUNDLE"`
	In     string      `help:"IDX file (plain or gzip), NPY file, folder with MNIST's four files, or glyphs. For decode: NPY of packed codes." required:"" placeholder:"SRC"`
	Split  string      `help:"Which rows of a folder or of glyphs: train or test." default:"test" enum:"train,test"`
	Out    string      `help:"NPY file to write; it appears whole or not at all." required:"" placeholder:"FILE"`
	Mode   string      `help:"encode, decode, reconstruct or score." default:"encode" enum:"encode,decode,reconstruct,score"`
	Codes  string      `help:"What encode writes: packed (uint8, 8 bits a byte), index (uint8, one category or bit a variable) or logits (float32)." default:"packed" enum:"packed,index,logits"`
	Batch  int         `help:"Rows that go through the graph at once." default:"512"`
	MaxBad float64     `help:"Ratio of bad rows (NaN, values outside the range) to tolerate; more end the run with 4. Tolerated ones are zeros in the output and named with reasons in FILE.bad.jsonl, and the exit status is 3." default:"0" placeholder:"RATIO"`
	Force  bool        `help:"Replace the output file where it exists."`
	Info   VersionFlag `name:"version" help:"Print the versions of catvae and onnxruntime."`
	Backend
}

// Run is called by the command line.
func (g *InferCommand) Run(ctx context.Context, env Env) error {
	return Infer{
		Model: g.Model, In: g.In, Split: dataset.Split(g.Split), Out: g.Out, Mode: g.Mode, Codes: g.Codes,
		Batch: g.Batch, MaxBad: g.MaxBad, Force: g.Force, Backend: g.Backend,
	}.Run(ctx, env)
}
