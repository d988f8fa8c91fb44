package train

import (
	"fmt"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/train/evaluate"
)

// cut is how data.predict divides rows.
func (d Data) cut() dist.Cut { return dist.Cut{Lines: d.Predict} }

// replacePrior sets what a configuration must say that was just given data.predict: the conditional prior, and no weight or warm-up of a
// divergence that is not there. Taken back, it leaves the prior without parameters.
func (c *Config) replacePrior(isSet func(key string) bool) {
	if !isSet("data.predict") {
		return
	}
	switch {
	case c.Data.Predict == 0 && c.Latent.Prior == builder.PriorConditional && !isSet("latent.prior"):
		c.Latent.Prior = c.Latent.Dist().Priors()[0]
	case c.Data.Predict > 0:
		if !isSet("latent.prior") {
			c.Latent.Prior = builder.PriorConditional
		}
		if !isSet("objective.kl_warmup") && !isSet("objective.kl_warmup_part") {
			c.Objective.KLWarmup, c.Objective.KLWarmupPart = 0, 0
		}
	}
}

// checkPredict reports keys of the divergence where a part of a row is predicted from the rest: there is none then.
func (c Config) checkPredict() error {
	key, value := "", ""
	switch o := c.Objective; {
	case c.Data.Predict == 0:
		return nil
	case o.KLWeight != 1:
		key, value = "objective.kl_weight", fmt.Sprintf("%g: leave it at 1", o.KLWeight)
	case o.KLWarmup > 0:
		key, value = "objective.kl_warmup", fmt.Sprintf("%d: leave it out", o.KLWarmup)
	case o.KLWarmupPart > 0:
		key, value = "objective.kl_warmup_part", fmt.Sprintf("%g: set it to 0", o.KLWarmupPart)
	default:
		return nil
	}
	return fmt.Errorf("train: data.predict is %d, so that the objective has no divergence to weigh, and %s is %s: %w", c.Data.Predict, key, value, ErrConfig)
}

// BoundText says an evaluation's bounds to people: those on ln p(x), or on ln p(y|x) where a part of a row is predicted.
func BoundText(e evaluate.Evaluation) string {
	if e.Conditional {
		return fmt.Sprintf("-ln p(y|x) at most %.2f nats by 1 sample, y the predicted part of a row", -e.ELBO)
	}
	return fmt.Sprintf("-ELBO %.2f nats (reconstruction %.2f, KL %.2f)", -e.ELBO, e.Reconstruction, e.KL)
}
