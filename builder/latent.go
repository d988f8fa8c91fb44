package builder

import (
	"fmt"
	"slices"
	"strings"

	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

// families holds the differentiable halves of the latent families, one row each. Package dist has the other halves
// under the same names, and a test compares the two.
var families = map[string]familyOf{
	dist.Bernoulli: one(family{
		relax: (*Graph).RelaxBernoulli, kl: (*Graph).KLBernoulli, logQ: (*Graph).LogQBernoulli, harden: hardenBernoulli,
		sample: (*Graph).SampleBernoulli, probabilities: (*Graph).Sigmoid, logits: bernoulliLogits,
		klEach: bernoulliKLs, apart: bernoulliApart, density: bernoulliDensity, couple: coupleBernoulli,
	}),
	dist.Categorical: one(family{
		relax: (*Graph).RelaxCategorical, kl: (*Graph).KLCategorical, logQ: (*Graph).LogQCategorical, harden: hardenCategorical,
		sample: (*Graph).SampleCategorical, probabilities: categoricalProbabilities, logits: (*Graph).Log,
		klEach: categoricalKLs, apart: categoricalApart, density: categoricalDensity, couple: coupleCategorical,
	}),
	dist.Gaussian:     one(gaussianFamily),
	dist.Hierarchical: hierarchicalFamily,
	dist.Mixed:        mixedFamily,
}

// A family is what a model needs to know about a kind of latent variable. Logits, noise and codes are [batch, ...] of
// the shapes that dist.Latent gives.
type family struct {
	// relax returns the sample that gradients pass through, for logits, noise uniform in the open unit interval, and a scalar
	// temperature, which is nil for estimators without one.
	relax func(b *Graph, logits, u, tau *G.Node) *G.Node
	// kl returns KL(q(z|x) ‖ p(z)) in nats a row; prior is nil for the one without parameters.
	kl func(b *Graph, logits, prior *G.Node) *G.Node
	// logQ returns ln q(z|x) of hard codes, or of samples where these are continuous, in nats a row.
	logQ func(b *Graph, code, logits *G.Node) *G.Node
	// sample returns a hard sample for logits and noise uniform in the open unit interval, probabilities the mean of it, and logits
	// the logits of such a mean: probabilities(logits(p)) is p. Only discrete families have them.
	sample                func(b *Graph, logits, u *G.Node) *G.Node
	probabilities, logits func(b *Graph, x *G.Node) *G.Node
	// klEach returns the divergence of each variable, [batch, variables]: kl is their sum.
	klEach func(b *Graph, logits, prior *G.Node) *G.Node
	// apart moves logits so that a hard code is their likeliest, by a gap at least; the gradient passes as if they had not moved.
	apart func(b *Graph, logits, code *G.Node, gap float64) *G.Node
	// density returns the relaxed sample z, and the logarithms of its densities by the posterior and by the prior, in nats a row; prior is
	// nil for the one without parameters.
	density func(b *Graph, logits, prior, u, tau *G.Node) (z, logQ, logP *G.Node)
	// couple returns two samples of the same noise, each of the right distribution, that differ as much as they can, and a score a row: the
	// gradient of E[f(z)] by the logits is E[½ (f(z) - f(other)) ∂score].
	couple func(b *Graph, logits, u *G.Node) (z, other, score *G.Node)
	// harden returns the hard code; thresholds are numbers, one a variable, or nil.
	harden func(b *Graph, logits *G.Node, thresholds []float32) *G.Node
	// bits returns the bits of a hard code as 0 and 1; nil where the code is its bits.
	bits func(b *Graph, code *G.Node) *G.Node
	// estimators are those that the family has, the default first; nil for those of discrete variables.
	estimators []string
}

// A familyOf makes the row of variables. row finds the rows of families that are not made of groups.
type familyOf func(l Latent, row func(kind string) family) family

// one is the row of a family that is the same for all sizes.
func one(f family) familyOf {
	return func(Latent, func(kind string) family) family { return f }
}

// plainFamily returns the row of a family that is not made of groups.
func plainFamily(kind string) family {
	if row, ok := families[kind]; ok {
		return row(Latent{}, nil)
	}
	return family{}
}

// Latent says what the latent variables are.
type Latent struct {
	Kind       string `json:"kind" doc:"family of the latent variables" when:"categorical where a row is a choice of few alternatives, or where a code is to be read as such; bernoulli codes are shorter and search faster; mixed for both in one code; hierarchical where a second layer should explain the first, in place of a prior of independent variables; gaussian to compare with" oneof:"families"`
	Variables  int    `json:"variables" doc:"how many" when:"more where reconstructions lack detail, fewer where many bits are dead or duplicate, or codes must be small; 64 fit a machine word" range:"[1,1048576]"`
	Categories int    `json:"categories,omitempty" doc:"of each categorical variable; left out for others" when:"with latent.kind=categorical; 8 to 16 are usual, more make longer codes" range:"[0,1048576]"`
	Groups     Groups `json:"groups,omitempty" doc:"of mixed variables: the groups, such as bernoulli:32,categorical:8x10, or in a file [{\"kind\": \"bernoulli\", \"variables\": 32}, …]; of hierarchical ones the two layers, the one next to the row first; latent.variables is then their number and can be left out" when:"with latent.kind=mixed or hierarchical"`
	Hidden     []int  `json:"hidden,omitempty" doc:"of hierarchical variables: widths of the hidden layers of the two networks between the layers, q(z2|z1) and p(z1|z2); left out: linear" when:"where the second layer says little; linear is what papers compare with" range:"[1,1048576]"`
	Prior      string `json:"prior" doc:"p(z): uniform, or learned logits that are trained with the weights; normal, the standard normal distribution, is the one of gaussian variables; conditional, p(z|x), is the one of models that predict a part of a row, see data.predict" when:"learned where some bits should be rare; samples get better, codes hardly change" oneof:"priors"`
	Norm       string `json:"norm,omitempty" doc:"batch: each latent logit is normalised over the batch, to mean 0 and deviation 2, so that every bit is 1 in about half of the rows; part of the encoder's last layer at export. Left out: none" when:"batch for codes that are searched: dead and duplicate bits become rare; none for the best bounds" oneof:"latentnorms"`
	Thresholds string `json:"thresholds,omitempty" doc:"where bits of codes are decided, of bernoulli variables and those among mixed ones: zero: 1 where a logit is above 0, the likelier value; median: above the median of its logits over the rows trained on, so that the bit is 1 in half of them; best: by whichever of both finds more on held-out rows. No weight and no bound depends on it. Left out: zero" when:"median for codes that are searched where bits are mostly 0, or mostly 1, with logits spread around one value; zero where bits are sure, their logits far from 0 on both sides: a median then parts rows that are alike, and codes find less; with latent.norm=batch both are nearly the same. best where it is not known" oneof:"latentthresholds"`
	Signs      bool   `json:"signs,omitempty" doc:"codes enter the decoder's network as -1 and 1; codes of the bundle stay 0 and 1" when:"true where codes are about half ones, as with latent.norm"`
}

// The priors.
const (
	PriorUniform = dist.UniformPrior
	PriorNormal  = dist.NormalPrior
	PriorLearned = dist.LearnedPrior
)

// Priors returns the names of all priors.
func Priors() []string { return []string{PriorUniform, PriorNormal, PriorLearned, PriorConditional} }

// Dist returns the variables as a distribution with the prior that has no parameters: their shapes, and what they cost. Where
// Variables is 0, the groups say how many there are.
func (l Latent) Dist() dist.Latent {
	d := dist.Latent{Family: dist.FamilyOf(l.Kind), Variables: l.Variables, Categories: l.Categories, Groups: l.Groups, Conditional: l.conditional()}
	if d.Variables == 0 {
		d.Variables = dist.GroupSum(l.Groups)
	}
	return d
}

// As returns the variables with another kind, without what only other kinds have: categories, groups, a prior.
func (l Latent) As(kind string) Latent {
	l.Kind = kind
	if without := l; without.Dist().Composed() {
		l.Categories = 0
	} else if without.Categories, without.Groups = 0, nil; without.Dist().Check() == nil {
		l = without
	} else {
		l.Groups = nil
	}
	if !l.layered() {
		l.Hidden = nil
	}
	if priors := l.Dist().Priors(); !slices.Contains(priors, l.Prior) {
		l.Prior = priors[0]
	}
	return l
}

func (l Latent) check() error {
	if d := l.Dist(); !d.Composed() && d.Variables < 1 || d.Variables > maxWidth {
		return fmt.Errorf("latent.variables holds %d: use 1 to %d", l.Variables, maxWidth)
	}
	if l.Categories < 0 || l.Categories > maxWidth {
		return fmt.Errorf("latent.categories holds %d: use at most %d", l.Categories, maxWidth)
	}
	if err := l.Dist().Check(); err != nil {
		return err
	}
	if err := l.checkNorm(); err != nil {
		return err
	}
	if err := l.checkThresholds(); err != nil {
		return err
	}
	if err := l.checkHidden(); err != nil {
		return err
	}
	if priors := l.Dist().Priors(); !slices.Contains(priors, l.Prior) {
		return fmt.Errorf("latent.prior is %q: %s variables have %s", l.Prior, l.Kind, strings.Join(priors, " or "))
	}
	return nil
}

// family returns the row of the model's latent variables, or nil after it has failed.
func (m Model) family(b *Graph) *family {
	row, ok := families[m.Latent.Kind]
	if !ok {
		b.fail("%w", m.Latent.Dist().Check())
		return nil
	}
	f := row(m.Latent, plainFamily)
	return &f
}

// Bits returns the number of bits in a code: the variables, times the categories where there are any.
func (m Model) Bits() int { return m.Latent.Dist().Bits() }

// MaxKL returns the largest divergence that a uniform prior allows, in nats a row: N ln 2, or N ln K; +Inf for gaussian variables.
func (m Model) MaxKL() float64 { return m.Latent.Dist().MaxKL() }

// LatentShape returns the shape of logits and noise for a batch, such as [batch, variables] or [batch, variables, categories].
func (m Model) LatentShape(batch int) []int {
	return append([]int{batch}, m.Latent.Dist().LogitsShape()...)
}

// CodeShape returns the shape of codes for a batch.
func (m Model) CodeShape(batch int) []int {
	return append([]int{batch}, m.Latent.Dist().CodeShape()...)
}

// Relax returns the sample that gradients pass through, for logits and noise u of one shape: relaxed by a scalar temperature, which
// may be nil for gaussian variables.
func (m Model) Relax(b *Graph, logits, u, tau *G.Node) *G.Node {
	if f := m.family(b); f != nil {
		return f.relax(b, logits, u, tau)
	}
	return nil
}

// Sample returns a hard sample of discrete variables for logits and noise u of one shape, uniform in the open unit interval. No
// gradient passes.
func (m Model) Sample(b *Graph, logits, u *G.Node) *G.Node {
	if f := m.discrete(b); f != nil {
		return f.sample(b, logits, u)
	}
	return nil
}

// Probabilities returns the mean of discrete variables with the given logits, in their shape: a sigmoid or a softmax.
func (m Model) Probabilities(b *Graph, logits *G.Node) *G.Node {
	if f := m.discrete(b); f != nil {
		return f.probabilities(b, logits)
	}
	return nil
}

// discrete returns the row of the model's latent variables, or nil after it has failed: also where they are not discrete.
func (m Model) discrete(b *Graph) *family {
	f := m.family(b)
	if f != nil && f.sample == nil {
		b.fail("%s variables are not discrete: they have no probabilities", m.Latent.Kind)
		return nil
	}
	return f
}

// priorLike returns the logits of a prior for each row of logits: zeros where it has no parameters.
func (b *Graph) priorLike(prior, logits *G.Node) *G.Node {
	if prior == nil {
		return b.zerosLike(logits)
	}
	return b.ExpandLike(prior, logits, 0)
}

// PriorLogits returns the learned prior's logits, the parameter "prior/logits", or nil when the prior is uniform. Of layers they are the last's. They
// start at zero, the uniform prior.
func (m Model) PriorLogits(b *Graph) *G.Node {
	if m.Latent.Prior != PriorLearned {
		return nil
	}
	if m.Latent.layered() {
		return m.layer(len(m.Latent.Groups) - 1).PriorLogits(b)
	}
	return b.In("prior", func() *G.Node { return b.Parameter("logits", Zeros, m.LatentShape(1)[1:]...) })
}

// KL returns KL(q(z|x) ‖ p(z)) in nats a row, [batch]: 0 where the prior is conditional. prior is what [Model.PriorLogits] gave.
func (m Model) KL(b *Graph, logits, prior *G.Node) *G.Node {
	if m.Latent.conditional() {
		return b.none(logits)
	}
	if f := m.family(b); f != nil {
		return f.kl(b, logits, prior)
	}
	return nil
}

// none returns 0 for each row of x, [batch].
func (b *Graph) none(x *G.Node) *G.Node { return b.Sum(b.flat(b.zerosLike(x)), 1) }

// LogQ returns ln q(z|x) of hard codes, or of samples where these are continuous, in nats a row, [batch].
func (m Model) LogQ(b *Graph, code, logits *G.Node) *G.Node {
	if f := m.family(b); f != nil {
		return f.logQ(b, code, logits)
	}
	return nil
}

// Harden returns the hard code of logits: per-bit thresholds for Bernoulli variables (nil means 0), the one-hot arg-max
// for categorical ones, the means of gaussian ones.
func (m Model) Harden(b *Graph, logits *G.Node, thresholds []float32) *G.Node {
	if f := m.family(b); f != nil {
		return f.harden(b, logits, thresholds)
	}
	return nil
}

// packedWhole is up to how many bits a code is packed by one product, whose matrix grows with the square of the bits: at 4,096 it would have
// 2 million numbers, and cost more than most encoders.
const packedWhole = 1024

// Pack returns the bits of a hard code as bytes [batch, ceil(bits/8)]: bit i is bit 7-i%8 of byte i/8, the last byte is
// padded with zeros. It is a product with powers of two, exact in float32, because bit shifts have no CUDA kernel. Long codes of whole bytes are
// packed byte by byte.
func (m Model) Pack(b *Graph, code *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	f := m.family(b)
	if f == nil {
		return nil
	}
	if f.bits != nil {
		code = f.bits(b, code)
	}
	bits := m.Bits()
	bytes := (bits + 7) / 8
	if bits > packedWhole && bits%8 == 0 {
		batch := b.batch(code)
		powers := b.Constant(b.path("powers_of_two"), []float64{128, 64, 32, 16, 8, 4, 2, 1}, 8, 1)
		return b.Uint8(b.Reshape(b.MatMul(b.Reshape(code, batch*bytes, 8), powers), batch, bytes))
	}
	powers := make([]float64, bits*bytes)
	for i := range bits {
		powers[i*bytes+i/8] = float64(int(128) >> (i % 8))
	}
	flat := b.Reshape(code, b.batch(code), bits)
	return b.Uint8(b.MatMul(flat, b.Constant(b.path("powers_of_two"), powers, bits, bytes)))
}

// Index returns the categories of a hard code of categorical variables, of at most 256 categories, as bytes [batch, variables].
func (m Model) Index(b *Graph, code *G.Node) *G.Node {
	return b.In("threshold", func() *G.Node {
		l := m.Latent
		numbers := make([]float64, l.Categories)
		for k := range numbers {
			numbers[k] = float64(k)
		}
		each := b.MatMul(b.perVariable(code), b.Constant(b.path("categories"), numbers, l.Categories, 1))
		return b.Uint8(b.Reshape(each, b.batch(code), l.Variables))
	})
}

// HardCode returns the hard code of logits and its bytes: [Model.Harden] and [Model.Pack], as the part "threshold".
func (m Model) HardCode(b *Graph, logits *G.Node, thresholds []float32) (code, packed *G.Node) {
	packed = b.In("threshold", func() *G.Node {
		code = m.Harden(b, logits, thresholds)
		return m.Pack(b, code)
	})
	return code, packed
}
