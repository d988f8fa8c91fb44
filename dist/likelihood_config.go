package dist

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// A LikelihoodConfig names a likelihood and gives its parameters: plain data, the same in a configuration, in an
// architecture and in a manifest. The zero value is the Bernoulli likelihood. [LikelihoodConfig.Check] has the rules.
type LikelihoodConfig struct {
	Kind      string  `json:"kind,omitempty" doc:"distribution of a row's values given its code; left out: bernoulli" when:"to the one whose values are like yours: docs/likelihoods.md" oneof:"likelihoods"`
	Variance  string  `json:"variance,omitempty" doc:"of gaussian, laplace and logistic: fixed (by likelihood.deviation), shared (one number, trained, for all values of all rows) or predicted (of each value, by the decoder); left out: shared" when:"predicted where some values are much surer than others, at the price of a less steady training; fixed to set the balance of reconstruction and divergence by hand" oneof:"variances"`
	Deviation float64 `json:"deviation,omitempty" doc:"the standard deviation of a value given its code, with likelihood.variance=fixed, in the units of the values (of standardised ones, where they are); left out: 1" when:"lower for sharper reconstructions and more informative codes" range:"[0,1e6]"`
	Levels    int     `json:"levels,omitempty" doc:"of logistic and categorical: how many whole numbers there are, from 0; left out or 0: 256, those of a byte" when:"to 16 for pictures of 4 bits, and so on" range:"[0,256]"`

	Concentration float64 `json:"concentration,omitempty" doc:"of vmf: how close rows lie to the direction that the decoder gives; left out or 0: as many as a row has values, which is the best for a mean cosine of 0.62" when:"higher where rows are reconstructed better than that; r(d-r²)/(1-r²) is the best for a mean cosine of r in d dimensions" range:"[0,1e6]"`
}

// The ways in which the spread of a value is known.
const (
	VarianceFixed     = "fixed"     // by the configuration
	VarianceShared    = "shared"    // one trained number
	VariancePredicted = "predicted" // of each value of each row, by the decoder
)

// Variances returns the ways in which the spread of a value is known.
func Variances() []string { return []string{VarianceFixed, VarianceShared, VariancePredicted} }

// Name returns the name of the likelihood.
func (c LikelihoodConfig) Name() string { return cmp.Or(c.Kind, Bernoulli) }

// Canonical returns the configuration without what may be left out, so that two ways to write the same are equal.
func (c LikelihoodConfig) Canonical() LikelihoodConfig {
	if c.Kind == Bernoulli {
		c.Kind = ""
	}
	if c.Variance == VarianceShared {
		c.Variance = ""
	}
	if c.Levels == byteLevels {
		c.Levels = 0
	}
	if c.Variance == VarianceFixed && c.Deviation == 0 {
		c.Deviation = 1
	}
	return c
}

// parameter is a key of a likelihood besides its kind, with its value.
type parameter struct {
	key   string
	given bool
	value any
}

// parameters lists the keys besides the kind.
func (c LikelihoodConfig) parameters() []parameter {
	return []parameter{
		{"variance", c.Variance != "", c.Variance},
		{"deviation", c.Deviation != 0, c.Deviation},
		{"levels", c.Levels != 0, c.Levels},
		{"concentration", c.Concentration != 0, c.Concentration},
	}
}

// Check reports the first thing wrong with a configuration, by its key: a kind that does not exist, a key that the kind does not
// have, a value out of its range.
func (c LikelihoodConfig) Check() error {
	kind, ok := likelihoods[c.Name()]
	if !ok {
		return unknownLikelihood(c.Kind)
	}
	for _, p := range c.parameters() {
		if p.given && !slices.Contains(kind.keys, p.key) {
			return fmt.Errorf("likelihood.%s is %v, which the likelihood %s does not have: leave it out%s", p.key, p.value, c.Name(), takers(p.key))
		}
	}
	if c.Variance != "" && !slices.Contains(Variances(), c.Variance) {
		return fmt.Errorf("likelihood.variance is %q: use %s", c.Variance, alternatives(Variances()))
	}
	if c.Deviation != 0 && !(c.Deviation >= 1e-6 && c.Deviation <= 1e6) {
		return fmt.Errorf("likelihood.deviation is %g: use a number from 1e-06 to 1e+06", c.Deviation)
	}
	if c.Deviation != 0 && c.Variance != VarianceFixed {
		return fmt.Errorf("likelihood.deviation is %g and likelihood.variance is %s: set likelihood.variance=fixed, or leave the deviation out", c.Deviation, cmp.Or(c.Variance, VarianceShared))
	}
	if c.Levels != 0 && (c.Levels < 2 || c.Levels > byteLevels) {
		return fmt.Errorf("likelihood.levels is %d: use 2 to %d", c.Levels, byteLevels)
	}
	if c.Concentration != 0 && !(c.Concentration >= 1e-3 && c.Concentration <= maxConcentration) {
		return fmt.Errorf("likelihood.concentration is %g: use a number from 0.001 to %g", c.Concentration, float64(maxConcentration))
	}
	return nil
}

// takers says which likelihoods have a key, as the end of an error.
func takers(key string) string {
	var names []string
	for _, name := range LikelihoodNames() {
		if slices.Contains(likelihoods[name].keys, key) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ", or set likelihood.kind to " + strings.Join(names, " or ")
}

// spreadKeys are the keys of likelihoods with a location and a spread.
var spreadKeys = []string{"variance", "deviation"}

// A spread is how the second output of a value, which says how far it spreads around the first, is known.
type spread struct {
	kind      string
	deviation float64 // of a fixed one
}

func spreadOf(c LikelihoodConfig) spread {
	return spread{cmp.Or(c.Variance, VarianceShared), cmp.Or(c.Deviation, 1)}
}

// Outputs are the location and the logarithm of the spread, also where the latter is the same for all values.
func (spread) Outputs() int { return 2 }

// Predicted is 2 where the decoder predicts the spread, 1 where it is fixed or shared.
func (s spread) Predicted() int {
	if s.kind == VariancePredicted {
		return 2
	}
	return 1
}

// text says how the spread is known, for documentation.
func (s spread) text() string {
	switch s.kind {
	case VarianceFixed:
		return fmt.Sprintf("the same for all values, by a fixed standard deviation of %g", s.deviation)
	case VariancePredicted:
		return "of each value"
	}
	return "the same for all values"
}

// The least logarithms of a spread that is trained, as [Bounded] has them.
const (
	// LeastLogVariance is that of a standard deviation of 0.01.
	LeastLogVariance = -9.210340371976182
	// LeastLogScale is that of the scale of a Laplace distribution, 0.01.
	LeastLogScale = LeastLogVariance / 2
	// LeastLogisticLogScale is that of the scale of a logistic distribution, in half ranges of the values.
	LeastLogisticLogScale = -7
)

// Bounded returns least + ln(1+e^(x-least)): x where it is far above least, never below it. A spread that is trained is bounded so,
// since the likelihood of a value that does not vary, such as a constant column, grows without end as its spread vanishes.
func Bounded(x, least float64) float64 {
	d := x - least
	return least + max(d, 0) + math.Log1p(math.Exp(-math.Abs(d)))
}
