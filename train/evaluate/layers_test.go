package evaluate_test

import (
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/train/evaluate"
)

// A model of layers that cannot say what they say of each other has no bounds. Those of one that can: see TestEvaluateAgainstEnumeration.
func TestLayersAreAsked(t *testing.T) {
	t.Parallel()
	set, err := dataset.Load(t.Context(), "glyphs", dataset.Options{Rows: 10})
	if err != nil {
		t.Fatal(err)
	}
	likelihood, err := dist.LikelihoodOf(dist.LikelihoodConfig{})
	if err != nil {
		t.Fatal(err)
	}
	latent := dist.Latent{Family: dist.FamilyOf(dist.Hierarchical), Variables: 3, Groups: []dist.Group{{Kind: dist.Bernoulli, Variables: 2}, {Kind: dist.Bernoulli, Variables: 1}}}
	coder, model := fair{bits: 3, pixels: set.RowSize()}, evaluate.Distributions{Latent: latent, Likelihood: likelihood}
	_, err1 := evaluate.Estimate(t.Context(), coder, model, set, evaluate.Options{Binarize: dataset.None, Samples: 1})
	_, _, err2 := evaluate.Exact(t.Context(), coder, model, set, dataset.Binarizer{Rule: dataset.None})
	for _, err := range []error{err1, err2} {
		if err == nil || !strings.Contains(err.Error(), "no method Layers") {
			t.Errorf("the error is %v", err)
		}
	}
}
