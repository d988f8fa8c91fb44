package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/bundle/layout"
	"github.com/catvae/catvae/bundle/writer"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
)

// A Trained is a configuration with trained weights: what is exported.
type Trained struct {
	Name   string // of the model, for people
	Config Config
	Model  builder.Model
	Params *builder.Params
	// Thresholds of the latent logits, one for each bit that is decided by one: see dist.Latent. nil means 0.
	Thresholds []float32

	dir      string         // of the run that it was opened from, "" for none
	record   map[string]any // what a bundle's record must say of the weights
	warnings []string       // what its manifest must
}

// BundleOptions say how a bundle is written.
type BundleOptions struct {
	Force   bool
	Backend backend.Backend // verifies the graphs that were written
	Record  map[string]any  // kept in verification.json, with what a run knows of its weights

	Variants []string           // see package variant
	Rows     writer.VariantRows // for variants: see VariantRows
	Text     *writer.Text       // an embedder to write with the bundle, nil for none
	Timer    backend.Backend    // times variants, on one thread; Backend where it is nil

	Layout string // see package bundle/layout; "" means that of bundles
}

// WriteBundle exports the encoder, the threshold and the decoder, and the graph of layers where there are any, verifies them against gorgonia, and writes the bundle.
// Equal weights and configurations give equal bytes.
func (t Trained) WriteBundle(ctx context.Context, dir string, o BundleOptions) (writer.Verification, error) {
	m, err := t.manifest()
	if err != nil {
		return writer.Verification{}, err
	}
	to := t.writerOptions(o)
	if to.Layout = o.Layout; t.dir != "" && to.Layout != "" && to.Layout != layout.Plain { // which tells of what the run measured
		v, err := readVerification(t.dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return writer.Verification{}, err
		}
		to.About = v.Record
	}
	return writer.Write(ctx, dir, m, t.graphs(), to)
}

func (t Trained) writerOptions(o BundleOptions) writer.Options {
	record := maps.Clone(t.record)
	if record == nil {
		record = o.Record
	} else {
		maps.Copy(record, o.Record)
	}
	return writer.Options{Force: o.Force, Backend: o.Backend, Record: record, Variants: o.Variants, Rows: o.Rows, Text: o.Text, Timer: o.Timer}
}

// InMemory exports the model and opens it without writing files, for evaluation during a run. The model must be closed.
func (t Trained) InMemory(ctx context.Context, on backend.Backend) (*runtime.Model, error) {
	m, err := t.manifest()
	if err != nil {
		return nil, err
	}
	graphs := map[string][]byte{}
	for _, g := range t.graphs() {
		if graphs[g.File], err = g.Export(ctx, &m); err != nil {
			return nil, err
		}
	}
	return runtime.New(ctx, &m, graphs, runtime.WithBackend(on))
}

func (t Trained) manifest() (bundle.Manifest, error) {
	config, err := json.Marshal(t.Config)
	if err != nil {
		return bundle.Manifest{}, fmt.Errorf("train: configuration: %w", err)
	}
	values, err := t.Config.Values()
	if err != nil {
		return bundle.Manifest{}, err
	}
	m := bundle.Manifest{
		Name: t.Name, Model: config, Warnings: t.warnings, Input: bundle.InputOf(values),
		Latent: bundle.Latent{
			Kind: t.Model.Latent.Kind, Variables: t.Model.Latent.Dist().Variables, Categories: t.Model.Latent.Categories, Groups: t.Model.Latent.Groups,
			Prior: bundle.Prior{Kind: t.Model.Latent.Prior}, BitOrder: bundle.BitOrderMSBFirst,
		},
	}
	if slices.ContainsFunc(t.Thresholds, func(x float32) bool { return x != 0 }) {
		m.Latent.Thresholds = t.Thresholds
	}
	if t.Model.Certain() {
		m.Latent.Posterior = dist.PointPosterior
	}
	if t.Model.HasQuery() {
		m.Outputs = append(m.Outputs, bundle.Query)
	}
	if t.indexed() {
		m.Outputs = append(m.Outputs, bundle.IndexCode)
	}
	m.SetLikelihood(t.Model.Likelihood)
	if m.Input.Numbers != "" {
		m.Input.DivideFrom = t.Config.Data.DivideFrom
	}
	m.Input.Standard = t.manifestStandard()
	m.Input.Seen = string(t.Config.Data.Binarize)
	m.Input.Columns, m.Input.ColumnsSum = t.Config.Data.Table.Names, t.Config.Data.Table.NamesSum
	if e := t.Config.Data.Embedder; e != (bundle.Embedder{}) {
		m.Input.Embedder = &e
	}
	if first, err := strconv.Atoi(t.Config.Data.Table.FirstColumn); err == nil {
		m.Input.FirstColumn = &first
	}
	for _, d := range t.Model.Input {
		m.Input.Shape = append(m.Input.Shape, int64(d))
	}
	m.Predicted = bundle.PredictedOf(t.Model.Cut, t.Model.Input)
	m.Input.Image = t.Config.Data.manifestImage(t.Model.Input)
	if t.Model.Latent.Prior == builder.PriorLearned {
		values := t.Params.Value("prior/logits")
		if values == nil {
			return m, fmt.Errorf("train: the weights lack prior/logits: they belong to a model with a uniform prior")
		}
		for _, x := range builder.Floats(values) {
			m.Latent.Prior.Logits = append(m.Latent.Prior.Logits, float32(x))
		}
	}
	return m, nil
}

// graphs returns the bundle's graphs with their names, documentation and inputs for verification.
func (t Trained) graphs() []writer.Part {
	latent := func(batch int) []int64 { return int64s(t.Model.LatentShape(batch)) }
	code := func(batch int) []int64 { return int64s(t.Model.CodeShape(batch)) }
	sample := func(batch int) []int64 { return int64s(t.Model.InputShape(batch)) }
	codes := writer.RandomInputs(bundle.Code, code, func(u float32) float32 {
		clear, set := t.family().Unpacked()
		if u > 0.5 {
			return set
		}
		return clear
	})
	parts := []writer.Part{
		{
			File: bundle.EncoderFile, Trace: t.traceEncoder,
			Options: t.options("encoder", "Latent logits of rows: what the encoder says of each latent variable before any decision."),
			Inputs:  t.decided(t.inputs(writer.RandomInputs(bundle.Sample, sample, t.spread))),
		}, {
			File: bundle.ThresholdFile, Trace: t.traceThreshold,
			Options: t.options("threshold", "Hard codes of latent logits, as numbers and packed into bytes."),
			Inputs:  writer.RandomInputs(bundle.LatentLogits, latent, func(u float32) float32 { return 8 * (u - 0.5) }),
		}, {
			File: bundle.DecoderFile, Trace: t.traceDecoder,
			Options: t.options("decoder", t.decoderDoc()),
			Inputs:  codes,
		},
	}
	if t.Model.Latent.Dist().Layered() {
		parts = append(parts, writer.Part{
			File: bundle.LayersFile, Trace: t.traceLayers,
			Options: t.options("layers", t.layersDoc()),
			Inputs:  codes,
		})
	}
	return parts
}

// decoderDoc and layersDoc say what the graphs give. They are part of the graphs, whose bytes stay the same: do not reword them.
func (t Trained) decoderDoc() string {
	if !t.Model.Cut.IsZero() {
		return "The part of rows that is predicted, for codes of the rest."
	}
	return "Reconstructions of codes."
}

func (t Trained) layersDoc() string {
	if !t.Model.Cut.IsZero() {
		return "What the first layer of codes says of the second."
	}
	return "What the layers of codes say of each other: the posterior of the second, the prior of the first."
}

func int64s(s []int) []int64 {
	r := make([]int64, len(s))
	for i, v := range s {
		r[i] = int64(v)
	}
	return r
}

// options describe a graph; its metadata come from the manifest.
func (t Trained) options(role, doc string) export.Options {
	return export.Options{Name: role, Doc: doc, Prefix: role + "/", BatchAxis: bundle.BatchAxis}
}

// spread maps u, within (0,1), to a value that a row may have.
func (t Trained) spread(u float32) float32 {
	v, err := t.Config.Values()
	if err != nil || math.IsInf(v.Most-v.Least, 0) || v.Most-v.Least > 1e6 {
		if err == nil && v.Counts() {
			return float32(int(8 * u))
		}
		return 8 * (u - 0.5)
	}
	return float32(v.Least) + u*float32(v.Most-v.Least)
}

// sampleDoc says what rows are.
func (t Trained) sampleDoc() string {
	l, err1 := dist.LikelihoodOf(t.Model.Likelihood)
	v, err2 := t.Config.Values()
	if errors.Join(err1, err2) != nil {
		return ""
	}
	if v == l.Values() || v == l.Values().Alike(v.Bytes, v.Whole) && v.Bytes == l.Values().Bytes {
		return l.SampleDoc()
	}
	if v.One {
		return fmt.Sprintf("Rows within [%g,%g]: the numbers of files divided by %g.", v.Least, v.Most, v.Bytes)
	}
	return fmt.Sprintf("Rows within [%g,%g]; bytes divided by %g, other numbers by %g.", v.Least, v.Most, v.Bytes, v.Numbers)
}

const (
	packedDoc = "The code's bits as bytes, most significant bit first, the last byte padded with zeros; as numpy.packbits."
	indexDoc  = "The category of each variable, a byte each."
	queryDoc  = "What a search scores codes by, larger for nearer rows: the sum of query·(2·bit - 1) over bits, of query[variable, category] over the variables of categorical codes."
)

// indexed reports whether the threshold gives codes as one byte a variable, too.
func (t Trained) indexed() bool {
	return bundle.Latent{Categories: t.Model.Latent.Categories}.Indexed()
}

func (t Trained) family() dist.Family { return t.Model.Latent.Dist().Family }

func (t Trained) traceEncoder(batch int) (export.Traced, error) {
	b := builder.New(t.Params)
	x := b.Input(bundle.Sample, t.Model.InputShape(batch)...)
	logits, query := t.Model.EncodeQuery(b, x)
	outputs := []export.Named{{Name: bundle.LatentLogits, Doc: t.family().LogitsDoc(), Node: logits}}
	if t.Model.HasQuery() {
		outputs = append(outputs, export.Named{Name: bundle.Query, Doc: queryDoc, Node: query})
	}
	return export.Traced{
		Inputs:  []export.Named{{Name: bundle.Sample, Doc: t.sampleDoc(), Node: x}},
		Outputs: outputs,
	}, b.Err()
}

func (t Trained) traceThreshold(batch int) (export.Traced, error) {
	b := builder.New(t.Params)
	logits := b.Input(bundle.LatentLogits, t.Model.LatentShape(batch)...)
	code, packed := t.Model.HardCode(b, logits, t.Thresholds)
	outputs := []export.Named{{Name: bundle.Code, Doc: t.family().CodeDoc(), Node: code}, {Name: bundle.PackedCode, Doc: packedDoc, Node: packed}}
	if t.indexed() {
		outputs = append(outputs, export.Named{Name: bundle.IndexCode, Doc: indexDoc, Node: t.Model.Index(b, code)})
	}
	return export.Traced{
		Inputs:  []export.Named{{Name: bundle.LatentLogits, Doc: t.family().LogitsDoc(), Node: logits}},
		Outputs: outputs,
	}, b.Err()
}

func (t Trained) traceDecoder(batch int) (export.Traced, error) {
	b := builder.New(t.Params)
	code := b.Input(bundle.Code, t.Model.CodeShape(batch)...)
	outputs := t.Model.Decode(b, code)
	l, err := dist.LikelihoodOf(t.Model.Likelihood)
	if err != nil {
		return export.Traced{}, fmt.Errorf("train: %w", err)
	}
	return export.Traced{
		Inputs: []export.Named{{Name: bundle.Code, Doc: t.family().CodeDoc(), Node: code}},
		Outputs: []export.Named{
			{Name: bundle.Reconstruction, Doc: l.MeanDoc(), Node: t.Model.Reconstruction(b, outputs)},
			{Name: bundle.ReconstructionLogits, Doc: l.OutputsDoc(), Node: outputs},
		},
	}, b.Err()
}
