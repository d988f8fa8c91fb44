package bundle

import (
	"encoding/json"
	"testing"

	"github.com/catvae/catvae/dist"
)

// A manifest that uses nothing newer is one of version 1.0; each later feature alone makes it one of that feature's version.
func TestFeatures(t *testing.T) {
	t.Parallel()
	plain := func() *Manifest {
		return &Manifest{Likelihood: dist.Bernoulli, Latent: Latent{Kind: dist.Categorical}, Input: Input{Image: &Image{Resize: ResizeCatmullRom, Background: "white"}}}
	}
	if v := plain().Version(); v != "1.0" {
		t.Errorf("a manifest without anything new is of version %s", v)
	}
	uses := map[string]func(m *Manifest){
		"likelihood other than bernoulli":                  func(m *Manifest) { m.SetLikelihood(dist.LikelihoodConfig{Kind: dist.Poisson}) },
		"latent.kind other than bernoulli and categorical": func(m *Manifest) { m.Latent.Kind = "gaussian" },
		"predicted, with the conditional prior":            func(m *Manifest) { m.Predicted = &Predicted{Lines: 1} },
		"input.standard":                                   func(m *Manifest) { m.Input.Standard = &Standard{Kind: dist.StandardLog} },
		"input.embedder":                                   func(m *Manifest) { m.Input.Embedder = &Embedder{} },
		"input.first_column":                               func(m *Manifest) { m.Input.FirstColumn = new(int) },
		"input.image.color":                                func(m *Manifest) { m.Input.Image.Color = RGB },
		"input.image.resize that keeps the aspect":         func(m *Manifest) { m.Input.Image.Resize = "fit-bilinear" },
		"input.standard of vectors":                        func(m *Manifest) { m.Input.Standard = &Standard{Kind: dist.StandardVector} },
		"latent.posterior":                                 func(m *Manifest) { m.Latent.Posterior = dist.PointPosterior },
		"outputs":                                          func(m *Manifest) { m.Outputs = []string{IndexCode} },
	}
	for _, f := range features {
		use, ok := uses[f.name]
		if !ok {
			t.Errorf("the feature %q has no case: add one", f.name)
			continue
		}
		m := plain()
		use(m)
		if !f.used(m) || m.Version() != f.since {
			t.Errorf("a manifest with %q is of version %s", f.name, m.Version())
		}
	}
}

// A likelihood's parameters survive a manifest's text, and one that makes no sense is refused.
func TestLikelihoodInText(t *testing.T) {
	t.Parallel()
	m := Manifest{}
	c := dist.LikelihoodConfig{Kind: dist.Logistic, Variance: dist.VarianceFixed, Deviation: 0.25, Levels: 16}
	m.SetLikelihood(c)
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var back Manifest
	if err := json.Unmarshal([]byte(`{"format_version":"1.1",`+string(text[len(`{"format_version":"",`):])), &back); err != nil {
		t.Fatal(err)
	}
	if back.LikelihoodConfig() != c || back.validateLikelihood() != nil {
		t.Errorf("%s becomes %+v: %v", text, back.LikelihoodConfig(), back.validateLikelihood())
	}
	for _, wrong := range []Manifest{
		{},
		{Likelihood: "student"},
		{Likelihood: dist.Poisson, Parameters: dist.LikelihoodConfig{Deviation: 1}},
		{Likelihood: dist.Gaussian, Parameters: dist.LikelihoodConfig{Kind: dist.Gaussian}},
		{Likelihood: dist.Categorical, Parameters: dist.LikelihoodConfig{Levels: 1 << 30}},
	} {
		if wrong.validateLikelihood() == nil {
			t.Errorf("%q with %+v is taken", wrong.Likelihood, wrong.Parameters)
		}
	}
}
