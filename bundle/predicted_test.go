package bundle_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
)

// A manifest says which part of a row is predicted, survives its text, and is refused where the shape, the lines or the prior do not fit.
func TestPredicted(t *testing.T) {
	t.Parallel()
	predicting := func() *bundle.Manifest {
		m := manifest()
		m.Predicted, m.Latent.Prior.Kind = bundle.PredictedOf(dist.Cut{Lines: 1}, []int{2, 3}), dist.ConditionalPrior
		m.FormatVersion = m.Version()
		return m
	}
	text, err := predicting().Encode()
	if err != nil {
		t.Fatal(err)
	}
	m, err := bundle.ParseManifest(text)
	if err != nil || m.Cut().Lines != 1 || !slices.Equal(m.TargetShape(), []int{1, 3}) || m.TargetSize() != 3 || !m.Latent.Dist().Conditional || m.FormatVersion != "1.1" {
		t.Fatalf("%s becomes %+v: %v", text, m, err)
	}
	if got := m.AppendTarget(nil, []float32{1, 2, 3, 4, 5, 6}); !slices.Equal(got, []float32{4, 5, 6}) {
		t.Errorf("the target is %v", got)
	}
	if meta := m.Metadata(bundle.LayersFile); meta["catvae.layers"] != "code -> posterior_logits" || meta["catvae.predicted"] != "the last 1 lines of [2 3], from those before" || meta["catvae.latent.prior"] != "conditional" {
		t.Errorf("a graph says %v", meta)
	}
	whole := manifest()
	if !slices.Equal(whole.TargetShape(), []int{2, 3}) || whole.TargetSize() != 6 || len(whole.AppendTarget(nil, make([]float32, 6))) != 6 || bundle.PredictedOf(dist.Cut{}, []int{2, 3}) != nil {
		t.Errorf("of whole rows %v are predicted", whole.TargetShape())
	}
	for want, spoil := range map[string]func(m *bundle.Manifest){
		"predicted is missing":           func(m *bundle.Manifest) { m.Predicted = nil },
		`such a model has "conditional"`: func(m *bundle.Manifest) { m.Latent.Prior.Kind = dist.UniformPrior },
		"predicted.lines is 0":           func(m *bundle.Manifest) { m.Predicted.Lines = 0 },
		"rows of shape [2 3] have 2":     func(m *bundle.Manifest) { m.Predicted.Lines = 2 },
		"predicted.shape is [2 3]":       func(m *bundle.Manifest) { m.Predicted.Shape = []int64{2, 3} },
		"latent.prior has 9 logits":      func(m *bundle.Manifest) { m.Latent.Prior.Logits = make([]float32, 9) },
	} {
		m := predicting()
		spoil(m)
		if err := m.Validate(); !errors.Is(err, bundle.ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
