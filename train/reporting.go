package train

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/imgrid"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/train/evaluate"
	"github.com/catvae/catvae/train/report"
)

// pictures is how many rows and samples a report shows.
const pictures = 48

// writeReport writes RUN/report.html from the run's records and the model that it exported.
func (r *run) writeReport(ctx context.Context, model *runtime.Model, set *dataset.Set) error {
	d := report.Data{Title: "Training run " + r.trained.Name, Shape: set.Shape, Curves: r.curves(), Settings: reportSettings(r.config)}
	d.Predicted = !r.trained.Model.Cut.IsZero()
	d.Figures = figures(r.result, r.trained.Model.Bits(), r.config.chooses())
	d.Notes = []string{fmt.Sprintf("Trained on %s (%d rows, %d more held out for validation), %d steps of %d rows, by the engine %s; measured and verified on %s.",
		r.training.Source, r.training.Len(), r.held.Len(), r.step, r.config.Batch, r.engine.Name(), r.options.Backend.Name())}
	d.Warnings = r.result.Warnings
	if s := r.result.Scale; s != "" {
		d.Notes = append(d.Notes, strings.ToUpper(s[:1])+s[1:]+".")
	}
	for _, note := range []string{r.result.Thresholds, r.result.Hint} {
		if note != "" {
			d.Notes = append(d.Notes, strings.ToUpper(note[:1])+note[1:]+".")
		}
	}
	if n := len(r.result.Bad); n > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%d rows were bad and passed over, the first: %v.", n, r.result.Bad[0]))
	}
	if r.result.Interrupted {
		d.Notes = append(d.Notes, "The run was stopped before its last epoch.")
	}
	if l := r.lost; l != nil {
		d.Notes = append(d.Notes, fmt.Sprintf("The best epoch was %d, with a validation -ELBO of %.2f nats. Its weights are lost: its checkpoint was damaged. These are of another epoch.", l.Epoch, -l.Evaluation.ELBO))
	}
	if lost := r.folder.lostBytes(); lost > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("The curves have gaps: when the run was resumed, %d bytes of %s were damaged or missing. No weight depends on them.", lost, MetricsFile))
	}
	d.Retrieval = retrievalTable(r.result.Retrieval)
	for _, b := range r.result.Test.Bits {
		d.Bits = append(d.Bits, report.Bit{Mean: b.Mean, KL: b.KL, Active: b.Active()})
	}
	if u := r.result.Test.Codes; u != nil {
		d.CodeUse = u.String()
		for i, b := range u.Each {
			d.Bits[i].Ones, d.Bits[i].Entropy, d.Bits[i].Like = b.Mean, b.Entropy, b.Like
		}
	}
	show := r.addPictures
	if !imgrid.Pictures(set.Shape) {
		show = r.addColumns
	}
	if err := show(ctx, model, set, &d); err != nil {
		return err
	}
	if r.options.Commands != nil {
		d.Commands = r.options.Commands(r.result)
	}
	var page bytes.Buffer
	if err := report.Write(&page, d); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if err := atomicfile.WriteIn(r.folder.root, ReportFile, 0o644, page.Bytes()); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

func (r *run) addPictures(ctx context.Context, model *runtime.Model, set *dataset.Set, d *report.Data) error {
	n, size := min(pictures, set.Len()), set.RowSize()
	rows := make([]float32, n*size)
	for i := range n {
		set.Row(i, rows[i*size:][:size])
	}
	seen := append([]float32(nil), rows...) // the encoder gets what it was trained on
	for i := range n {
		dataset.Binarizer{Rule: r.config.Data.Binarize, Seed: r.config.Seed}.Apply(seen[i*size:][:size], 0, uint32(i))
	}
	decoded, err := model.Reconstruct(ctx, nil, seen)
	if err != nil {
		return err
	}
	d.Black, d.White = set.Values().Shades()
	d.Originals, d.Reconstructions = split(rows, size), split(completed(model, seen, decoded), size)
	if model.Manifest().Predicted != nil { // nothing is drawn without a row
		return nil
	}
	samples, err := model.Sample(ctx, nil, pictures, r.config.Seed)
	if err != nil {
		return err
	}
	d.Samples = split(samples, size)
	return nil
}

// completed returns whole rows for what a model made of seen ones: each as it was seen, with what is predicted of it in its place.
func completed(model *runtime.Model, seen, decoded []float32) []float32 {
	m := model.Manifest()
	if m.Predicted == nil {
		return decoded
	}
	whole, size, part := slices.Clone(seen), m.Input.RowSize(), m.TargetSize()
	for i := range len(whole) / size {
		dist.PutTarget(m.Cut(), whole[i*size:][:size], decoded[i*part:][:part], m.Input.RowShape())
	}
	return whole
}

func split(values []float32, size int) (rows [][]float32) {
	for ; len(values) >= size; values = values[size:] {
		rows = append(rows, values[:size])
	}
	return rows
}

// curves turns the records into plots.
func (r *run) curves() []report.Curve {
	series := func(name string, kind string, y func(Record) float64) report.Series {
		s := report.Series{Name: name}
		for _, rec := range r.folder.records {
			if rec.Kind == kind {
				s.X, s.Y = append(s.X, float64(rec.Step)), append(s.Y, y(rec))
			}
		}
		return s
	}
	return []report.Curve{
		{Name: "The relaxed objective in training. It is not a bound: compare the validation bound.", XLabel: "step", YLabel: "nats a row", Series: []report.Series{
			series("loss", "step", func(r Record) float64 { return r.Parts.Loss }),
			series("reconstruction", "step", func(r Record) float64 { return r.Parts.Reconstruction }),
			series("KL", "step", func(r Record) float64 { return r.Parts.KL }),
		}},
		{Name: "The bound on held-out rows, from hard samples; lower is better.", XLabel: "step", YLabel: "nats a row", Series: []report.Series{
			series("-ELBO", "validation", func(r Record) float64 { return -r.Evaluation.ELBO }),
			series("reconstruction", "validation", func(r Record) float64 { return r.Evaluation.Reconstruction }),
			series("KL", "validation", func(r Record) float64 { return r.Evaluation.KL }),
		}},
		{Name: "Temperature of the relaxation and weight of the divergence.", XLabel: "step", YLabel: "", Series: []report.Series{
			series("temperature", "step", func(r Record) float64 { return r.Temperature }),
			series("KL weight", "step", func(r Record) float64 { return r.KLWeight }),
		}},
		{Name: "The hard codes of the held-out rows.", XLabel: "step", YLabel: "bits", Series: []report.Series{
			series("entropy", "validation", func(r Record) float64 { return r.use().Entropy }),
			series("dead", "validation", func(r Record) float64 { return float64(r.use().Dead) }),
			series("duplicate", "validation", func(r Record) float64 { return float64(r.use().Duplicate) }),
		}},
	}
}

// use returns that of the hard codes; NaN, which is not drawn, in records of earlier versions.
func (r Record) use() evaluate.CodeUse {
	if u := r.Evaluation.Codes; u != nil {
		return *u
	}
	return evaluate.CodeUse{Entropy: math.NaN()}
}

func figures(r Result, bits int, chosen string) []report.Figure {
	number := func(x float64) string { return fmt.Sprintf("%.2f", x) }
	e, u := r.Test, Record{Evaluation: &r.Test}.use()
	name, meaning := "best epoch", "By the validation bound; test rows never choose."
	if chosen == BestLast {
		name, meaning = "epoch", "The last one, as the configuration says."
	}
	if r.LostEpoch > 0 {
		name, meaning = "epoch", fmt.Sprintf("Whose weights these are. The best was %d, and is lost.", r.LostEpoch)
	}
	figure := func(name, value, unit, meaning string) report.Figure {
		return report.Figure{Name: name, Value: value, Unit: unit, Meaning: meaning}
	}
	list := []report.Figure{
		figure("-ELBO", number(-e.ELBO), "nats a row", fmt.Sprintf("Negative 1-sample bound on %d rows (%s), hard samples, binarisation %s; lower is better.", e.Rows, r.TestSplit, e.Binarize)),
		figure(fmt.Sprintf("-IWAE, K = %d", e.Samples), number(-e.IWAE), "nats a row", fmt.Sprintf("Negative %d-sample bound: closer to -ln p(x).", e.Samples)),
		figure("reconstruction", number(e.Reconstruction), "nats a row", "-ln p(x|z) of a hard sample."),
		figure("KL", number(e.KL), "nats a row", "How much the code says about a row: the divergence of the posterior from the prior."),
		figure("distinct codes", fmt.Sprint(u.Distinct), fmt.Sprintf("of %d distinct rows", u.DistinctRows), "Rows with the same code cannot be told apart."),
		figure("entropy of the bits", number(u.Entropy), fmt.Sprintf("of %d bits", bits), fmt.Sprintf("How much the hard bits, those that are shipped, vary over the rows, each taken alone: %.2f a bit.", u.Entropy/float64(bits))),
		figure("dead bits", fmt.Sprint(u.Dead), fmt.Sprintf("of %d", bits), "Hard bits that are the same in every row."),
		figure("duplicate bits", fmt.Sprint(u.Duplicate), fmt.Sprintf("of %d", bits), "Hard bits that are equal to an earlier one, or its opposite, in every row."),
		figure(name, fmt.Sprint(r.BestEpoch), "", meaning),
	}
	if e.Conditional {
		list = slices.Concat([]report.Figure{
			figure("-ln p(y|x), 1 sample", number(-e.ELBO), "nats a row", fmt.Sprintf("Negative 1-sample bound of the predicted part y of a row, given the rest x, on %d rows (%s), hard samples, binarisation %s; lower is better.", e.Rows, r.TestSplit, e.Binarize)),
			figure(fmt.Sprintf("-ln p(y|x), K = %d", e.Samples), number(-e.IWAE), "nats a row", fmt.Sprintf("Negative %d-sample bound: closer to -ln p(y|x).", e.Samples)),
		}, list[4:])
	}
	if d := e.PerDimension; d != nil {
		bits := figure("bits a "+d.Of, fmt.Sprintf("%.4f", d.ELBO), "bits", fmt.Sprintf("The -ELBO of all rows, divided by ln 2 and by how many %ss they have; %.4f by the -IWAE.", d.Of, d.IWAE))
		list = slices.Insert(list, 2, bits)
	}
	return list
}

// reportSettings lists a configuration key by key.
func reportSettings(c Config) (list []report.Setting) {
	for _, s := range settings(c) {
		list = append(list, report.Setting{Key: s.key, Value: s.value})
	}
	return list
}
