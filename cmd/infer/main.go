// Command infer runs a bundle over rows: a bundle and a file in, codes, logits or reconstructions out, as NPY. It needs
// the bundle, the onnxruntime library and nothing else; no model code is linked into it.
//
//	infer --model bundle --in t10k-images-idx3-ubyte.gz --out codes.npy
//
// codes.npy holds uint8 [rows, bytes], most significant bit first: numpy.unpackbits(codes, axis=1) gives the bits, and
// FAISS takes it as it is. See infer --help for the rest.
package main

import (
	"context"
	"os"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/cli"
)

const description = `Runs a bundle over rows: codes, logits or reconstructions out, as NPY.

  infer --model run/bundle --in t10k-images-idx3-ubyte.gz --out codes.npy
  infer --model run/bundle --in rows.npy --out logits.npy --codes logits
  infer --model run/bundle --in codes.npy --out images.npy --mode decode

` + cli.ExitStatus

type grammar struct {
	Model string          `help:"Bundle: the folder with manifest.json." required:"" placeholder:"BUNDLE"`
	In    string          `help:"IDX file (plain or gzip), NPY file, folder with MNIST's four files, or glyphs. For decode: NPY of packed codes." required:"" placeholder:"SRC"`
	Split string          `help:"Which rows of a folder or of glyphs: train or test." default:"test" enum:"train,test"`
	Out   string          `help:"NPY file to write; it appears whole or not at all." required:"" placeholder:"FILE"`
	Mode  string          `help:"encode, decode or reconstruct." default:"encode" enum:"encode,decode,reconstruct"`
	Codes string          `help:"What encode writes: packed (uint8, 8 bits a byte), index (uint8, one category or bit a variable) or logits (float32)." default:"packed" enum:"packed,index,logits"`
	Batch int             `help:"Rows that go through the graph at once." default:"512"`
	Force bool            `help:"Replace the output file where it exists."`
	Info  cli.VersionFlag `name:"version" help:"Print the versions of catvae and onnxruntime."`
	cli.Backend
}

// Run is called by the command line.
func (g *grammar) Run(ctx context.Context, env cli.Env) error {
	return cli.Infer{
		Model: g.Model, In: g.In, Split: dataset.Split(g.Split), Out: g.Out, Mode: g.Mode, Codes: g.Codes,
		Batch: g.Batch, Force: g.Force, Backend: g.Backend,
	}.Run(ctx, env)
}

func main() { os.Exit(cli.Main("infer", description, &grammar{}, cli.Code)) }
