package train_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/datatest"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/retrieval"
	"github.com/catvae/catvae/train/rivals"
)

// decided trains a run for a few steps, after which most bits are off balance.
func decided(t *testing.T, data, out string, sets ...string) train.Result {
	t.Helper()
	c := config(t, append([]string{"steps=20", "batch=50", "data.validation=200", "objective.kl_warmup_part=0"}, sets...)...)
	r, err := train.Run(t.Context(), c, train.Options{Source: data, Out: out, Backend: ortest.Backend(t), Samples: 1, Resume: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func openBundle(t *testing.T, dir string) *runtime.Model {
	t.Helper()
	m, err := runtime.Open(t.Context(), dir, runtime.WithBackend(ortest.Backend(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// splitOf returns the rows that a run was trained on, and those that it held out.
func splitOf(t *testing.T, run, data string) train.Split {
	t.Helper()
	set, err := dataset.Load(t.Context(), data, dataset.Options{Values: openBundle(t, filepath.Join(run, train.BundleDir)).Manifest().Input.Values()})
	if err != nil {
		t.Fatal(err)
	}
	s, ok, err := train.SplitOf(run, set)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return s
}

func rowsIn(set *dataset.Set) []float32 {
	rows := make([]float32, set.Len()*set.RowSize())
	for i := range set.Len() {
		set.Row(i, rows[i*set.RowSize():][:set.RowSize()])
	}
	return rows
}

// Thresholds are the medians of the logits of the rows trained on, as a sort finds them, so that each bit is 1 in half of these rows. Weights
// and bounds are those of a run without them; codes are what package dist says, on every backend, up to ties; so are those of variants, and of a
// bundle that is exported later.
func TestMedianThresholds(t *testing.T) {
	t.Parallel()
	data, dir := glyphFile(t, 901), t.TempDir()
	for name, sets := range map[string][]string{
		"bernoulli": {"latent.variables=9", "objective.contrast.weight=1", "objective.neighbours.count=2", "objective.neighbours.from=2"},
		"mixed":     {"latent.kind=mixed", "latent.groups=bernoulli:5,categorical:2x3,bernoulli:3"},
	} {
		zero, out := filepath.Join(dir, name, "zero"), filepath.Join(dir, name, "median")
		plain := decided(t, data, zero, sets...)
		r := decided(t, data, out, append(sets, "latent.thresholds=median")...)
		for _, file := range []string{bundle.EncoderFile, bundle.DecoderFile} {
			a, err1 := os.ReadFile(filepath.Join(zero, train.BundleDir, file))
			b, err2 := os.ReadFile(filepath.Join(out, train.BundleDir, file))
			if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
				t.Errorf("%s: thresholds change %s: %v, %v", name, file, err1, err2)
			}
		}
		if r.Test.ELBO != plain.Test.ELBO || r.Test.KL != plain.Test.KL || r.Validation.IWAE != plain.Validation.IWAE {
			t.Errorf("%s: thresholds change the bound: %+v, %+v", name, r.Test, plain.Test)
		}
		if r.Test.Codes.Entropy <= plain.Test.Codes.Entropy || plain.Thresholds != "" || !strings.Contains(r.Thresholds, "over 701 of the rows trained on") {
			t.Errorf("%s: entropies %g and %g, %q", name, r.Test.Codes.Entropy, plain.Test.Codes.Entropy, r.Thresholds)
		}
		checkMedians(t, filepath.Join(out, train.BundleDir), rowsIn(splitOf(t, out, data).Training))
		opened, err := train.OpenRun(out, nil)
		if err != nil {
			t.Fatal(err)
		}
		again := filepath.Join(dir, name, "again")
		if _, err := opened.WriteBundle(t.Context(), again, train.BundleOptions{Backend: ortest.Backend(t)}); err != nil {
			t.Fatal(err)
		}
		a, err1 := bundle.Open(again)
		b, err2 := bundle.Open(filepath.Join(out, train.BundleDir))
		if err1 != nil || err2 != nil || a.Hash() != b.Hash() {
			t.Errorf("%s: a bundle that is exported later is another: %v, %v", name, err1, err2)
		}
		if name == "mixed" {
			continue
		}
		rows, err := opened.VariantRows(t.Context(), data)
		if err != nil {
			t.Fatal(err)
		}
		v, err := opened.WriteBundle(t.Context(), filepath.Join(dir, name, "variants"), train.BundleOptions{Backend: ortest.Backend(t), Variants: []string{bundle.VariantUint8, bundle.VariantInt8}, Rows: rows})
		if err != nil {
			t.Fatal(err)
		}
		if u, i := v.Variants[bundle.VariantUint8], v.Variants[bundle.VariantInt8]; u.Turned > 0 || i.Agreement < 0.97 {
			t.Errorf("%s: of uint8 %d bits turned, of int8 %.3f agree", name, u.Turned, i.Agreement)
		}
	}
}

// checkMedians compares the thresholds of a model, and what it makes of them, with a sort of the logits of the rows trained on.
func checkMedians(t *testing.T, name string, rows []float32) {
	t.Helper()
	model := openBundle(t, name)
	ctx, l := t.Context(), model.Manifest().Latent.Dist()
	logits, err := model.Logits(ctx, nil, rows)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := model.Encode(ctx, nil, rows)
	if err != nil {
		t.Fatal(err)
	}
	pure, err := runtime.Open(ctx, name, runtime.WithBackend(purego.New()))
	if err != nil {
		t.Fatal(err)
	}
	defer pure.Close()
	elsewhere, err := pure.Encode(ctx, nil, rows)
	if err != nil {
		t.Fatal(err)
	}
	n, width, bits := len(rows)/784, l.Logits(), l.Bits()
	stats, err := codes.NewStats(bits)
	if err != nil {
		t.Fatal(err)
	}
	if err := stats.Add(packed); err != nil {
		t.Fatal(err)
	}
	places := l.Decided()
	if len(places) == 0 || len(places) != len(l.Thresholds) {
		t.Fatalf("%s: %d thresholds of %d bits", name, len(l.Thresholds), len(places))
	}
	for i, place := range places {
		var column []float64
		for row := range n {
			column = append(column, float64(logits[row*width+place]))
		}
		slices.Sort(column)
		if want := (column[(n-1)/2] + column[n/2]) / 2; math.Abs(float64(l.Thresholds[i])-want) > 1e-5*math.Max(1, math.Abs(want)) {
			t.Errorf("%s: threshold %d is %g, the median of the logits is %g", name, i, l.Thresholds[i], want)
		}
	}
	hard, off := make([]float32, bits), 0 // rows with a logit within rounding of a median, which is some row's logit, or lies between two
	for row := range n {
		l.Harden(hard, logits[row*width:][:width])
		want, err := codes.Pack(nil, hard, bits)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range [][]byte{packed, elsewhere} {
			if !bytes.Equal(got[row*len(want):][:len(want)], want) {
				off++
			}
		}
	}
	if off > 2*len(places) {
		t.Errorf("%s: %d of %d codes are not those of package dist", name, off, n)
	}
	for i := range bits {
		if !slices.Contains(places, i) { // Bernoulli variables have one bit each, at the place of their logit
			continue
		}
		if ones := stats.Mean(i); math.Abs(ones-0.5) > 2.5/float64(n) {
			t.Errorf("%s: bit %d is 1 in %.4f of the rows trained on", name, i, ones)
		}
	}
	checkTies(t, model, l)
}

// checkTies feeds the threshold graph logits at the thresholds, and the next numbers above: 0, and 1.
func checkTies(t *testing.T, model *runtime.Model, l dist.Latent) {
	t.Helper()
	logits := make([]float32, 2*l.Logits())
	for i, place := range l.Decided() {
		logits[place] = l.Thresholds[i]
		logits[l.Logits()+place] = math.Nextafter32(l.Thresholds[i], float32(math.Inf(1)))
	}
	packed, err := model.Threshold(t.Context(), nil, logits)
	if err != nil {
		t.Fatal(err)
	}
	got, err := codes.Unpack(nil, packed, l.Bits())
	if err != nil {
		t.Fatal(err)
	}
	for i, place := range l.Decided() {
		if at, above := got[place], got[l.Bits()+place]; at != 0 || above != 1 {
			t.Errorf("bit %d is %d at its threshold and %d above it", i, at, above)
		}
	}
}

// A run that continues, or that was stopped within its first epoch, has the thresholds of its weights.
func TestThresholdsStay(t *testing.T) {
	t.Parallel()
	data, dir := glyphFile(t, 800), t.TempDir()
	whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	decided(t, data, whole, "latent.thresholds=median")
	c := config(t, "steps=20", "batch=50", "data.validation=200", "objective.kl_warmup_part=0", "latent.thresholds=median")
	for i, stop := range []int{5, 17, 1000} { // the first epoch has 12 steps
		ctx, cancel := context.WithCancel(t.Context())
		o := train.Options{Source: data, Out: parts, Backend: ortest.Backend(t), Samples: 1, Resume: true, StepsPerCall: 1, Progress: func(p train.Progress) {
			if p.Phase == "training" && p.Done == stop {
				cancel()
			}
		}}
		r, err := train.Run(ctx, c, o)
		cancel()
		if err != nil || r.Interrupted != (i < 2) || !strings.Contains(r.Thresholds, "median") {
			t.Fatalf("stopped at %d: %+v, %v", stop, r.Thresholds, err)
		}
		again := filepath.Join(dir, "again", filepath.Base(t.TempDir()))
		opened, err := train.OpenRun(parts, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := opened.WriteBundle(t.Context(), again, train.BundleOptions{Backend: ortest.Backend(t), Force: true}); err != nil {
			t.Fatal(err)
		}
		a, err1 := bundle.Open(again)
		b, err2 := bundle.Open(filepath.Join(parts, train.BundleDir))
		if err1 != nil || err2 != nil || a.Hash() != b.Hash() {
			t.Errorf("stopped at %d: a bundle that is exported later is another: %v, %v", stop, err1, err2)
		}
	}
	a, err1 := os.ReadFile(filepath.Join(whole, train.BundleDir, bundle.ThresholdFile))
	b, err2 := os.ReadFile(filepath.Join(parts, train.BundleDir, bundle.ThresholdFile))
	if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("the thresholds of a run in parts are others: %v, %v", err1, err2)
	}
	c = config(t, "steps=20", "batch=50", "data.validation=200", "objective.kl_warmup_part=0")
	if _, err := train.Run(t.Context(), c, train.Options{Source: data, Out: parts, Backend: ortest.Backend(t), Resume: true}); !errors.Is(err, train.ErrResume) || !strings.Contains(err.Error(), "latent.thresholds was") {
		t.Errorf("resumed without thresholds: %v", err)
	}
}

// "best" takes what finds more of the nearest rows of floats among those held out, whichever it is, and says so.
func TestBestThresholds(t *testing.T) {
	t.Parallel()
	dir, chosen := t.TempDir(), map[bool]bool{}
	for name, sets := range map[string][]string{
		"off balance": nil,
		"sure":        {"steps=600", "optimizer.learning_rate=0.01", "latent.variables=6"},
	} {
		data, found := glyphFile(t, 1200), map[string]float64{}
		if name == "sure" {
			data = blockFile(t, 1200)
		}
		for _, thresholds := range builder.LatentThresholds() {
			out := filepath.Join(dir, name, thresholds)
			r := decided(t, data, out, append([]string{"latent.thresholds=" + thresholds}, sets...)...)
			held := splitOf(t, out, data).HeldOut
			model := openBundle(t, filepath.Join(out, train.BundleDir))
			c, err := rivals.Compare(t.Context(), model, model.Manifest().Latent.Bits(), []*dataset.Set{held}, nil, rivals.Options{Queries: 1000, Which: rivals.RandomRows, Metric: retrieval.Cosine, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			found[thresholds] = *c.Rows[0].Recall
			if thresholds == builder.ThresholdsBest {
				if !strings.Contains(r.Thresholds, "of 200 held-out rows recall@10 is 0.") {
					t.Errorf("%s: the result says %q", name, r.Thresholds)
				}
				medians := found[builder.ThresholdsMedian] > found[builder.ThresholdsZero]
				chosen[medians] = true
				if (model.Manifest().Latent.Thresholds != nil) != medians || found[thresholds] != max(found[builder.ThresholdsMedian], found[builder.ThresholdsZero]) {
					t.Errorf("%s: recall is %v, thresholds are %v", name, found, model.Manifest().Latent.Thresholds)
				}
			}
		}
	}
	if len(chosen) != 2 {
		t.Errorf("only one is chosen: medians %v", chosen)
	}
}

// blockFile writes rows of six blocks, each of which is light in a sixth of the rows: bits that learn them are sure, and mostly 0.
func blockFile(t *testing.T, rows int) string {
	t.Helper()
	u := make([]float32, rows*6*5)
	noise.Stream{Seed: 4}.Uniform(u, 0, 0)
	var pixels []byte
	for ; len(u) > 0; u = u[5:] {
		for _, x := range u[1:5] {
			pixel := byte(40 * x)
			if u[0] < 1.0/6 {
				pixel = 255 - pixel
			}
			pixels = append(pixels, pixel)
		}
	}
	path := filepath.Join(t.TempDir(), "blocks-idx2-ubyte")
	if err := os.WriteFile(path, datatest.IDX(pixels, rows, 24), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Thresholds are for bits that are decided by one, and nothing is chosen by rows that are not there.
func TestSenselessThresholds(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string]string{
		"latent.thresholds=mean": `latent.thresholds is "mean": use zero, median, best`,
		"latent.kind=categorical latent.categories=4 latent.thresholds=median":                    `latent.thresholds is "median", and latent.kind "categorical": only the bits of Bernoulli variables`,
		"data.predict=14 latent.thresholds=best":                                                  "set latent.thresholds=median",
		"latent.kind=gaussian latent.thresholds=best":                                             `latent.kind "gaussian"`,
		"latent.kind=hierarchical latent.groups=bernoulli:4,bernoulli:4 latent.thresholds=median": `latent.kind "hierarchical"`,
		"latent.kind=mixed latent.groups=categorical:4x3 latent.thresholds=median":                `latent.kind "mixed"`,
	} {
		if err := config(t, strings.Fields(keys)...).Validate(); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", keys, err, want)
		}
	}
	if err := config(t, "latent.kind=categorical", "latent.categories=4", "latent.thresholds=zero").Validate(); err != nil {
		t.Error(err)
	}
	_, err := train.Run(t.Context(), config(t, "latent.thresholds=best", "data.validation=11"), train.Options{Source: glyphFile(t, 300), Out: filepath.Join(t.TempDir(), "run"), Backend: purego.New()})
	if !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), "11 rows are held out") {
		t.Errorf("eleven rows chose: %v", err)
	}
}
