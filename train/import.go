package train

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/bundle/writer"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"gorgonia.org/tensor"
)

// ImportOptions say which graphs become a model, and where it goes.
type ImportOptions struct {
	Config     Config          // encoder.graph and decoder.graph name the ONNX files; the latent variables are found in them
	Categories int             // of each variable, where the encoder's logits have no axis for them; 0 for Bernoulli variables
	Out        string          // the run folder
	Force      bool            // replace an existing run
	Backend    backend.Backend // verifies the bundle
	Log        func(string)    // called with what was found at the graphs' ends; may be nil
}

// Imported is what [Import] made.
type Imported struct {
	Config       Config
	Model        builder.Model
	Parameters   int // numbers
	Verification writer.Verification
	Apart        float64 // how far apart the bundle's logits and the files' are at most, relative to the largest
}

// Import makes a run from an encoder and a decoder that were trained elsewhere: a folder with the configuration, the
// two graphs and a bundle, verified and compared with the files themselves. It appears whole or not at all. A run that
// starts from its config.json trains the graphs' weights further. Errors wrap importer.ErrUnsupported,
// importer.ErrGraph, importer.ErrOutput, [ErrConfig], writer.ErrVerification or the checker's refusal.
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
	m := c.Model(nets.input())
	if err := c.Validate(); err != nil {
		return Imported{}, err
	}
	if err := m.Validate(); err != nil {
		return Imported{}, fmt.Errorf("%w: %w", err, ErrConfig)
	}
	if err := nets.fit(m); err != nil {
		return Imported{}, err
	}
	params, err := builder.NewParams(tensor.Float32, c.Seed)
	if err != nil {
		return Imported{}, err
	}
	t := Trained{Name: filepath.Base(filepath.Clean(o.Out)), Config: c, Model: m, Params: params}
	if err := t.addPrior(); err != nil {
		return Imported{}, err
	}
	if err := cmp.Or(checkReplaceable(o.Out, o.Force), checkNothingElse(o.Out)); err != nil {
		return Imported{}, err
	}
	if _, err := os.Stat(o.Out); err == nil {
		standing, err := lockRunFolder(o.Out) // no other process may be writing it
		if err != nil {
			return Imported{}, err
		}
		defer standing.Close()
	}
	if o.Log != nil {
		o.Log("encoder: " + nets.encoder.Note())
		o.Log("decoder: " + nets.decoder.Note())
	}
	made := Imported{Config: c, Model: m}
	err = atomicfile.Dir(o.Out, true, func(dir string) error { // if this fails, an existing run stays as it is
		folder, err := newRunFolder(dir, true, c, nets)
		if err != nil {
			return err
		}
		defer folder.Close()
		path := folder.path(BundleDir)
		if made.Verification, err = t.WriteBundle(ctx, path, BundleOptions{Backend: o.Backend, Force: true, Record: map[string]any{"imported": true}}); err != nil {
			return err
		}
		made.Apart, err = nets.compare(ctx, path, m, o.Backend)
		return err
	})
	made.Parameters = params.Count()
	return made, err
}

// fit reports an encoder and a decoder that do not belong to one model.
func (n networks) fit(m builder.Model) error {
	if got := n.decoder.Width(); got != m.Bits() {
		return fmt.Errorf("train: the encoder gives %d logits a row, the decoder takes codes of %d numbers: they belong to different models, or are in the wrong order: %w", m.Bits(), got, ErrConfig)
	}
	if got := n.decoder.Size(); got != m.Width() {
		return fmt.Errorf("train: the encoder takes rows of %d values, the decoder gives rows of %d: they belong to different models, or are in the wrong order: %w", m.Width(), got, ErrConfig)
	}
	return nil
}

// compareRows is the number of rows on which an imported model is compared with its files; compareTolerance is how far
// apart logits may be, relative to the largest.
const (
	compareRows      = 64
	compareTolerance = 1e-4
)

// compare runs the bundle and the files that it was made from on the same rows and codes. It returns the largest
// difference between their logits, relative to the largest logit.
func (n networks) compare(ctx context.Context, dir string, m builder.Model, backend backend.Backend) (float64, error) {
	model, err := runtime.Open(ctx, dir, runtime.WithBackend(backend))
	if err != nil {
		return 0, err
	}
	defer model.Close()
	rows := make([]float32, compareRows*m.Width())
	noise.Stream{Seed: 1}.Uniform(rows, 0, 0)
	codes := model.SampleCodes(compareRows, 1)
	worst := 0.0
	for _, part := range []struct {
		name string
		of   *importer.Network
		run  func(ctx context.Context, dst, in []float32) ([]float32, error)
		in   []float32
	}{{"encoder", n.encoder, model.Logits, rows}, {"decoder", n.decoder, model.DecodeLogits, codes}} {
		want, err := part.of.Reference(part.in)
		if err != nil {
			return 0, err
		}
		got, err := part.run(ctx, nil, part.in)
		if err != nil {
			return 0, err
		}
		scale, apart := 1.0, 0.0
		for i, x := range want {
			scale = max(scale, math.Abs(float64(x)))
			apart = max(apart, math.Abs(float64(x-got[i])))
		}
		if !(apart <= compareTolerance*scale) {
			return 0, fmt.Errorf("train: the imported %s gives logits up to %g apart from those of its file: %w", part.name, apart, writer.ErrVerification)
		}
		worst = max(worst, apart/scale)
	}
	return worst, nil
}

// latentOf returns the latent variables of an encoder from the shape of its result: [variables] or [variables,
// categories]. A softmax at the encoder's end, or the caller, may say that [variables] holds categories.
func latentOf(n *importer.Network, categories int, prior string) (builder.Latent, error) {
	bits, k := n.Size(), n.Categories()
	switch {
	case categories != 0 && k != 0 && categories != k || categories == 1 || categories < 0:
		return builder.Latent{}, fmt.Errorf("train: %d categories: the encoder gives logits of shape %v a row, of %d categories: %w", categories, n.Shape(), k, ErrConfig)
	case k == 0:
		k = categories
	}
	if k == 0 {
		return builder.Latent{Kind: dist.Bernoulli, Variables: bits, Prior: prior}, nil
	}
	if bits%k != 0 {
		return builder.Latent{}, fmt.Errorf("train: the encoder gives %d logits a row, which is not a multiple of %d categories: %w", bits, k, ErrConfig)
	}
	return builder.Latent{Kind: dist.Categorical, Variables: bits / k, Categories: k, Prior: prior}, nil
}
