package dist

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The names of families and likelihoods, as configurations and manifests have them. Bernoulli is both.
const (
	Bernoulli   = "bernoulli"
	Categorical = "categorical"
)

// The names of priors p(z). Learned ones have logits of their own; each family has one that has none.
const (
	UniformPrior = "uniform" // every value of a variable is as likely as the others
	NormalPrior  = "normal"  // mean 0, variance 1
	LearnedPrior = "learned"
	// ConditionalPrior is p(z|x), the encoder's own distribution: nothing is divergent from it. It is that of models which predict a part of a
	// row from the rest: see [Cut].
	ConditionalPrior = "conditional"
)

// PointPosterior is the name of a posterior that is certain of the hard code: see [Latent].Point.
const PointPosterior = "point"

// families holds the kinds of latent variables by their names: one row each.
var families = map[string]Family{
	Bernoulli:    bernoulliLatent{},
	Categorical:  categoricalLatent{},
	Gaussian:     gaussianLatent{},
	Hierarchical: hierarchicalLatent{},
	Mixed:        mixedLatent{},
}

// A Family is a kind of latent variable, with every facet of it that needs no gorgonia. Methods take the [Latent] of
// the variables, which must have passed Check, and the values of one row.
type Family interface {
	// Doc says in one line what a variable is.
	Doc() string
	// LogitsDoc and CodeDoc say what the encoder's result and the code hold. They are part of the exported graphs, whose
	// bytes stay the same: do not reword them.
	LogitsDoc() string
	CodeDoc() string

	// Check reports sizes or thresholds that the family does not have, by their keys.
	Check(l Latent) error
	// LogitsShape is the shape of a row's logits: what the encoder gives, and what noise is drawn for.
	LogitsShape(l Latent) []int
	// CodeShape is the shape of a row's code: what the decoder takes.
	CodeShape(l Latent) []int
	// Variable is the range from, …, to-1 of variable v's values in the code.
	Variable(l Latent, v int) (from, to int)
	// Choices is how many values variable v can take, 0 where there are infinitely many: no enumeration.
	Choices(l Latent, v int) int
	// Choose writes the c-th value of variable v, from 0, into a code of zeros. It does nothing where Choices is 0.
	Choose(l Latent, code []float32, v, c int)
	// MaxKL is the largest divergence from the prior without parameters, in nats a row; +Inf where there is none.
	MaxKL(l Latent) float64
	// Priors are the names of the priors that the family has, the one without parameters first.
	Priors() []string

	// Harden writes the hard code of a row's logits: what the threshold graph makes of them.
	Harden(l Latent, code, logits []float32)
	// Unpacked are the two numbers that a packed code's bits stand for in the code that the decoder takes.
	Unpacked() (clear, set float32)
	// Range is what a code's numbers lie within, both ends included.
	Range() (least, most float64)

	// Posterior returns q(z|x) of a row next to the prior.
	Posterior(l Latent, logits []float32) Posterior
	// Draw writes one hard sample of variables with these logits to code, for noise u uniform in the open unit interval,
	// one number a logit.
	Draw(l Latent, code, logits, u []float32)
	// NearDecision marks the bits of the code that may change when the logits change by margin.
	NearDecision(l Latent, near []bool, logits []float64, margin float64)
}

// A Posterior is q(z|x) of one row next to the prior p(z). All results are nats.
type Posterior interface {
	// Bit returns the probability that the code's i-th bit is set.
	Bit(i int) float64
	// KL returns KL(q(z|x) ‖ p(z)), the sum over the variables. It calls each, which may be nil, once for each variable:
	// with the range from, …, to-1 of the variable's values in the code, and with its share.
	KL(each func(from, to int, kl float64)) float64
	// LogRatio returns ln p(z)/q(z|x) of a hard code; where codes are continuous, of a sample, with densities.
	LogRatio(code []float32) float64
	// Logs returns ln p(z) and ln q(z|x) of the same.
	Logs(code []float32) (prior, q float64)
}

// A Latent says which latent variables a model has: a family with its sizes, its prior and its decisions. [NewLatent] makes
// one that is checked.
type Latent struct {
	Family               // promotes the facets; see the methods of Latent for the usual calls
	Variables  int       // how many, at least 1, in all groups together
	Categories int       // of each variable, where the family has them; else 0
	Groups     []Group   // of variables, where the family is made of groups; else nil
	Prior      []float32 // the prior's logits, PriorSize numbers; nil for the uniform prior
	Thresholds []float32 // of the logits, one a variable, where the family decides by thresholds; nil means 0

	// Conditional: the prior of a row is its posterior, see [ConditionalPrior]. Where variables are in layers, the second is the one next to
	// what is predicted: x -> z1 -> z2 -> y.
	Conditional bool

	// Point: q(z|x) is certain of the hard code, as where a search finds it and its scores are no posterior. Only of discrete variables in no
	// layers, whose prior is not conditional.
	Point bool
}

// NewLatent returns variables of a family by its name, with a uniform prior. An unknown name, or sizes that the family does
// not have, are an error that names the key.
func NewLatent(kind string, variables, categories int) (Latent, error) {
	l := Latent{Family: FamilyOf(kind), Variables: variables, Categories: categories}
	return l, l.Check()
}

// The documentation of the graphs of the first two families.
const (
	logitsDoc = "Logits of q(z|x): of p(z=1) for Bernoulli variables, of each category before the softmax for categorical ones."
	codeDoc   = "Hard code: 0 or 1 for each Bernoulli variable (1 where the logit is above its threshold), one-hot of the largest logit for each categorical one."
)

// FamilyOf returns the family of a name. Of an unknown name it returns one whose Check reports it, so that a
// configuration can be asked for shapes before it is checked.
func FamilyOf(kind string) Family {
	if f, ok := families[kind]; ok {
		return f
	}
	return unknownLatent{kind: kind}
}

// family returns the family, or that of a name that is missing.
func (l Latent) family() Family {
	if l.Family == nil {
		return unknownLatent{}
	}
	return l.Family
}

// FamilyNames returns the names of all families, sorted.
func FamilyNames() []string { return slices.Sorted(maps.Keys(families)) }

// Check reports the first thing wrong with the variables, by its key.
func (l Latent) Check() error {
	if l.Family == nil {
		return fmt.Errorf("latent.kind is missing: use %s", alternatives(FamilyNames()))
	}
	if l.Variables < 1 && !l.Composed() { // groups are checked one by one
		return fmt.Errorf("latent.variables is %d: use 1 or more", l.Variables)
	}
	if err := l.Family.Check(l); err != nil {
		return err
	}
	if !l.Composed() && len(l.Groups) != 0 {
		return fmt.Errorf("latent.groups holds %s for variables of one kind: leave it out, or set latent.kind to %s", formatGroups(l.Groups), Mixed)
	}
	if n := len(l.Prior); n != 0 && n != l.PriorSize() {
		return fmt.Errorf("latent.prior has %d logits, these variables have %d", n, l.PriorSize())
	}
	if l.Point && (l.Conditional || l.Layered() || !l.Discrete()) {
		return fmt.Errorf("latent.posterior is %s: only discrete variables, in no layers and without a conditional prior, have it", PointPosterior)
	}
	if n := len(l.Prior); n != 0 && l.Conditional {
		return fmt.Errorf("latent.prior has %d logits, and is %s, which has none", n, ConditionalPrior)
	}
	if len(l.Prior) != 0 && !slices.Contains(l.Priors(), LearnedPrior) {
		return fmt.Errorf("latent.prior has %d logits, and these variables have no learned prior: use %s", len(l.Prior), alternatives(l.Priors()))
	}
	return nil
}

// LogitsShape returns the shape of a row's logits.
func (l Latent) LogitsShape() []int { return l.family().LogitsShape(l) }

// CodeShape returns the shape of a row's code.
func (l Latent) CodeShape() []int { return l.family().CodeShape(l) }

// Logits returns the number of a row's logits.
func (l Latent) Logits() int { return product(l.LogitsShape()) }

// Bits returns the number of values of a row's code, which is also the number of its bits.
func (l Latent) Bits() int { return product(l.CodeShape()) }

// Choices returns how many values variable v can take, 0 where there are infinitely many.
func (l Latent) Choices(v int) int { return l.family().Choices(l, v) }

// Choose writes the c-th value of variable v, from 0, into a code of zeros.
func (l Latent) Choose(code []float32, v, c int) { l.family().Choose(l, code, v, c) }

// Variable returns the range from, …, to-1 of variable v's values in the code.
func (l Latent) Variable(v int) (from, to int) { return l.family().Variable(l, v) }

// MaxKL returns the largest divergence that the prior without parameters allows, in nats a row: variables · ln choices, or +Inf.
// With a conditional prior there is none.
func (l Latent) MaxKL() float64 {
	if l.Conditional {
		return 0
	}
	return l.family().MaxKL(l)
}

// Harden writes the hard code of a row's logits to code.
func (l Latent) Harden(code, logits []float32) { l.family().Harden(l, code, logits) }

// Unpacked returns the two numbers that a packed code's bits stand for in the code that the decoder takes.
func (l Latent) Unpacked() (clear, set float32) { return l.family().Unpacked() }

// Range returns what a code's numbers lie within, both ends included.
func (l Latent) Range() (least, most float64) { return l.family().Range() }

// Priors returns the names of the priors that the variables can have, the one without parameters first.
func (l Latent) Priors() []string { return l.family().Priors() }

// Composed reports whether the variables are those of groups.
func (l Latent) Composed() bool {
	_, ok := l.family().(composed)
	return ok
}

// Discrete reports whether a code is its bits, so that a packed code holds all of it.
func (l Latent) Discrete() bool {
	clear, set := l.Unpacked()
	least, most := l.Range()
	return float64(clear) == least && float64(set) == most
}

// Posterior returns q(z|x) of a row with these logits, which must stay as they are while it is used.
func (l Latent) Posterior(logits []float32) Posterior {
	if l.Point {
		return newPointPosterior(l, logits)
	}
	return l.next(func() Posterior { return l.family().Posterior(l, logits) })
}

// Draw writes a hard sample of a row with these logits to code, for uniform noise u, one number a logit.
func (l Latent) Draw(code, logits, u []float32) {
	if l.Point {
		l.Harden(code, logits)
		return
	}
	l.family().Draw(l, code, logits, u)
}

// deciding is what a family is whose variables, or some of them, are decided by thresholds.
type deciding interface {
	// decided are the places of their logits in a row's, in the order of the thresholds.
	decided(l Latent) []int
}

// Query appends to dst what a search scores codes by where an encoder gives no query of its own, of a row's logits: as many numbers as a
// code has. Bits have their logits less the thresholds, categories their logits, gaussian variables their means. Larger is nearer:
//
//	Σ query[j] (2 bit[j] - 1) for bits,   Σ query[v, category of v] for categories
func (l Latent) Query(dst, logits []float32) []float32 {
	if !l.Discrete() {
		at := len(dst)
		dst = append(dst, make([]float32, l.Bits())...)
		l.Harden(dst[at:], logits)
		return dst
	}
	dst = append(dst, logits...)
	query := dst[len(dst)-len(logits):]
	if len(l.Thresholds) > 0 {
		for i, place := range l.Decided() {
			query[place] -= l.Thresholds[i]
		}
	}
	return dst
}

// Decided returns the places, in a row's logits, of those that are decided by a threshold, in the order of Thresholds: nil where none are.
func (l Latent) Decided() []int {
	if f, ok := l.family().(deciding); ok {
		return f.decided(l)
	}
	return nil
}

// PriorLogits returns the logits of the prior, PriorSize numbers: zeros where it is uniform.
func (l Latent) PriorLogits() []float32 {
	if len(l.Prior) > 0 {
		return l.Prior
	}
	return make([]float32, l.PriorSize())
}

// NearDecision marks the values of a row's code that rounding may flip: those with logits within margin · max(1, the
// row's largest |logit|) of a decision.
func (l Latent) NearDecision(logits []float64, margin float64) []bool {
	scale := 1.0
	for _, x := range logits {
		scale = max(scale, x, -x)
	}
	near := make([]bool, l.Bits())
	l.family().NearDecision(l, near, logits, margin*scale)
	return near
}

// Count returns the number of different codes, or limit+1 where there are more than limit.
func (l Latent) Count(limit int) int {
	n := 1
	for v := range l.Variables {
		choices := l.Choices(v)
		if choices == 0 || n > limit/choices {
			return limit + 1
		}
		n *= choices
	}
	return n
}

// Codes returns every code, one after the other: the first variable changes fastest. More than limit codes are an error, and
// so are infinitely many.
func (l Latent) Codes(limit int) ([]float32, error) {
	n := l.Count(limit)
	if n > limit {
		if !l.Discrete() {
			return nil, fmt.Errorf("the variables take infinitely many values: their codes cannot be enumerated")
		}
		return nil, fmt.Errorf("%d variables have more than %d codes", l.Variables, limit)
	}
	bits := l.Bits()
	codes := make([]float32, n*bits)
	for z := range n {
		rest := z
		for v := range l.Variables {
			choices := l.Choices(v)
			l.Choose(codes[z*bits:][:bits], v, rest%choices)
			rest /= choices
		}
	}
	return codes, nil
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// alternatives lists names for an error: "a, b or c".
func alternatives(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
}

// unknownLatent takes the place of a family that does not exist, until its name is checked. It has the shapes of one value
// a variable.
type unknownLatent struct {
	bernoulliLatent
	kind string
}

func (f unknownLatent) Check(Latent) error {
	return fmt.Errorf("latent.kind is %q: use %s", f.kind, alternatives(FamilyNames()))
}
