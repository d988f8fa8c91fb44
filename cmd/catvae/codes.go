package main

import (
	"context"
	"fmt"
	"io"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/cmd/internal/outfile"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/imgrid"
	"github.com/catvae/catvae/internal/rundir"
)

type encodeCommand struct {
	cli.Rows
	Codes   string `help:"${codes_help}." default:"packed" enum:"${codes}"`
	Variant string `help:"Variant of the encoder: float32, one that the bundle was exported with, or auto." default:"float32" placeholder:"NAME"`
}

// Help is printed under the flags' list.
func (encodeCommand) Help() string {
	return `Examples:

  catvae encode --model run/bundle --in rows.npy --out codes.npy
  catvae encode --model run/bundle --in pictures/ --out codes.parquet
  catvae encode --model run/bundle --embedder minilm/ --in texts.csv --column description --out codes.npy

The same as infer, a small separate program with more modes. numpy.unpackbits(numpy.load("codes.npy"), axis=1) gives the bits.

` + cli.ExitStatus
}

func (c encodeCommand) Run(ctx context.Context, env cli.Env) error {
	job, err := c.Job(infer.Encode, infer.Codes(c.Codes), c.Variant)
	if err != nil {
		return err
	}
	return c.Infer(ctx, env, job)
}

type decodeCommand struct {
	cli.Rows
}

// Help is printed under the flags' list.
func (decodeCommand) Help() string {
	return `Examples:

  catvae decode --model run/bundle --in codes.npy --out images.npy
  catvae decode --model run/bundle --in codes.npy --out images/ --format png

--in is an NPY file of packed codes, uint8 [rows, bytes].

` + cli.ExitStatus
}

func (c decodeCommand) Run(ctx context.Context, env cli.Env) error {
	job, err := c.Job(infer.Decode, "", "")
	if err != nil {
		return err
	}
	return c.Infer(ctx, env, job)
}

type sampleCommand struct {
	Model string `help:"Run folder or bundle." required:"" placeholder:"RUN|BUNDLE"`
	Out   string `help:"File to write, or - for standard output. A name that ends in .npy.gz or .npy.zst packs the file." required:"" placeholder:"FILE|-"`
	As    string `help:"What is written: png, npy, or auto, by the output's name." default:"auto" enum:"auto,png,npy" name:"format"`
	Rows  int    `help:"How many samples." default:"64" short:"n" range:"1,1048576"`
	Seed  uint64 `help:"Seed of the codes." default:"1" range:"any"`
	Force bool   `help:"Replace the output file where it exists."`
	cli.Backend
}

// Help is printed under the flags' list.
func (sampleCommand) Help() string {
	return `Examples:

  catvae sample --model run --out samples.png
  catvae sample --model run/bundle --out samples.npy -n 1000 --seed 7
  catvae sample --model run --out - --format png | display

` + cli.ExitStatus
}

func (c *sampleCommand) Run(ctx context.Context, env cli.Env) error {
	if err := c.check(); err != nil {
		return err
	}
	backend, err := c.Backend.Open(ctx, env, false)
	if err != nil {
		return err
	}
	model, err := openModel(ctx, c.Model, backend)
	if err != nil {
		return err
	}
	defer model.Close()
	values, err := model.Sample(ctx, nil, c.Rows, c.Seed)
	if err != nil {
		return err
	}
	shape := []int{c.Rows}
	for _, d := range model.Manifest().Input.Shape {
		shape = append(shape, int(d))
	}
	if c.As == "png" && !imgrid.Pictures(shape[1:]) {
		return fmt.Errorf("%w: rows of the shape %v are no pictures: give --out a name that ends in .npy", cli.ErrUsage, shape[1:])
	}
	return outfile.Write(ctx, c.Out, 0o644, func(w io.Writer) error {
		if c.As == "png" {
			format, in := imgrid.Of(shape[1:]), model.Manifest().Input
			format.Black, format.White = in.Values().Shades()
			images := make([][]float32, c.Rows)
			for i := range images {
				images[i] = values[i*format.Size():][:format.Size()]
			}
			return imgrid.Grid{Columns: 16, Scale: 2}.WritePNG(w, images, format)
		}
		out, err := dataset.NewNPYWriter(w, "float32", shape...)
		if err != nil {
			return err
		}
		if err := out.WriteFloats(values); err != nil {
			return err
		}
		return out.Close()
	})
}

// check settles the format, and reports an output that cannot be, or may not be, written.
func (c *sampleCommand) check() error {
	end, packing := outfile.Ends(c.Out)
	switch {
	case c.As != "auto":
	case end == "" && packing.Name == "":
		c.As = "npy"
	case end == ".npy", end == ".png":
		c.As = end[1:]
	default:
		return fmt.Errorf("%w: --out %s: a name ends in .png or .npy (.gz or .zst after .npy packs it), or --format says what is written", cli.ErrUsage, c.Out)
	}
	if c.As == "png" && packing.Name != "" {
		return fmt.Errorf("%w: --out %s: a PNG file is packed in itself: leave %s off", cli.ErrUsage, c.Out, packing.End)
	}
	if err := cli.CheckTarget(c.Out, c.Force); err != nil {
		return err
	}
	return infer.CheckApart(c.Out, rundir.BundleOf(c.Model))
}
