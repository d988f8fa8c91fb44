// Cases writes what the examples in every language work on: rows as a file has them, and what catvae makes of them.
//
//	go run ./examples/cases write --in glyphs run/bundle case
//	go run ./examples/cases library     where onnxruntime's library is, for the examples that load it
//
// A case is a folder of four files without headers, little-endian, row after row:
//
//	rows.u8 or rows.f32   the rows before any scaling: bytes such as pixels, or float32
//	codes.u8              their packed codes
//	near.u8               of the form of codes.u8: a bit is 1 where the code's logit is so near a decision that rounding may flip it
//	reconstruction.f32    what the decoder makes of codes.u8
//
// The number of rows is that of the first file's values, divided by those of a row in the bundle's manifest.json.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime"
)

type command struct {
	Write   write   `cmd:"" help:"Write a case."`
	Library library `cmd:"" help:"Print the path of onnxruntime's library, which is installed where it is missing."`
}

type write struct {
	Bundle string `arg:"" help:"Folder with the bundle."`
	Out    string `arg:"" help:"Folder to write, which must not be there."`
	In     string `help:"Where rows come from: what infer takes." default:"glyphs" placeholder:"SRC"`
	Rows   int    `help:"How many rows to take." default:"100"`
	Spoil  bool   `help:"Turn one bit of the stored codes around, which every example must find."`
}

type library struct{}

func main() {
	var c command
	ctx := kong.Parse(&c, kong.Name("cases"), kong.Description("Writes rows, their codes and their reconstructions for the examples."))
	ctx.FatalIfErrorf(ctx.Run())
}

// Run prints the path.
func (library) Run() error {
	found, err := onnxruntime.EnsureLibrary(context.Background(), onnxruntime.InstallOptions{})
	if err == nil {
		_, err = fmt.Println(found.Path)
	}
	return err
}

// Run writes the case.
func (c write) Run() error { return c.write(context.Background()) }

// margin is ten times the tolerance within which runtimes agree on a logit, relative to the row's largest: see docs/bundle.md.
const margin = 1e-4

func (c write) write(ctx context.Context) error {
	model, err := runtime.Open(ctx, c.Bundle)
	if err != nil {
		return err
	}
	defer model.Close()
	if err := simple(model.Manifest()); err != nil {
		return fmt.Errorf("%s: %w", c.Bundle, err)
	}
	in := model.Manifest().Input
	o := dataset.Options{Split: dataset.Test, Seed: 1, Rows: c.Rows, Values: dist.Raw(), Shape: in.RowShape()}
	if rule, err := model.Pictures(); err == nil {
		o.Image = &rule
	}
	set, err := dataset.Load(ctx, c.In, o)
	if err != nil {
		return err
	}
	if set.RowSize() != in.RowSize() {
		return fmt.Errorf("%s: rows have %d values, the bundle's have %d: give rows like those that the model was trained on", c.In, set.RowSize(), in.RowSize())
	}
	files, rows := raw(set, in.Values())
	if err := made(ctx, model, rows, files); err != nil {
		return err
	}
	if c.Spoil {
		if err := spoil(files["codes.u8"], files["near.u8"], model.Manifest().Latent.Bits()); err != nil {
			return err
		}
	}
	return atomicfile.Dir(c.Out, false, func(dir string) error {
		for name, data := range files {
			if err := atomicfile.WriteBytes(filepath.Join(dir, name), 0o644, data); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(os.Stdout, "%s: %d rows, codes of %d bits\n", c.Out, set.Len(), model.Manifest().Latent.Bits())
		return err
	})
}

// simple refuses bundles that need more than a division before them, or more than bits for the decoder.
func simple(m *bundle.Manifest) error {
	switch {
	case m.Latent.Kind == dist.Gaussian:
		return errors.New("gaussian codes are no bits, and the examples decode bits: take a bundle of bernoulli, categorical or mixed variables")
	case m.Input.Mean != 0 || m.Input.Deviation != 0 && m.Input.Deviation != 1:
		return errors.New("the bundle standardises rows outside its graphs, which the examples do not: take one that was trained anew")
	}
	return nil
}

// raw returns rows as files have them, and as the graph takes them.
func raw(set *dataset.Set, rule dist.Values) (files map[string][]byte, rows []float32) {
	rows = make([]float32, set.Len()*set.RowSize())
	if set.Bytes(0) != nil {
		var pixels []byte
		for i := range set.Len() {
			pixels = append(pixels, set.Bytes(i)...)
		}
		for i, b := range pixels {
			rows[i] = rule.Byte(b)
		}
		return map[string][]byte{"rows.u8": pixels}, rows
	}
	for i := range set.Len() {
		set.Row(i, rows[i*set.RowSize():][:set.RowSize()])
	}
	files = map[string][]byte{"rows.f32": littleEndian(rows)}
	for i, x := range rows {
		rows[i] = rule.Number(float64(x))
	}
	return files, rows
}

// made adds codes, near decisions and reconstructions of rows.
func made(ctx context.Context, model *runtime.Model, rows []float32, files map[string][]byte) error {
	latent := model.Manifest().Latent
	codes, err := model.Encode(ctx, nil, rows)
	if err != nil {
		return err
	}
	logits, err := model.Logits(ctx, nil, rows)
	if err != nil {
		return err
	}
	bits, err := runtime.Unpack(latent, nil, codes)
	if err != nil {
		return err
	}
	decoded, err := model.Decode(ctx, nil, bits)
	if err != nil {
		return err
	}
	n := len(codes) / latent.PackedBytes()
	files["codes.u8"], files["near.u8"], files["reconstruction.f32"] = codes, near(latent.Dist(), logits, n, latent.PackedBytes()), littleEndian(decoded)
	return nil
}

// near returns packed codes with a 1 where a logit is within the margin of a decision.
func near(latent dist.Latent, logits []float32, rows, bytes int) []byte {
	packed, width := make([]byte, rows*bytes), len(logits)/rows
	row := make([]float64, width)
	for r := range rows {
		for i := range row {
			row[i] = float64(logits[r*width+i])
		}
		for i, flips := range latent.NearDecision(row, margin) {
			if flips {
				packed[r*bytes+i/8] |= 0x80 >> (i % 8)
			}
		}
	}
	return packed
}

// spoil turns the first bit of the first row around that is far from its decision.
func spoil(codes, near []byte, bits int) error {
	for i := range bits {
		if bit := byte(0x80) >> (i % 8); near[i/8]&bit == 0 {
			codes[i/8] ^= bit
			return nil
		}
	}
	return errors.New("every bit of the first row is near its decision: take other rows")
}

func littleEndian(values []float32) []byte {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return data
}
