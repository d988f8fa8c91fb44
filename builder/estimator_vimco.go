package builder

import (
	"math"

	G "gorgonia.org/gorgonia"
)

// VIMCOEstimator is the name of the estimator of the bound on k samples.
const VIMCOEstimator = "vimco"

// vimco maximises the IWAE bound on k hard samples of a row,
//
//	L = ln 1/k Σ wᵢ,   ln wᵢ = ln p(x|zᵢ) + weight (ln p(zᵢ) - ln q(zᵢ|x)),
//
// by the score function. Each sample's baseline is the bound with the geometric mean of the others in its place:
//
//	∂ = Σ (L - L₋ᵢ) ∂ln q(zᵢ|x) + Σ wᵢ/Σw ∂ln wᵢ
//
// With a conditional prior wᵢ is p(y|zᵢ): the paper's structured prediction. It is unbiased. The reconstruction and divergence shown are those of the ELBO, and do not add up to the loss, -L. k passes through the
// decoder, 5 where objective.samples is left out. Mnih and Rezende 1602.06725, equations (7) to (10).
func vimco(p *Parts) Objective {
	k, weight := p.Samples(), p.Schedule(KLWeightInput)
	if p.Model.Latent.layered() {
		s := p.hardLayers(k)
		o := p.vimco(weight, s.logPs, s.logQs, s.logPriors, p.average(s.kls))
		o.Logits = s.logits(p.Graph)
		return o
	}
	logits := p.Encode()
	prior := p.PriorLogits()
	codes, logPs := p.decodeSamples(logits, k)
	logQs, logPriors := make([]*G.Node, k), make([]*G.Node, k)
	for i, code := range codes {
		logQs[i] = p.LogQ(code, logits)
		if logPriors[i] = logQs[i]; !p.Model.Latent.conditional() {
			logPriors[i] = p.LogPrior(code, prior)
		}
	}
	o := p.vimco(weight, logPs, logQs, logPriors, p.Model.KL(p.Graph, logits, prior))
	o.Logits = logits
	return o
}

// vimco is the objective of samples with these logarithms.
func (p *Parts) vimco(weight *G.Node, logPs, logQs, logPriors []*G.Node, kl *G.Node) Objective {
	k := len(logPs)
	logWs := make([]*G.Node, k)
	for i := range logWs {
		logWs[i] = p.Add(logPs[i], p.Mul(weight, p.Sub(logPriors[i], logQs[i])))
	}
	bound := p.logMeanExp(logWs)
	o := p.bound(bound, p.average(logPs), kl)
	mean := p.average(logWs)
	var score *G.Node
	for i := range k {
		without := append([]*G.Node(nil), logWs...)
		without[i] = p.Mul(p.Number(1/float64(k-1)), p.Sub(p.Mul(p.Number(float64(k)), mean), logWs[i]))
		signal := p.StopGradient(p.Sub(p.logMeanExp(without), bound))
		score = p.plus(score, p.Mul(signal, logQs[i]))
	}
	return p.Scored(o, score)
}

// bound returns the objective that maximises a bound [batch], with the ELBO's parts to look at.
func (p *Parts) bound(bound, logP, kl *G.Node) Objective {
	return Objective{Loss: p.Neg(p.mean(bound)), Reconstruction: p.Neg(p.mean(logP)), KL: p.mean(kl)}
}

// logMeanExp returns ln 1/k Σ exp(xᵢ) of nodes [batch].
func (p *Parts) logMeanExp(xs []*G.Node) *G.Node {
	if p.Err() != nil || len(xs) == 1 {
		return xs[0]
	}
	var columns []*G.Node
	for _, x := range xs {
		columns = append(columns, p.Reshape(x, p.batch, 1))
	}
	all := p.LogSoftmax(p.Concat(1, columns...)) // xᵢ - ln Σ exp
	sum := p.Sub(xs[0], p.Part(all, 0))
	return p.Sub(sum, p.Number(math.Log(float64(len(xs)))))
}
