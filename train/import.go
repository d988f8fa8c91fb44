package train

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/runtime"
	"gorgonia.org/tensor"
)

// ImportOptions say which graphs become a model, and where it goes.
type ImportOptions struct {
	Config     Config          // encoder.graph and decoder.graph name the ONNX files; the latent variables are found in them
	Categories int             // of each variable, where the encoder gives its logits without an axis of their own; 0 for Bernoulli variables
	Out        string          // the run folder
	Force      bool            // replace a run that stands there
	Backend    runtime.Backend // verifies the bundle
	Log        func(string)    // told what was found at the graphs' ends; may be nil
}

// Imported is what [Import] made.
type Imported struct {
	Config       Config
	Model        builder.Model
	Parameters   int // numbers
	Verification export.Verification
}

// Import makes a run of an encoder and a decoder that come from elsewhere, untrained by us: a folder with the configuration, the
// two graphs and a bundle, verified. A run that starts from its config.json trains the graphs' weights further. Errors wrap
// importer.ErrUnsupported, [ErrConfig] or the checker's refusal.
func Import(ctx context.Context, o ImportOptions) (Imported, error) {
	nets, c, err := readNetworks("", o.Config)
	if err != nil {
		return Imported{}, err
	}
	if nets.encoder == nil || nets.decoder == nil {
		return Imported{}, fmt.Errorf("train: an import takes an encoder and a decoder: %w", ErrConfig)
	}
	if c.Latent, err = latentOf(nets.encoder, o.Categories, c.Latent.Prior); err != nil {
		return Imported{}, err
	}
	m := nets.model(c, nets.input())
	if got := nets.decoder.Width(); got != m.Bits() {
		return Imported{}, fmt.Errorf("train: the encoder gives %d logits a row, the decoder takes codes of %d numbers: they are not of one model: %w", m.Bits(), got, ErrConfig)
	}
	if got := size(nets.decoder.Shape()); got != m.Width() {
		return Imported{}, fmt.Errorf("train: the encoder takes rows of %d values, the decoder gives rows of %d: they are not of one model: %w", m.Width(), got, ErrConfig)
	}
	if err := c.Validate(); err != nil {
		return Imported{}, err
	}
	params, err := builder.NewParams(tensor.Float32, c.Seed)
	if err != nil {
		return Imported{}, err
	}
	folder, err := newRunFolder(o.Out, o.Force, c, nets)
	if err != nil {
		return Imported{}, err
	}
	if o.Log != nil {
		o.Log("encoder: " + nets.encoder.Note())
		o.Log("decoder: " + nets.decoder.Note())
	}
	t := Trained{Name: filepath.Base(filepath.Clean(o.Out)), Config: c, Model: m, Params: params}
	v, err := t.WriteBundle(ctx, folder.path(BundleDir), BundleOptions{Backend: o.Backend, Force: true, Record: map[string]any{"imported": true}})
	folder.Close()
	if err != nil {
		os.RemoveAll(o.Out)
		return Imported{}, err
	}
	return Imported{Config: c, Model: m, Parameters: params.Count(), Verification: v}, nil
}

// latentOf returns the latent variables that an encoder's result stands for: [variables] or [variables, categories].
func latentOf(n *importer.Network, categories int, prior string) (builder.Latent, error) {
	shape := n.Shape()
	bits := size(shape)
	switch {
	case len(shape) == 2 && shape[1] > 1 && (categories == 0 || categories == shape[1]):
		return builder.Latent{Kind: bundle.Categorical, Variables: shape[0], Categories: shape[1], Prior: prior}, nil
	case categories == 0 && (len(shape) == 1 || len(shape) == 2 && shape[1] == 1):
		return builder.Latent{Kind: bundle.Bernoulli, Variables: bits, Prior: prior}, nil
	case categories > 1 && len(shape) == 1 && bits%categories == 0:
		return builder.Latent{Kind: bundle.Categorical, Variables: bits / categories, Categories: categories, Prior: prior}, nil
	}
	return builder.Latent{}, fmt.Errorf("train: the encoder gives logits of shape %v a row, which are no variables of %d categories: %w", shape, categories, ErrConfig)
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
