package builder

import (
	"math"

	G "gorgonia.org/gorgonia"
)

// gaussianFamily is the row of continuous variables. Logits are [batch, variables, 2]: mean and log-variance.
var gaussianFamily = family{
	relax: func(b *Graph, logits, u, _ *G.Node) *G.Node { return b.SampleGaussian(logits, u) },
	kl: func(b *Graph, logits, prior *G.Node) *G.Node {
		if prior != nil {
			return b.fail("gaussian variables have no prior with logits")
		}
		return b.KLGaussian(logits)
	},
	logQ: (*Graph).LogQGaussian,
	harden: func(b *Graph, logits *G.Node, thresholds []float32) *G.Node {
		if len(thresholds) > 0 {
			return b.fail("%d thresholds for gaussian variables, which have none", len(thresholds))
		}
		mean, _ := b.gaussian(logits)
		return mean
	},
	bits:       func(b *Graph, code *G.Node) *G.Node { return b.Greater(code, b.Number(0)) },
	estimators: []string{ReparametrisedEstimator},
}

// gaussian returns the means and the log-variances of gaussian variables, both [batch, variables], for [batch, variables, 2].
func (b *Graph) gaussian(logits *G.Node) (mean, logVariance *G.Node) {
	if b.err != nil {
		return nil, nil
	}
	if logits == nil || logits.Dims() != 3 || logits.Shape()[2] != 2 {
		return b.fail("gaussian variables take [batch, variables, 2], mean and log-variance, not %v", shapes(G.Nodes{logits})), nil
	}
	return b.Part(logits, 0), b.Part(logits, 1)
}

// SampleGaussian returns a sample of gaussian variables with the given means μ and log-variances v, [batch, variables, 2], for noise u
// of the same shape, uniform in the open unit interval:
//
//	z = μ + e^(v/2) ε,   ε = √(-2 ln u₁) cos(2π u₂)
//
// ε is standard normal (Box and Muller 1958). The result is [batch, variables], differentiable by μ and v: Kingma and Welling
// 1312.6114, section 2.4.
func (b *Graph) SampleGaussian(logits, u *G.Node) *G.Node {
	mean, v := b.gaussian(logits)
	u1, u2 := b.gaussian(u)
	radius := b.Sqrt(b.Mul(b.Number(-2), b.Log(u1)))
	normal := b.Mul(radius, b.unary("cos", G.Cos, b.Mul(b.Number(2*math.Pi), u2)))
	return b.Add(mean, b.Mul(b.Exp(b.Mul(b.Number(0.5), v)), normal))
}

// KLGaussian returns the divergence of gaussian variables from the standard normal in nats, summed over the variables of each row:
//
//	KL = ½ Σ μ² + e^v - 1 - v
//
// logits is [batch, variables, 2], the result [batch]. Kingma and Welling 1312.6114, appendix B.
func (b *Graph) KLGaussian(logits *G.Node) *G.Node {
	mean, v := b.gaussian(logits)
	spread := b.Sub(b.Sub(b.Exp(v), b.Number(1)), v)
	return b.Sum(b.Mul(b.Number(0.5), b.Add(b.Square(mean), spread)), 1)
}

// LogQGaussian returns the logarithm of the density of samples z [batch, variables] of gaussian variables, in nats a row:
//
//	ln q = -½ Σ (z - μ)² e^(-v) + v + ln 2π
func (b *Graph) LogQGaussian(z, logits *G.Node) *G.Node {
	mean, v := b.gaussian(logits)
	scaled := b.Mul(b.Square(b.Sub(z, mean)), b.Exp(b.Neg(v)))
	return b.Sum(b.Mul(b.Number(-0.5), b.Add(b.Add(scaled, v), b.Number(math.Log(2*math.Pi)))), 1)
}
