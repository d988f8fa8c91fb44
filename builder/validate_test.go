package builder_test

import (
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dist"
)

// Every field of an architecture is checked, and the error names its configuration key. What is refused is refused
// before anything is allocated.
func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(m *builder.Model)
		want   string // "" where the architecture is right
	}{
		"nothing":                 {func(m *builder.Model) {}, ""},
		"no hidden layers":        {func(m *builder.Model) { m.Encoder, m.Decoder = builder.MLP{}, builder.MLP{} }, ""},
		"categorical":             {func(m *builder.Model) { m.Latent.Kind, m.Latent.Categories = dist.Categorical, 2 }, ""},
		"no input":                {func(m *builder.Model) { m.Input = nil }, "input"},
		"an input of zero":        {func(m *builder.Model) { m.Input = []int{28, 0} }, "input holds 0"},
		"a negative input":        {func(m *builder.Model) { m.Input = []int{-28, -28} }, "input holds -28"},
		"an input that overflows": {func(m *builder.Model) { m.Input = []int{1 << 20, 1 << 20, 1 << 20, 1 << 20} }, "input has shape"},
		"a wide input":            {func(m *builder.Model) { m.Input = []int{1 << 12, 1 << 12} }, "rows of 16777216 values"},
		"an unknown kind":         {func(m *builder.Model) { m.Latent.Kind = "gauss" }, `latent.kind is "gauss"`},
		"no kind":                 {func(m *builder.Model) { m.Latent.Kind = "" }, "latent.kind"},
		"no variables":            {func(m *builder.Model) { m.Latent.Variables = 0 }, "latent.variables holds 0"},
		"negative variables":      {func(m *builder.Model) { m.Latent.Variables = -1 }, "latent.variables holds -1"},
		"too many variables":      {func(m *builder.Model) { m.Latent.Variables = 1 << 40 }, "latent.variables"},
		"one category":            {func(m *builder.Model) { m.Latent.Kind, m.Latent.Categories = dist.Categorical, 1 }, "latent.categories is 1"},
		"categories of bits":      {func(m *builder.Model) { m.Latent.Categories = 2 }, "latent.categories is 2"},
		"too many bits": {func(m *builder.Model) {
			m.Latent.Kind, m.Latent.Variables, m.Latent.Categories = dist.Categorical, 1<<20, 1<<20
		}, "codes of 1099511627776 bits"},
		"no prior":               {func(m *builder.Model) { m.Latent.Prior = "" }, "latent.prior"},
		"a hidden layer of zero": {func(m *builder.Model) { m.Encoder = builder.MLP{Hidden: []int{8, 0}} }, "encoder.hidden holds 0"},
		"a negative layer":       {func(m *builder.Model) { m.Decoder = builder.MLP{Hidden: []int{-8}} }, "decoder.hidden holds -8"},
		"too many weights":       {func(m *builder.Model) { m.Encoder = builder.MLP{Hidden: []int{1 << 20, 1 << 20}} }, "encoder.hidden[1]: dense 1048576, [1048576]: the layers to here have"},
		"no encoder":             {func(m *builder.Model) { m.Encoder = nil }, "encoder is missing"},
		"no graph":               {func(m *builder.Model) { m.Decoder = builder.ONNX{} }, "decoder.graph is missing"},
		"an unknown likelihood":  {func(m *builder.Model) { m.Likelihood.Kind = "student" }, `likelihood is "student": use "bernoulli"`},
		"an unknown estimator":   {func(m *builder.Model) { m.Estimator = "score" }, `objective.estimator is "score": use gumbel`},
		"an unknown activation":  {func(m *builder.Model) { m.Activation = "swish" }, `activation "swish"`},
	} {
		m := models()["bernoulli/uniform"]
		c.change(&m)
		err := m.Validate()
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "builder: ") || strings.ContainsAny(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one line with %q", name, err, c.want)
			continue
		}
		p := params64(t)
		if _, built := m.Train(builder.New(p), 2); built == nil || built.Error() != err.Error() || p.Count() != 0 {
			t.Errorf("%s: Train says %v and leaves %d weights", name, built, p.Count())
		}
	}
}
