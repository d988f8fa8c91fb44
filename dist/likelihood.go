package dist

import (
	"fmt"
	"maps"
	"slices"
)

// The names of likelihoods, as configurations and manifests have them, besides [Bernoulli] and [Categorical].
const (
	Gaussian       = "gaussian"
	Laplace        = "laplace"
	Logistic       = "logistic"
	Multinomial    = "multinomial"
	Poisson        = "poisson"
	VonMisesFisher = "vmf"
)

// likelihoods holds the distributions of a row's values by their names: one row each.
var likelihoods = map[string]likelihoodKind{
	Bernoulli:      {make: func(LikelihoodConfig) Likelihood { return bernoulliLikelihood{} }},
	Gaussian:       {keys: spreadKeys, make: func(c LikelihoodConfig) Likelihood { return gaussianLikelihood{spreadOf(c)} }},
	Laplace:        {keys: spreadKeys, make: func(c LikelihoodConfig) Likelihood { return laplaceLikelihood{spreadOf(c)} }},
	Logistic:       {keys: append([]string{"levels"}, spreadKeys...), make: func(c LikelihoodConfig) Likelihood { return logisticLikelihood{spreadOf(c), levelsOf(c)} }},
	Categorical:    {keys: []string{"levels"}, make: func(c LikelihoodConfig) Likelihood { return categoricalLikelihood{levelsOf(c)} }},
	Multinomial:    {make: func(LikelihoodConfig) Likelihood { return multinomialLikelihood{} }},
	Poisson:        {make: func(LikelihoodConfig) Likelihood { return poissonLikelihood{} }},
	VonMisesFisher: {keys: []string{"concentration"}, make: func(c LikelihoodConfig) Likelihood { return newVonMisesFisher(c.Concentration) }},
}

// A likelihoodKind is a kind of likelihood: which keys it takes, besides its kind, and how one is made of them.
type likelihoodKind struct {
	keys []string
	make func(c LikelihoodConfig) Likelihood
}

// A Likelihood is p(x|z) of a row's values given the decoder's outputs, with every facet of it that needs no gorgonia. The
// outputs of a row are Outputs numbers for each of its values, the numbers of one value next to each other.
type Likelihood interface {
	// Doc says in one line how a value is distributed.
	Doc() string
	// Values is the default rule for a file's numbers: what bytes become, and the range of values.
	Values() Values
	// Standardises says whether values may be standardised by their mean and deviation. Then x is the standardised row.
	Standardises() bool
	// Outputs is how many numbers of the decoder a value has.
	Outputs() int
	// Predicted is how many of those the decoder's network gives, at least 1. The graph adds the others behind them: they are
	// fixed, or parameters that all rows share.
	Predicted() int
	// LogP returns ln p(x|outputs) of one row in nats, summed over its values.
	LogP(x, outputs []float32) float64
	// Mean writes the mean of each value of a row to dst: the reconstruction.
	Mean(dst, outputs []float32)
	// SampleDoc, MeanDoc and OutputsDoc say what the encoder's input, the reconstruction and the decoder's outputs are, for
	// the graphs' documentation. They are part of the exported graphs, whose bytes stay the same: do not reword them.
	SampleDoc() string
	MeanDoc() string
	OutputsDoc() string
}

// An IntegerLikelihood is one of whole numbers, so that ln p is that of a probability and may be given in bits for each number: a
// density's depends on the unit of the values, and has none.
type IntegerLikelihood interface {
	Likelihood
	// Dimensions returns of how many numbers ln p of a row is: its values, or the words that it counts.
	Dimensions(x []float32) float64
	// Dimension is what one of those is called: "dimension" or "word".
	Dimension() string
}

// A ScaledLikelihood has a mean that is of another size than the row: a share of each value, or a direction.
type ScaledLikelihood interface {
	Likelihood
	// Scale returns what a mean is multiplied with to be compared with a row.
	Scale(x []float32) float32
}

// LikelihoodOf returns the likelihood of a configuration, or an error that names the key, its value and the way out.
func LikelihoodOf(c LikelihoodConfig) (Likelihood, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	return likelihoods[c.Name()].make(c), nil
}

// unknownLikelihood is the error of a name that does not exist.
func unknownLikelihood(name string) error {
	return fmt.Errorf("likelihood is %q: use %s", name, alternatives(LikelihoodNames()))
}

// LikelihoodNames returns the names of all likelihoods, sorted.
func LikelihoodNames() []string { return slices.Sorted(maps.Keys(likelihoods)) }
