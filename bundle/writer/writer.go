package writer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/bundle/layout"
	"github.com/catvae/catvae/bundle/variant"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
)

// A Part is one of a bundle's graphs, to be exported, and inputs to verify it with.
type Part struct {
	File    string // bundle.EncoderFile and so on
	Trace   export.Trace
	Options export.Options // Metadata is filled in
	Inputs  func(batch int) []onnxtensor.Tensor
}

// Options say how [Write] goes about it.
type Options struct {
	Force   bool            // replace what exists at the path
	Backend backend.Backend // runs the graphs that were written; required
	Record  map[string]any  // kept in verification.json: metrics, the data's fingerprint

	Variants []string        // see package variant
	Rows     VariantRows     // for variants
	Text     *Text           // an embedder to write, nil for none
	Timer    backend.Backend // runs variants and float32 to time them, on one thread where a CPU does; Backend where it is nil

	Layout string         // see package layout; "" means layout.Plain
	About  map[string]any // the record that a layout may tell of: that of the run, with what was measured. nil means Record
}

// VariantRows are rows that variants are calibrated on and compared on.
type VariantRows struct {
	Calibration, HeldOut variant.Rows
	Fingerprint          string // of the data set
	HeldOutIs            string // what the held-out rows are, for the record: "test split"
}

// Verification is verification.json: what was compared after writing.
type Verification struct {
	Runner    string                     `json:"runner"`
	Tolerance float64                    `json:"tolerance"`
	Graphs    map[string]export.Verified `json:"graphs"` // by file
	Codes     CodeCheck                  `json:"codes"`
	Record    map[string]any             `json:"record,omitempty"`

	Variants map[string]variant.Comparison `json:"variants,omitempty"` // with float32, on held-out rows
	HeldOut  string                        `json:"held_out,omitempty"` // what those rows are
	Timed    string                        `json:"timed,omitempty"`    // what variants were timed on

	SelfTest *bundle.SelfTest `json:"self_test"` // what the graphs make of generated rows
}

// verifyBatches are the batch sizes at which every graph of a bundle is compared.
var verifyBatches = []int{1, 2, 7, 64}

// CodeCheck compares the codes of encoder and threshold together. A bit whose logit is within the margin of a decision
// may fall either way by rounding, and is not compared.
type CodeCheck struct {
	Bits   int     `json:"bits"`   // compared
	Aside  int     `json:"aside"`  // not compared, for their margin
	Margin float64 `json:"margin"` // ten tolerances, times max(1, the row's largest |logit|)
}

// ErrVerification is wrapped by the error for a graph that does not compute what it was made from. No bundle is written.
var ErrVerification = errors.New("verification failed")

// A Made is a bundle that was verified and is not written yet.
type Made struct {
	Manifest     bundle.Manifest
	Files        map[string][]byte // all of the bundle's, by their names
	Verification Verification
}

// Write makes a bundle, and writes it in a layout, as a whole or not at all. With Force it replaces what it writes, a bundle or a folder of the same layout, or an
// empty folder, and no other.
func Write(ctx context.Context, dir string, m bundle.Manifest, graphs []Part, o Options) (Verification, error) {
	if err := atomicfile.CheckNew(dir, o.Force); err != nil {
		return Verification{}, fmt.Errorf("writer: bundle %w", err)
	}
	plain := o.Layout == "" || o.Layout == layout.Plain
	if plain {
		if err := checkReplaceable(dir); err != nil {
			return Verification{}, err
		}
	}
	made, err := Make(ctx, m, graphs, o)
	if err != nil {
		return made.Verification, err
	}
	files := made.Files
	if !plain {
		if files, err = arrange(dir, made, o); err != nil {
			return made.Verification, fmt.Errorf("writer: %w", err)
		}
	}
	err = atomicfile.Dir(dir, o.Force, func(tmp string) error {
		for name, data := range files {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(tmp, name)), 0o755); err != nil {
				return err
			}
			if err := atomicfile.WriteBytes(filepath.Join(tmp, name), 0o644, data); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return made.Verification, fmt.Errorf("writer: %w", err)
	}
	return made.Verification, nil
}

// arrange returns the files of a layout. It reports a folder that holds others, which would be lost with it.
func arrange(dir string, made Made, o Options) (map[string][]byte, error) {
	about := o.About
	if about == nil {
		about = o.Record
	}
	files, err := layout.Arrange(o.Layout, layout.Bundle{Manifest: &made.Manifest, Files: made.Files, Record: about})
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if _, ours := files[filepath.ToSlash(name)]; err == nil && !e.IsDir() && !ours && !atomicfile.Unfinished(e.Name()) {
			return fmt.Errorf("%s is no file of this %s folder, and would be lost with it: move it away, or choose another folder: %w", path, o.Layout, atomicfile.ErrTarget)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return files, err
}

// Where a bundle keeps its variants, and an embedder.
const (
	variantsDir = "variants"
	textDir     = "text"
)

// checkReplaceable reports a folder that is there and holds something else than a bundle, which would be lost.
func checkReplaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(entries) == 0:
		return nil
	case err != nil:
		return fmt.Errorf("writer: %w", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, bundle.ManifestFile)); err != nil {
		return fmt.Errorf("writer: %s is not a bundle (it has no %s), and only bundles are replaced: choose another folder: %w", dir, bundle.ManifestFile, atomicfile.ErrTarget)
	}
	return checkOurs(dir, entries, true)
}

// checkOurs reports what is no file of a bundle, in its folder or in those of its variants and its embedder.
func checkOurs(dir string, entries []fs.DirEntry, top bool) error {
	for _, e := range entries {
		name := e.Name()
		switch {
		case filepath.Ext(name) == ".onnx" && !e.IsDir(), atomicfile.Unfinished(name), top && (name == bundle.ManifestFile || name == bundle.VerificationFile):
			continue
		case !top && !e.IsDir() && filepath.Join(filepath.Base(dir), name) == filepath.FromSlash(bundle.TokenizerFile):
			continue
		case top && e.IsDir() && (name == variantsDir || name == textDir):
			below, err := os.ReadDir(filepath.Join(dir, name))
			if err != nil {
				return fmt.Errorf("writer: %w", err)
			}
			if err := checkOurs(filepath.Join(dir, name), below, false); err != nil {
				return err
			}
			continue
		}
		return fmt.Errorf("writer: %s is no file of a bundle, and would be lost with the folder: move it away, or choose another folder: %w", filepath.Join(dir, name), atomicfile.ErrTarget)
	}
	return nil
}

// Make exports the graphs and verifies each against gorgonia at several batch sizes. m is the manifest without format, opset
// and files, which Make fills in. Equal graphs, weights and manifests give equal graph and manifest bytes, whatever the
// verification measured: verification.json is not among the hashed files.
func Make(ctx context.Context, m bundle.Manifest, graphs []Part, o Options) (Made, error) {
	if err := o.Text.describe(&m); err != nil {
		return Made{}, err
	}
	v := Verification{Runner: o.Backend.Name(), Tolerance: export.Tolerance, Graphs: map[string]export.Verified{}, Record: o.Record}
	m.FormatVersion, m.Producer, m.Opset, m.IRVersion = m.Version(), export.Producer, export.Opset, export.IRVersion
	m.Files = map[string]bundle.File{}
	content := map[string][]byte{}
	for _, g := range graphs {
		data, err := g.Export(ctx, &m)
		if err != nil {
			return Made{}, err
		}
		content[g.File] = data
		m.Files[g.File] = bundle.Hash(data)
	}
	if err := v.verify(ctx, m, graphs, content, o.Backend); err != nil {
		return Made{}, fmt.Errorf("%w: %w", ErrVerification, err)
	}
	if err := v.addVariants(ctx, &m, content, o); err != nil {
		return Made{}, err
	}
	if err := o.Text.add(ctx, &m, content, o.Backend); err != nil {
		return Made{}, err
	}
	var err error
	if v.SelfTest, err = selfTest(ctx, m, content, o.Backend); err != nil {
		return Made{}, fmt.Errorf("writer: self-test: %w", err)
	}
	manifest, err := m.Encode()
	if err != nil {
		return Made{}, err
	}
	record, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return Made{}, fmt.Errorf("writer: verification.json: %w", err)
	}
	content[bundle.ManifestFile], content[bundle.VerificationFile] = manifest, append(record, '\n')
	return Made{m, content, v}, ctx.Err()
}

// addVariants makes the variants of graphs that were verified, and compares each with float32.
func (v *Verification) addVariants(ctx context.Context, m *bundle.Manifest, content map[string][]byte, o Options) error {
	for _, name := range o.Variants {
		s := variant.Source{
			Manifest: m, Encoder: content[bundle.EncoderFile], Threshold: content[bundle.ThresholdFile],
			Rows: o.Rows.Calibration, Fingerprint: o.Rows.Fingerprint,
			Backend: o.Backend, Timer: o.Timer,
		}
		v.Timed = o.Backend.Name()
		if o.Timer != nil {
			v.Timed = o.Timer.Name() + ", one thread"
		}
		data, described, err := variant.Make(ctx, name, s)
		if err != nil {
			return err
		}
		compared, err := variant.Compare(ctx, name, data, described, s, o.Rows.HeldOut)
		if err != nil {
			return err
		}
		if v.Variants == nil {
			v.Variants, m.Variants = map[string]variant.Comparison{}, map[string]bundle.Variant{}
		}
		v.Variants[name], v.HeldOut, m.Variants[name] = compared, o.Rows.HeldOutIs, described
		content[described.File], m.Files[described.File] = data, bundle.Hash(data)
	}
	return nil
}

// Export returns the graph as an ONNX model, with the manifest's facts about it in its metadata.
func (g Part) Export(ctx context.Context, m *bundle.Manifest) ([]byte, error) {
	g.Options.Metadata = m.Metadata(g.File)
	model, err := export.Graph(ctx, g.Trace, g.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", g.File, err)
	}
	return model.Bytes()
}

// verify compares each graph with gorgonia, and the codes of the first two together.
func (v *Verification) verify(ctx context.Context, m bundle.Manifest, graphs []Part, content map[string][]byte, b backend.Backend) error {
	loaded := map[string]backend.Graph{}
	defer func() {
		for _, l := range loaded {
			l.Close()
		}
	}()
	for _, g := range graphs {
		l, err := backend.Load(ctx, b, content[g.File], g.File)
		if err != nil {
			return err
		}
		loaded[g.File] = l
		if v.Graphs[g.File], err = export.Verify(ctx, l, g.Trace, verifyBatches, g.Inputs); err != nil {
			return fmt.Errorf("%s: %w", g.File, err)
		}
	}
	return v.Codes.check(ctx, m.Latent, graphs, loaded)
}

// check compares codes end to end: rows through encoder and threshold, on the runner and on gorgonia.
func (c *CodeCheck) check(ctx context.Context, l bundle.Latent, graphs []Part, loaded map[string]backend.Graph) error {
	byFile := map[string]Part{}
	for _, g := range graphs {
		byFile[g.File] = g
	}
	c.Margin = 10 * export.Tolerance
	for _, batch := range verifyBatches {
		in := byFile[bundle.EncoderFile].Inputs(batch)
		logits, err := loaded[bundle.EncoderFile].Run(ctx, in...)
		if err != nil {
			return err
		}
		codes, err := loaded[bundle.ThresholdFile].Run(ctx, logits[0])
		if err != nil {
			return err
		}
		wantLogits, err := export.Reference(ctx, byFile[bundle.EncoderFile].Trace, batch, in)
		if err != nil {
			return err
		}
		want, err := export.Reference(ctx, byFile[bundle.ThresholdFile].Trace, batch, wantLogits[:1])
		if err != nil {
			return err
		}
		latent, reference := l.Dist(), wantLogits[0].Floats()
		width, bits := latent.Logits(), latent.Bits()
		got, expected := bitsOf(codes[1], bits), bitsOf(want[1], bits)
		for row := range batch {
			near := latent.NearDecision(reference[row*width:][:width], c.Margin)
			for i := range bits {
				at := row*bits + i
				if near[i] {
					c.Aside++
					continue
				}
				c.Bits++
				if got[at] != expected[at] {
					return fmt.Errorf("bit %d of row %d at batch %d is %d, gorgonia has %d", i, row, batch, got[at], expected[at])
				}
			}
		}
	}
	return nil
}

// bitsOf returns the bits of packed codes, one a byte.
func bitsOf(packed onnxtensor.Tensor, bits int) []byte {
	data, _ := packed.Data.([]byte) // the graph has been verified
	var out []byte
	for width := (bits + 7) / 8; len(data) >= width; data = data[width:] {
		for i := range bits {
			out = append(out, data[i/8]>>(7-i%8)&1)
		}
	}
	return out
}

// RandomInputs returns inputs for [Part]: one float32 tensor whose values spread maps from numbers uniform in (0,1).
func RandomInputs(name string, shape func(batch int) []int64, spread func(u float32) float32) func(batch int) []onnxtensor.Tensor {
	return func(batch int) []onnxtensor.Tensor {
		s := shape(batch)
		n, err := onnxtensor.Size(s)
		if err != nil {
			return nil
		}
		data := make([]float32, n)
		noise.Stream{Seed: uint64(batch), Purpose: noise.Evaluation}.Uniform(data, 0, 0)
		for i, u := range data {
			data[i] = spread(u)
		}
		return []onnxtensor.Tensor{{Name: name, Shape: s, Data: data}}
	}
}
