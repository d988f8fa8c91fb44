package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/models"
	"github.com/catvae/catvae/picture"
	"github.com/catvae/catvae/train"
)

type importCommand struct {
	File          string   `arg:"" help:"ONNX file: an encoder, or without DECODER.onnx any graph to look at." placeholder:"ENCODER.onnx"`
	Decoder       string   `arg:"" optional:"" help:"ONNX file of the decoder." placeholder:"DECODER.onnx"`
	Out           string   `help:"Run folder to write: configuration, graphs and a verified bundle." placeholder:"RUN"`
	Output        string   `help:"Value of the first graph that holds its logits; left out, its result." placeholder:"NAME"`
	DecoderOutput string   `help:"Value of the decoder that holds the logits of the rows' values; left out, its result." placeholder:"NAME"`
	EncoderGives  string   `help:"What the encoder's result is, where its end does not tell: logits or probabilities." enum:"logits,probabilities," default:"" placeholder:"WORD"`
	DecoderGives  string   `help:"What the decoder's result is, likewise." enum:"logits,probabilities," default:"" placeholder:"WORD"`
	Data          string   `help:"Rows on which codes and reconstructions are compared with the files' too: the first 64 of a source that infer reads." placeholder:"SRC"`
	Categories    int      `help:"Categories of each variable, if the encoder gives all logits of a row in one axis; 0 means Bernoulli variables." default:"0" placeholder:"K" range:"0,1048576"`
	Set           []string `help:"Change one key of the configuration, such as optimizer.learning_rate=1e-4; may be repeated." placeholder:"KEY=VALUE" sep:"none"`
	Force         bool     `help:"Replace an existing run at --out."`
	cli.Backend
}

// Help is printed under the flags' list.
func (importCommand) Help() string {
	return `Examples:

  catvae import encoder.onnx                                   what of it gorgonia can train
  catvae import encoder.onnx decoder.onnx --out imported       a run and its bundle
  catvae train --config imported/config.json --data mnist/ --out finetuned
  catvae import encoder.onnx decoder.onnx --out imported --categories 10

Weights become parameters under their names in the file. A sigmoid or softmax at the end of a graph is left out, and a clamp behind it becomes one of logits: training works on logits. A result that lies within bounds for another reason, such as a clamp or Relu alone, is refused until --encoder-gives or --decoder-gives says what it is. Operators that cannot be imported are listed all at once, with their nodes.

From PyTorch, export encoder and decoder separately, with the model in evaluation mode, a dynamic batch axis, and the weights inside the file (external_data=False with torch.export); both of its exporters are tested.

` + cli.ExitStatus
}

func (c importCommand) Run(ctx context.Context, env cli.Env) error {
	err := c.run(ctx, env)
	switch {
	case errors.Is(err, importer.ErrOutput):
		return fmt.Errorf("%w by --output, or --decoder-output", err)
	case errors.Is(err, importer.ErrGives):
		return fmt.Errorf("%w, by --encoder-gives, --decoder-gives, --output or --decoder-output", err)
	}
	return err
}

// options are those of the encoder.
func (c importCommand) options() importer.Options {
	return importer.Options{Output: c.Output, Gives: importer.Gives(c.EncoderGives), Categories: c.Categories}
}

func (c importCommand) run(ctx context.Context, env cli.Env) error {
	if c.Decoder == "" {
		if c.Out != "" {
			return fmt.Errorf("%w: --out needs two files, an encoder and a decoder", cli.ErrUsage)
		}
		return c.describe(env)
	}
	if c.Out == "" {
		return fmt.Errorf("%w: an encoder and a decoder need --out RUN", cli.ErrUsage)
	}
	config, err := c.config()
	if err != nil {
		return err
	}
	for _, assignment := range c.Set {
		if err := config.Set(assignment); err != nil {
			return err
		}
	}
	for _, part := range []struct {
		network *builder.NetworkConfig
		graph   builder.ONNX
	}{{&config.Encoder, builder.ONNX{Graph: c.File, Output: c.Output, Gives: c.EncoderGives}}, {&config.Decoder, builder.ONNX{Graph: c.Decoder, Output: c.DecoderOutput, Gives: c.DecoderGives}}} {
		part.network.Import(part.graph)
	}
	rows, err := c.rows(ctx, config)
	if err != nil {
		return err
	}
	backend, err := c.Backend.Open(ctx, env, false)
	if err != nil {
		return err
	}
	made, err := train.Import(ctx, train.ImportOptions{
		Config: config, Rows: rows, Categories: c.Categories, Out: c.Out, Force: c.Force, Backend: backend,
		Log: func(line string) { fmt.Fprintln(env.Stderr, line) },
	})
	if err != nil {
		return err
	}
	l := made.Model.Latent
	fmt.Fprintf(env.Stderr, "imported %d parameters: rows of %v, %d %s variables (%d bits); %s verified on %s: logits within %.1g of the files', codes and reconstructions of %d rows (%d different codes) as the files give them\n",
		made.Parameters, made.Model.Input, l.Variables, l.Kind, made.Model.Bits(), filepath.Join(c.Out, train.BundleDir), made.Verification.Runner, made.Apart, made.Compared, made.Codes)
	fmt.Fprintf(env.Stderr, "next:\n  catvae train --config %s --data SRC --out finetuned\n  catvae encode --model %s --in SRC --out codes.npy\n",
		cli.ShellWord(filepath.ToSlash(filepath.Join(c.Out, train.ConfigFile))), cli.ShellWord(filepath.ToSlash(filepath.Join(c.Out, train.BundleDir))))
	return nil
}

// rows returns the rows of --data as the encoder takes them.
func (c importCommand) rows(ctx context.Context, config train.Config) ([]float32, error) {
	if c.Data == "" {
		return nil, nil
	}
	values, err := config.Values()
	if err != nil {
		return nil, err
	}
	set, err := dataset.Load(ctx, c.Data, dataset.Options{Rows: 64, Image: config.Data.Image(), Layout: config.Data.Layout, Values: values})
	if err != nil {
		return nil, err
	}
	rows := make([]float32, set.Len()*set.RowSize())
	for i := range set.Len() {
		set.Row(i, rows[i*set.RowSize():(i+1)*set.RowSize()])
	}
	return rows, nil
}

// config returns the catalogue's settings for the encoder's kind of model, without warm-up: the weights are trained
// already.
func (c importCommand) config() (train.Config, error) {
	data, err := readGraph(c.File)
	if err != nil {
		return train.Config{}, err
	}
	n, err := importer.Encoder(data, c.options())
	if err != nil {
		return train.Config{}, fmt.Errorf("%s: %w", c.File, err)
	}
	name := models.DefaultName
	if c.Categories > 1 || n.Categories() > 0 {
		name = models.CategoricalName
	}
	config, err := train.LoadConfig(name, os.ReadFile)
	config.Objective.KLWarmup, config.Objective.KLWarmupPart = 0, 0
	if config.Data.Color = ""; len(n.Input()) == 3 && n.Input()[0] == 3 { // the encoder says it, not the pictures
		config.Data.Color = picture.RGB
	}
	return config, err
}

// describe prints what a graph holds and what importing it makes.
func (c importCommand) describe(env cli.Env) error {
	data, err := readGraph(c.File)
	if err != nil {
		return err
	}
	if err := inspectGraph(env.Stdout, c.File, data); err != nil {
		return err
	}
	n, err := importer.Encoder(data, c.options())
	if c.Output == "" && errors.Is(err, importer.ErrOutput) {
		if d, asDecoder := importer.Decoder(data, importer.Options{Gives: importer.Gives(c.DecoderGives)}); asDecoder == nil {
			n, err = d, nil
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	fmt.Fprintf(env.Stdout, "  taken  rows of %d numbers to %v; %s\n", n.Width(), n.Shape(), n.Note())
	total := 0
	for _, p := range n.Parameters() {
		count := 1
		for _, d := range p.Shape {
			count *= d
		}
		total += count
		fmt.Fprintf(env.Stdout, "  trains %s %v\n", visible.Name(p.Name[strings.Index(p.Name, "/")+1:]), p.Shape)
	}
	var operators []string
	count := n.Operators()
	for _, op := range slices.Sorted(maps.Keys(count)) {
		operators = append(operators, fmt.Sprintf("%s %d", visible.Name(op), count[op]))
	}
	fmt.Fprintf(env.Stdout, "  %d parameters; in gorgonia: %s\n", total, strings.Join(operators, ", "))
	return nil
}
