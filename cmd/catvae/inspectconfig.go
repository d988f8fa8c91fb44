package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/outfile"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/apart"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/models"
	"github.com/catvae/catvae/train"
)

// config reports whether a configuration is to be inspected: a name of the catalogue, or a JSON file.
func (c inspectCommand) config() bool {
	return strings.HasSuffix(c.Path, ".json") || slices.Contains(models.Names(), c.Path)
}

// inspectConfig prints the layers that a configuration makes for rows of a source, or of a shape.
func (c inspectCommand) inspectConfig(ctx context.Context, env cli.Env) error {
	if (c.Data == "") == (c.Shape == "") {
		return fmt.Errorf("%w: the layers of %s depend on the rows: give --data SRC, or their shape, such as --shape 28x28 or --shape 3x32x32", cli.ErrUsage, visible.Name(c.Path))
	}
	config, err := train.LoadConfig(c.Path, readConfig)
	if err != nil {
		return err
	}
	for _, assignment := range c.Set {
		if err := config.Set(assignment); err != nil {
			return err
		}
	}
	if c.Out != "" {
		return c.writeAugmented(ctx, config)
	}
	shape, err := shapeOf(c.Shape)
	if err == nil && c.Data != "" {
		shape, err = config.RowShape(ctx, c.Data)
	}
	if err != nil {
		return err
	}
	plan, err := config.Plan(shape)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "row          %v\n", plan.Input)
	if n := config.Data.Predict; n > 0 {
		fmt.Fprintf(env.Stdout, "predicted    the last %d lines, from those before\n", n)
	}
	fmt.Fprintf(env.Stdout, "latent       %d logits, code of %d bits\n", plan.Logits, plan.Bits)
	for _, part := range []struct {
		name   string
		layers []builder.Layer
	}{{"encoder", plan.Encoder}, {"decoder", plan.Decoder}} {
		if err := printLayers(env.Stdout, part.name, part.layers); err != nil {
			return err
		}
	}
	return nil
}

// writeAugmented writes a sheet of augmented rows.
func (c inspectCommand) writeAugmented(ctx context.Context, config train.Config) error {
	if c.Data == "" {
		return fmt.Errorf("%w: --out shows rows: give them by --data SRC", cli.ErrUsage)
	}
	if end, packing := outfile.Ends(c.Out); end != ".png" || packing.Name != "" {
		return fmt.Errorf("%w: --out %s: the sheet is a picture: give it a name that ends in .png", cli.ErrUsage, visible.Name(c.Out))
	}
	if err := cli.CheckTarget(c.Out, c.Force); err != nil {
		return err
	}
	if file, same := apart.Same(dataset.Inputs(c.Data), c.Out); same {
		return fmt.Errorf("%w: --out %s would replace %s, which is read: name another file", cli.ErrUsage, visible.Name(c.Out), visible.Name(file))
	}
	return outfile.Write(ctx, c.Out, 0o644, func(w io.Writer) error { return config.WriteAugmented(ctx, c.Data, w) })
}

// shapeOf reads a row's shape, 3x32x32 or 3,32,32, nil of "".
func shapeOf(text string) ([]int, error) {
	var shape []int
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == 'x' || r == ',' }) {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%w: --shape %s: write the sizes of a row, such as 28x28, 3x32x32 or 100", cli.ErrUsage, visible.Name(text))
		}
		shape = append(shape, n)
	}
	return shape, nil
}

// printLayers prints a table of layers, with their sums.
func printLayers(w io.Writer, name string, layers []builder.Layer) error {
	if len(layers) == 0 {
		_, err := fmt.Fprintf(w, "\n%s: the layers are in its ONNX graph, see catvae inspect FILE.onnx\n", name)
		return err
	}
	rows := [][]string{{name, "output", "weights", "multiply-adds"}}
	weights, adds := 0, 0
	for _, l := range layers {
		weights, adds = weights+l.Weights, adds+l.MultiplyAdds
		rows = append(rows, []string{visible.Name(l.Name), fmt.Sprint(l.Output), thousands(l.Weights), thousands(l.MultiplyAdds)})
	}
	rows = append(rows, []string{"sum", "", thousands(weights), thousands(adds)})
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	for _, row := range rows {
		if _, err := fmt.Fprintf(w, "%-*s  %*s  %*s  %*s\n", widths[0], row[0], widths[1], row[1], widths[2], row[2], widths[3], row[3]); err != nil {
			return err
		}
	}
	return nil
}

// thousands writes a number in groups of three digits.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
