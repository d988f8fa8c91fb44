package train

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/bundle/writer"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/apart"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"gorgonia.org/tensor"
)

// ImportOptions say which graphs become a model, and where it goes.
type ImportOptions struct {
	Config     Config          // encoder.graph and decoder.graph name the ONNX files; the latent variables are found in them
	Rows       []float32       // rows, as the encoder takes them, on which the bundle is compared with the files too; may be none
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
	Compared     int     // rows whose codes and reconstructions are those of the files
	Codes        int     // different codes of these rows
}

// Import makes a run from an encoder and a decoder that were trained elsewhere: a folder with the configuration, the
// two graphs and a bundle, verified and compared with the files themselves: logits, codes and reconstructions. It appears whole or not at
// all. A run that starts from its config.json trains the graphs' weights further. Errors wrap importer.ErrUnsupported,
// importer.ErrGraph, importer.ErrOutput, importer.ErrGives, [ErrConfig], writer.ErrVerification or the checker's refusal.
func Import(ctx context.Context, o ImportOptions) (Imported, error) {
	if n := o.Config.Data.Predict; n > 0 {
		return Imported{}, fmt.Errorf("train: data.predict is %d: what is imported encodes whole rows and gives them back: leave it out: %w", n, ErrConfig)
	}
	nets, c, err := readNetworks("", o.Config, o.Categories)
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
	if len(o.Rows)%m.Width() != 0 {
		return Imported{}, fmt.Errorf("train: %d numbers are no rows of %d values, as the encoder takes them: %w", len(o.Rows), m.Width(), ErrConfig)
	}
	if err := cmp.Or(checkReplaceable(o.Out, o.Force), checkNothingElse(o.Out)); err != nil {
		return Imported{}, err
	}
	if graph, within := apart.Below(apart.Files(graphOf(o.Config.Encoder), graphOf(o.Config.Decoder)), o.Out); within {
		return Imported{}, fmt.Errorf("train: the run %s would replace %s, which is imported: %w: choose another folder for the run", o.Out, graph, atomicfile.ErrTarget)
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
		return nets.compare(ctx, path, o, &made)
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

// compareRows is the number of made rows, and the most of the caller's, on which an imported model is compared with its files.
// compareTolerance is how far apart logits may be, relative to the largest, and reconstructions. Codes must be equal, except where the
// file's own decision is as near as that.
const (
	compareRows      = 64
	compareTolerance = 1e-4
)

// compare runs the bundle and the files that it was made from on the same rows and codes: on logits, and on what a user sees, codes and
// reconstructions, as the files themselves give them.
func (n networks) compare(ctx context.Context, dir string, o ImportOptions, made *Imported) error {
	model, err := runtime.Open(ctx, dir, runtime.WithBackend(o.Backend))
	if err != nil {
		return err
	}
	defer model.Close()
	m := made.Model
	given := o.Rows[:min(len(o.Rows), compareRows*m.Width())]
	rows := append(madeRows(m.Width()), given...)
	if err := n.compareLogits(ctx, n.encoder, "encoder", model.Logits, rows, made); err != nil {
		return err
	}
	codes, err := model.Codes(ctx, nil, rows)
	if err != nil {
		return err
	}
	if err := n.compareCodes(rows, codes, m); err != nil {
		return err
	}
	made.Compared = len(rows) / m.Width()
	made.Codes = distinct(codes, m.Bits())
	if o.Log != nil && distinct(codes[:compareRows*m.Bits()], m.Bits()) == 1 {
		o.Log(fmt.Sprintf("warning: %d made rows, from black to white, all get one code: does the encoder give what it was taken for?", compareRows))
	}
	if rows := len(given) / m.Width(); o.Log != nil && rows > 1 && distinct(codes[compareRows*m.Bits():], m.Bits()) == 1 {
		o.Log(fmt.Sprintf("warning: the %d rows that were given all get one code: does the encoder give what it was taken for, and were the rows scaled as it was trained?", rows))
	}
	sampled, err := model.SampleCodes(ctx, compareRows, 1)
	if err != nil {
		return err
	}
	codes = append(codes, sampled...)
	if err := n.compareLogits(ctx, n.decoder, "decoder", model.DecodeLogits, codes, made); err != nil {
		return err
	}
	if m.LikelihoodName() != dist.Bernoulli { // whose mean is another number than the file's
		return nil
	}
	return n.compareReconstructions(ctx, model, codes)
}

// madeRows returns rows of noise, some dark, some light, some of few values.
func madeRows(width int) []float32 {
	rows := make([]float32, compareRows*width)
	noise.Stream{Seed: 1}.Uniform(rows, 0, 0)
	for i := range compareRows {
		row, part := rows[i*width:(i+1)*width], float32(i/2)/(compareRows/2-1)
		for j, u := range row {
			switch {
			case i%2 == 0: // all within a band
				row[j] = part * u
			case u < part:
				row[j] = 1
			default:
				row[j] = 0
			}
		}
	}
	return rows
}

// compareLogits compares a part of the bundle with its file.
func (n networks) compareLogits(ctx context.Context, part *importer.Network, name string, run func(ctx context.Context, dst, in []float32) ([]float32, error), in []float32, made *Imported) error {
	want, err := part.Reference(in)
	if err != nil {
		return err
	}
	got, err := run(ctx, nil, in)
	if err != nil {
		return err
	}
	scale, apart := 1.0, 0.0
	for i, x := range want {
		scale = max(scale, math.Abs(float64(x)))
		apart = max(apart, math.Abs(float64(x-got[i])))
	}
	if !(apart <= compareTolerance*scale) {
		return fmt.Errorf("train: the imported %s gives logits up to %g apart from those of its file: %w", name, apart, writer.ErrVerification)
	}
	made.Apart = max(made.Apart, apart/scale)
	return nil
}

// compareCodes compares codes with the decisions that the encoder's file makes: of probabilities at 1/2, of logits at 0, of categories for
// the greatest.
func (n networks) compareCodes(rows, codes []float32, m builder.Model) error {
	file, err := n.encoder.Result(rows)
	if err != nil {
		return err
	}
	if err := n.encoder.CheckResult(file); err != nil {
		return fmt.Errorf("train: the encoder: %w", err)
	}
	middle := float32(0)
	if n.encoder.Gives() == importer.Probabilities {
		middle = 0.5
	}
	apart := func(at int) error {
		return fmt.Errorf("train: bit %d of row %d is %g, and the encoder's file gives %g: %w", at%m.Bits(), at/m.Bits(), codes[at], file[at], writer.ErrVerification)
	}
	k := m.Latent.Categories
	for at, x := range file {
		if k == 0 {
			if one := x > middle; one != (codes[at] > 0) && math.Abs(float64(x-middle)) > compareTolerance {
				return apart(at)
			}
			continue
		}
		greatest := slices.Max(file[at-at%k : at-at%k+k])
		if codes[at] > 0 && float64(greatest-x) > compareTolerance*max(1, math.Abs(float64(greatest))) {
			return apart(at)
		}
	}
	return nil
}

// compareReconstructions compares what the bundle decodes with what the decoder's file gives: probabilities.
func (n networks) compareReconstructions(ctx context.Context, model *runtime.Model, codes []float32) error {
	file, err := n.decoder.Result(codes)
	if err != nil {
		return err
	}
	if err := n.decoder.CheckResult(file); err != nil {
		return fmt.Errorf("train: the decoder: %w", err)
	}
	got, err := model.Decode(ctx, nil, codes)
	if err != nil {
		return err
	}
	for i, x := range file {
		p := float64(x)
		if n.decoder.Gives() == importer.Logits {
			p = 1 / (1 + math.Exp(-p))
		}
		if !(math.Abs(p-float64(got[i])) <= compareTolerance) {
			return fmt.Errorf("train: a reconstruction is %g where the decoder's file gives %g: %w", got[i], p, writer.ErrVerification)
		}
	}
	return nil
}

// distinct counts the different codes.
func distinct(codes []float32, bits int) int {
	seen := map[string]bool{}
	for code := range slices.Chunk(codes, bits) {
		seen[fmt.Sprint(code)] = true
	}
	return len(seen)
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
