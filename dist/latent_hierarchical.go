package dist

import (
	"fmt"
	"math"
	"slices"
)

// Hierarchical is the name of the family whose variables are in two stochastic layers.
const Hierarchical = "hierarchical"

// layered is a family whose variables are in layers, each given the one next to it.
type layered interface{ layered() }

// hierarchicalLatent is the family of variables in two layers, which are the groups: z1 next to the row, and z2 above it,
//
//	q(z1,z2|x) = q(z1|x) q(z2|z1),   p(x,z1,z2) = p(z2) p(z1|z2) p(x|z1)
//
// Two stochastic layers are in Jang et al. 1611.01144, and this model, with linear networks, in Tucker et al. 1703.07370, section 5. Logits and codes of a row are flat, as
// those of mixed variables: the first layer's, then the second's. The second's logits are those of q(z2|z1) of a hard z1, so that a row
// has one code; for others, and for p(z1|z2), the model must be asked: see [Latent.Given]. Draw draws each layer from the logits that it is given. The prior is p(z2): its logits are the second layer's.
type hierarchicalLatent struct{ mixedLatent }

func (hierarchicalLatent) layered() {}

func (hierarchicalLatent) Doc() string {
	return "two layers of variables, the second of which explains the first, in the order of latent.groups"
}

func (hierarchicalLatent) LogitsDoc() string {
	return "Logits, flat, of q(z1|x), then of q(z2|z1) for the hard z1: of p(z=1) for Bernoulli variables, of each category before the softmax for categorical ones."
}

func (hierarchicalLatent) CodeDoc() string {
	return "Hard code, flat, of z1, then of z2: 0 or 1 for each Bernoulli variable (1 where the logit is above 0), one-hot of the largest logit for each categorical one."
}

func (hierarchicalLatent) Check(l Latent) error {
	if len(l.Groups) != 2 {
		return fmt.Errorf("latent.groups holds %d layers for %s variables: give two, the one next to the row first, such as %s:200,%s:200", len(l.Groups), Hierarchical, Bernoulli, Bernoulli)
	}
	if n := len(l.Thresholds); n != 0 {
		return fmt.Errorf("latent.thresholds holds %d numbers for %s variables, which have none: the second layer's logits are those of a first layer that was decided at 0", n, Hierarchical)
	}
	return checkGroups(l, Hierarchical, "groups")
}

// decided: none, since the first layer is decided at 0.
func (hierarchicalLatent) decided(Latent) []int { return nil }

// MaxKL is without a bound, since p(z1|z2) has parameters.
func (hierarchicalLatent) MaxKL(Latent) float64 { return math.Inf(1) }

// Posterior knows no p(z1|z2): what depends on it is NaN. See [Latent.Given].
func (hierarchicalLatent) Posterior(l Latent, logits []float32) Posterior {
	return l.Given(logits, slices.Repeat([]float32{float32(math.NaN())}, l.Logits()-l.PriorSize()))
}

// NearDecision marks the whole second layer where a bit of the first is marked: other bits there have other logits here.
func (f hierarchicalLatent) NearDecision(l Latent, near []bool, logits []float64, margin float64) {
	f.mixedLatent.NearDecision(l, near, logits, margin)
	first := l.parts()[0].Bits()
	if slices.Contains(near[:first], true) {
		for i := range near[first:] {
			near[first+i] = true
		}
	}
}

// Layered reports whether the variables are in layers: [Latent.Parts] are the layers then, the one next to the row first.
func (l Latent) Layered() bool {
	_, ok := l.family().(layered)
	return ok
}

// PriorSize returns how many logits a learned prior has: as many as the variables have; where they are in layers, those of the last.
func (l Latent) PriorSize() int {
	if parts := l.Parts(); l.Layered() && len(parts) > 0 {
		return parts[len(parts)-1].Logits()
	}
	return l.Logits()
}

// Given returns the posterior of variables in layers next to their prior, once a code has said what each layer depends on: logits are
// those of q(z1|x) and q(z2|z1), prior those of p(z1|z2). Its KL is KL(q(z1|x) ‖ p(z1|z2)) + KL(q(z2|z1) ‖ p(z2)), its logarithms
// those of p(z1|z2) p(z2) and of q(z1|x) q(z2|z1) at that code. With a conditional prior, prior is not looked at and may be nil.
func (l Latent) Given(logits, prior []float32) Posterior {
	if l.Conditional {
		prior = make([]float32, l.Logits()-l.PriorSize())
	}
	apart := Latent{Family: mixedLatent{}, Variables: l.Variables, Groups: l.Groups, Prior: slices.Concat(prior, l.PriorLogits())}
	return l.next(func() Posterior { return apart.Posterior(logits) })
}

// Lowest returns the variables that the encoder's network gives: those of the first layer where there are layers, else all.
func (l Latent) Lowest() Latent {
	if parts := l.Parts(); l.Layered() && len(parts) > 0 {
		return parts[0].Latent
	}
	return l
}

// Decoded returns the variables that the decoder's network takes: those of the first layer where there are layers, with a conditional
// prior those of the last, else all.
func (l Latent) Decoded() Part {
	parts := l.Parts()
	switch {
	case !l.Layered() || len(parts) == 0:
		return Part{Latent: l}
	case l.Conditional:
		return parts[len(parts)-1]
	}
	return parts[0]
}
