package builder

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	G "gorgonia.org/gorgonia"
)

// estimators holds the ways to build an objective with a gradient that passes through discrete variables, by the names
// that configurations use: one row each.
var estimators = map[string]estimatorRow{
	CodebookEstimator:              {of: codebook},
	ConcreteEstimator:              {of: concrete, samples: 1, least: 1},
	DeterministicEstimator:         {of: deterministic, layers: true},
	DisARMEstimator:                {of: disarm},
	GappedEstimator:                {of: gapped, layers: true},
	GumbelEstimator:                {of: gumbel, layers: true},
	ReinMaxEstimator:               {of: reinmax, layers: true},
	ReparametrisedEstimator:        {of: reparametrised},
	RLOOEstimator:                  {of: rloo, samples: 2, least: 2, layers: true},
	StraightThroughEstimator:       {of: straightThrough, layers: true},
	StraightThroughGumbelEstimator: {of: straightThroughGumbel, layers: true},
	VIMCOEstimator:                 {of: vimco, samples: 5, least: 2, layers: true},
}

// An estimatorRow is an estimator, and how many samples of a row it takes where the model does not say: 0 for those that have no choice.
// Those with layers draw samples of each layer where variables are in layers, by [Parts.drawn] or [Parts.hardLayers].
type estimatorRow struct {
	of             Estimator
	samples, least int
	layers         bool
}

// maxSamples bounds the passes through the decoder that a step takes.
const maxSamples = 64

// An Estimator makes the objective of a training step from the parts of a model. It is called once for each graph, and does
// the same at every batch size.
type Estimator func(p *Parts) Objective

// Estimators returns the names of all estimators, sorted.
func Estimators() []string { return slices.Sorted(maps.Keys(estimators)) }

// EstimatorName returns the name of the model's estimator.
func (m Model) EstimatorName() string { return cmp.Or(m.Estimator, m.estimators()[0]) }

// estimators returns the names of the estimators that the model has, the default first.
func (m Model) estimators() []string {
	if m.Certain() {
		return []string{CodebookEstimator}
	}
	return m.Latent.estimators()
}

// estimators returns the names of the estimators that the variables have, the default first. Discrete variables have all that no other
// family has for itself.
func (l Latent) estimators() []string {
	own, theirs := []string(nil), map[string]bool{}
	for kind, row := range families {
		f := row(l, plainFamily)
		if kind == l.Kind {
			own = f.estimators
		}
		for _, name := range f.estimators {
			theirs[name] = true
		}
	}
	if own != nil {
		return own
	}
	own = append(own, GumbelEstimator)
	theirs[CodebookEstimator] = true // of models whose encoder searches
	for _, name := range Estimators() {
		if !theirs[name] && name != GumbelEstimator && (!l.layered() || estimators[name].layers) {
			own = append(own, name)
		}
	}
	return own
}

// A draw makes a sample of a model's variables, through which gradients pass, of their logits and noise, which may be nil where none is used.
type draw func(m Model, logits, noise *G.Node) *G.Node

// drawn returns the negative ELBO of one sample a row, with the analytic divergence: see [Graph.NegativeELBO]. Where variables are in
// layers, each is drawn: see [Parts.layers].
func (p *Parts) drawn(noise, weight *G.Node, draw draw) Objective {
	if p.Model.Latent.layered() {
		return p.layers(noise, weight, draw)
	}
	logits := p.Encode()
	logP := p.LogP(draw(p.Model, logits, noise))
	o := p.NegativeELBO(logP, p.Divergence(logits), weight)
	o.Logits = logits
	return o
}

func (m Model) estimator() (Estimator, error) {
	has := m.estimators()
	row, ok := estimators[m.EstimatorName()]
	if !ok || !slices.Contains(has, m.EstimatorName()) {
		return nil, fmt.Errorf("objective.estimator is %q: use %s for %s variables, or leave it out", m.Estimator, strings.Join(has, " or "), m.Latent.Kind)
	}
	switch n := m.Samples; {
	case n == 0:
	case row.samples == 0:
		return nil, fmt.Errorf("objective.samples is %d: the estimator %s has no choice: leave it out, or use %s", n, m.EstimatorName(), strings.Join(sampling(), ", "))
	case n < row.least || n > maxSamples:
		return nil, fmt.Errorf("objective.samples is %d: %s takes %d to %d", n, m.EstimatorName(), row.least, maxSamples)
	}
	return row.of, nil
}

// samples returns how many samples of a row the model's estimator takes.
func (m Model) samples() int { return cmp.Or(m.Samples, estimators[m.EstimatorName()].samples, 1) }

// sampling returns the names of the estimators that take any number of samples.
func sampling() (names []string) {
	for _, name := range Estimators() {
		if estimators[name].samples > 0 {
			names = append(names, name)
		}
	}
	return names
}

// A Purpose says what an input of a training step is for, and so who fills it.
type Purpose string

// The purposes.
const (
	RowsPurpose     Purpose = "rows"     // what the encoder sees
	TargetPurpose   Purpose = "target"   // what the decoder is to explain, where that is something else
	ViewPurpose     Purpose = "view"     // what the encoder sees of the same rows by another draw
	NoisePurpose    Purpose = "noise"    // numbers uniform in the open unit interval, drawn again in each step, different for each name
	SchedulePurpose Purpose = "schedule" // a number that follows the step, by its name
)

// An Input is a leaf of the training graph that each step fills.
type Input struct {
	Name    string
	Purpose Purpose
	Node    *G.Node
}

// Parts are what an [Estimator] works with: the parts of a model in one training graph, and the inputs that it asks for.
// Errors stay in the graph, which is checked once at the end.
type Parts struct {
	*Graph
	Model  Model
	Rows   *G.Node // [batch, ...] of the model's input shape
	Target *G.Node // what is to be explained: the rows, binarised or standardised where the model does that

	batch     int
	samples   int
	inputs    []Input
	decoded   bool
	rowsInput RowsInput // nil where the caller gave the rows
	view      *G.Node
	viewed    *G.Node // latent logits of the view
	prior     *G.Node // logits of the learned prior, once asked for
	query     *G.Node // of the rows, once they are encoded; nil where the encoder gives none
}

// Batch returns the number of rows.
func (p *Parts) Batch() int { return p.batch }

// Encode returns the latent logits of the rows.
func (p *Parts) Encode() (logits *G.Node) {
	logits, p.query = p.Model.EncodeQuery(p.Graph, p.Rows)
	return logits
}

// Decode returns the decoder's outputs for codes, relaxed or hard. It may be called more than once in one graph: the weights
// are the same.
func (p *Parts) Decode(code *G.Node) *G.Node {
	before := p.decoded
	p.decoded = true
	return p.again(before, func() *G.Node { return p.Model.Decode(p.Graph, code) })
}

// LogP returns ln p(target | code) in nats a row, by way of the decoder. Where the model's terms say so, no gradient passes to the code.
func (p *Parts) LogP(code *G.Node) *G.Node {
	if p.Model.Terms.Detached {
		code = p.StopGradient(code)
	}
	return p.Model.LogLikelihood(p.Graph, p.Target, p.Decode(code))
}

// LogQ returns ln q(code | rows) in nats a row, for hard codes.
func (p *Parts) LogQ(code, logits *G.Node) *G.Node { return p.Model.LogQ(p.Graph, code, logits) }

// Relax returns the relaxed sample of the latent variables.
func (p *Parts) Relax(logits, u, tau *G.Node) *G.Node { return p.Model.Relax(p.Graph, logits, u, tau) }

// Sample returns a hard sample of the latent variables, through which no gradient passes.
func (p *Parts) Sample(logits, u *G.Node) *G.Node { return p.Model.Sample(p.Graph, logits, u) }

// Probabilities returns the mean of the latent variables.
func (p *Parts) Probabilities(logits *G.Node) *G.Node {
	return p.Model.Probabilities(p.Graph, logits)
}

// WithGradientOf returns hard with the gradient of soft: its value is hard's, bit for bit wherever soft is finite.
//
//	hard + (soft - StopGradient(soft))
func (p *Parts) WithGradientOf(hard, soft *G.Node) *G.Node {
	return p.Add(hard, p.Sub(soft, p.StopGradient(soft)))
}

// Divergence returns KL(q(z|rows) ‖ p(z)) in nats a row.
func (p *Parts) Divergence(logits *G.Node) *G.Node {
	return p.Model.KL(p.Graph, logits, p.PriorLogits())
}

// PriorLogits returns the learned prior's logits, nil where the prior has no parameters. Every call returns the same node.
func (p *Parts) PriorLogits() *G.Node {
	if p.prior == nil {
		p.prior = p.Model.PriorLogits(p.Graph)
	}
	return p.prior
}

// LogPrior returns ln p(code) in nats a row, for hard codes. prior is what [Model.PriorLogits] gave.
func (p *Parts) LogPrior(code, prior *G.Node) *G.Node {
	if prior == nil {
		return p.Sub(p.Sum(p.flat(p.zerosLike(code)), 1), p.Number(p.Model.MaxKL()))
	}
	return p.LogQ(code, p.ExpandLike(prior, code, 0))
}

// Samples returns how many samples of a row the estimator takes.
func (p *Parts) Samples() int { return p.samples }

// NoiseOf returns the noise of a row's sample i, from 0, of the logits' shape.
func (p *Parts) NoiseOf(i int) *G.Node {
	if i == 0 {
		return p.Noise(NoiseInput)
	}
	return p.Noise(fmt.Sprintf("%s/%d", NoiseInput, i+1))
}

// Scored adds to an objective's gradient that of the mean of score [batch], and nothing to its value.
func (p *Parts) Scored(o Objective, score *G.Node) Objective {
	mean := p.mean(score)
	o.Loss = p.Add(o.Loss, p.Sub(mean, p.StopGradient(mean)))
	return o
}

// Noise returns an input of the logits' shape that holds uniform noise. Two names never share numbers.
func (p *Parts) Noise(name string) *G.Node {
	return p.input(name, NoisePurpose, p.Model.LatentShape(max(p.batch, 1))...)
}

// Schedule returns a scalar input that follows the step: "temperature" or "kl_weight". Every call returns the same node.
func (p *Parts) Schedule(name string) *G.Node {
	for _, in := range p.inputs {
		if in.Name == name && in.Purpose == SchedulePurpose {
			return in.Node
		}
	}
	return p.input(name, SchedulePurpose)
}

func (p *Parts) input(name string, purpose Purpose, shape ...int) *G.Node {
	n := p.Input(name, shape...)
	p.inputs = append(p.inputs, Input{name, purpose, n})
	return n
}

// A Training is a model's training graph for one batch size: its objective, and the inputs that a step fills.
type Training struct {
	Inputs []Input
	Objective
}
