package train

import (
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
)

// checkLikelihood reports keys of data that the likelihood makes no sense of. Its own keys are checked by [dist.LikelihoodConfig].
func (c Config) checkLikelihood() error {
	if name := c.Likelihood.Name(); name != dist.Bernoulli && c.Data.Binarize != dataset.None {
		return fmt.Errorf("train: data.binarize is %s and likelihood.kind %s, which is not one of values of 0 and 1: set data.binarize=none, or likelihood.kind=%s: %w",
			c.Data.Binarize, name, dist.Bernoulli, ErrConfig)
	}
	l, err := dist.LikelihoodOf(c.Likelihood)
	if err != nil {
		return fmt.Errorf("train: %w: %w", err, ErrConfig)
	}
	v := l.Values()
	switch {
	case !v.Whole:
	case c.Data.Divide != 0 && c.Data.Divide != v.Numbers:
		return fmt.Errorf("train: data.divide is %g, and likelihood.kind %s is of whole numbers, which are divided by %g: leave data.divide out, or use another likelihood: %w",
			c.Data.Divide, c.Likelihood.Name(), v.Numbers, ErrConfig)
	case c.Data.Numbers == bundle.NumbersReal:
		return fmt.Errorf("train: data.numbers is %s, and likelihood.kind %s is of whole numbers: set data.numbers=%s, or use a likelihood of real numbers, such as %s: %w",
			c.Data.Numbers, c.Likelihood.Name(), NumbersAlike, dist.Gaussian, ErrConfig)
	}
	return nil
}
