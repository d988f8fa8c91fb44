package train

import (
	"fmt"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
)

// checkLikelihood reports keys of data that the likelihood makes no sense of. Its own keys are checked by [dist.LikelihoodConfig].
func (c Config) checkLikelihood() error {
	if name := c.Likelihood.Name(); name != dist.Bernoulli && c.Data.Binarize != dataset.None {
		return fmt.Errorf("train: data.binarize is %s and likelihood.kind %s, which is not one of values of 0 and 1: set data.binarize=none, or likelihood.kind=%s: %w",
			c.Data.Binarize, name, dist.Bernoulli, ErrConfig)
	}
	return nil
}
