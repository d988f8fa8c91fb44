package dist

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Mixed is the name of the family whose variables are of several kinds.
const Mixed = "mixed"

// A Group is some variables of one kind among those of a model.
type Group struct {
	Kind       string `json:"kind"`
	Variables  int    `json:"variables"`
	Categories int    `json:"categories,omitempty"` // of each variable, where the kind has them
}

// String returns a group as text, "bernoulli:32" or "categorical:8x10".
func (g Group) String() string {
	if g.Categories != 0 {
		return fmt.Sprintf("%s:%dx%d", g.Kind, g.Variables, g.Categories)
	}
	return fmt.Sprintf("%s:%d", g.Kind, g.Variables)
}

func formatGroups(groups []Group) string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.String()
	}
	return strings.Join(names, ",")
}

// GroupSum returns the number of variables in all groups, or -1 where it is no number that a model can have.
func GroupSum(groups []Group) int {
	sum := 0
	for _, g := range groups {
		if g.Variables < 0 || g.Variables > maxBits || sum > maxBits-g.Variables {
			return -1
		}
		sum += g.Variables
	}
	return sum
}

// maxBits bounds the bits of a code that is made of groups, so that no sum overflows.
const maxBits = 1 << 24

// plain is a family whose variables can be a group's: they are discrete, and of one kind.
type plain interface{ plain() }

// composed is a family that is made of groups.
type composed interface{ composed() }

// plainNames returns the kinds that groups can have, sorted.
func plainNames() []string {
	return slices.DeleteFunc(FamilyNames(), func(name string) bool {
		_, ok := families[name].(plain)
		return !ok
	})
}

// mixedLatent is the family of groups of variables of several kinds. Logits and codes of a row are flat: those of the groups, each
// as its own family has them, behind each other in the order of the groups. Thresholds are those of the groups that have any.
type mixedLatent struct{}

func (mixedLatent) composed() {}

func (mixedLatent) Doc() string {
	return "groups of variables, each of a kind of its own, in the order of latent.groups"
}

func (mixedLatent) LogitsDoc() string {
	return "Logits of q(z|x), flat, group by group: of p(z=1) for Bernoulli variables, of each category before the softmax for categorical ones."
}

func (mixedLatent) CodeDoc() string {
	return "Hard code, flat, group by group: 0 or 1 for each Bernoulli variable (1 where the logit is above its threshold), one-hot of the largest logit for each categorical one."
}

func (mixedLatent) Check(l Latent) error { return checkGroups(l, Mixed, "groups") }

// checkGroups reports what is wrong with groups, which are called by their key.
func checkGroups(l Latent, kind, key string) error {
	if l.Categories != 0 {
		return fmt.Errorf("latent.categories is %d for %s variables: leave it out, latent.%s has those of each group", l.Categories, kind, key)
	}
	if len(l.Groups) == 0 {
		return fmt.Errorf("latent.%s is empty for %s variables: give at least one, such as {\"kind\": %q, \"variables\": 32}", key, kind, Bernoulli)
	}
	bits, variables := 0, 0
	for i, g := range l.Groups {
		name := fmt.Sprintf("latent.%s[%d]", key, i)
		family := FamilyOf(g.Kind)
		if _, ok := family.(plain); !ok {
			return fmt.Errorf("%s.kind is %q: use %s", name, g.Kind, alternatives(plainNames()))
		}
		if g.Variables < 1 || g.Variables > maxBits {
			return fmt.Errorf("%s.variables is %d: use 1 to %d", name, g.Variables, maxBits)
		}
		if g.Categories < 0 || g.Categories > maxBits/g.Variables {
			return fmt.Errorf("%s.categories is %d for %d variables: codes have at most %d bits", name, g.Categories, g.Variables, maxBits)
		}
		of := Latent{Family: family, Variables: g.Variables, Categories: g.Categories}
		if err := family.Check(of); err != nil {
			return errors.New(strings.ReplaceAll(err.Error(), "latent.", name+"."))
		}
		if bits += of.Bits(); bits > maxBits {
			return fmt.Errorf("latent.%s make codes of more than %d bits: use fewer variables", key, maxBits)
		}
		variables += g.Variables
	}
	if l.Variables != variables {
		return fmt.Errorf("latent.variables is %d, and latent.%s have %d: leave it out", l.Variables, key, variables)
	}
	thresholds := 0
	for _, p := range l.parts() {
		thresholds += p.thresholds
	}
	if n := len(l.Thresholds); n != 0 && n != thresholds {
		return fmt.Errorf("latent.thresholds holds %d numbers for %d variables that have one", n, thresholds)
	}
	return nil
}

// A Part is a group of a [Latent], with where its numbers begin among those of all groups.
type Part struct {
	Latent
	LogitsFrom, CodeFrom, VariablesFrom int

	thresholds int // how many it has
}

// Deciding returns how many of the group's variables are decided by a threshold.
func (p Part) Deciding() int { return p.thresholds }

// Parts returns the groups of the variables as variables of their own, in their order; the variables themselves where they have no
// groups.
func (l Latent) Parts() []Part {
	if !l.Composed() {
		return []Part{{Latent: l}}
	}
	return l.parts()
}

func (l Latent) parts() []Part {
	parts := make([]Part, len(l.Groups))
	next, thresholds, unpriored := Part{}, 0, l.withoutPrior()
	for i, g := range l.Groups {
		p := next
		p.Latent = Latent{Family: FamilyOf(g.Kind), Variables: g.Variables, Categories: g.Categories}
		logits, bits := p.Logits(), p.Bits()
		next.LogitsFrom, next.CodeFrom, next.VariablesFrom = next.LogitsFrom+logits, next.CodeFrom+bits, next.VariablesFrom+g.Variables
		if from := p.LogitsFrom - unpriored; from >= 0 && from+logits <= len(l.Prior) {
			p.Prior = l.Prior[from:][:logits:logits]
		}
		if g.Categories == 0 { // those that are decided by a threshold
			p.thresholds = g.Variables
			if thresholds+p.thresholds <= len(l.Thresholds) {
				p.Thresholds = l.Thresholds[thresholds:][:p.thresholds:p.thresholds]
			}
			thresholds += p.thresholds
		}
		parts[i] = p
	}
	return parts
}

// withoutPrior returns how many logits come before those that the prior has: none, or those of all layers but the last.
func (l Latent) withoutPrior() (logits int) {
	for i, g := range l.Groups {
		if l.Layered() && i < len(l.Groups)-1 {
			logits += Latent{Family: FamilyOf(g.Kind), Variables: g.Variables, Categories: g.Categories}.Logits()
		}
	}
	return logits
}

// of returns the group of variable v, with v's number in it.
func (l Latent) of(v int) (Part, int) {
	parts := l.parts()
	for i, p := range parts {
		if v < p.VariablesFrom+p.Variables || i == len(parts)-1 {
			return p, v - p.VariablesFrom
		}
	}
	return Part{}, v
}

func (mixedLatent) LogitsShape(l Latent) []int {
	n := 0
	for _, p := range l.parts() {
		n += p.Logits()
	}
	return []int{n}
}

func (mixedLatent) CodeShape(l Latent) []int {
	n := 0
	for _, p := range l.parts() {
		n += p.Bits()
	}
	return []int{n}
}

func (mixedLatent) Variable(l Latent, v int) (from, to int) {
	p, v := l.of(v)
	from, to = p.Variable(v)
	return p.CodeFrom + from, p.CodeFrom + to
}

func (mixedLatent) Choices(l Latent, v int) int {
	p, v := l.of(v)
	return p.Choices(v)
}

func (mixedLatent) Choose(l Latent, code []float32, v, c int) {
	p, v := l.of(v)
	p.Choose(code[p.CodeFrom:][:p.Bits()], v, c)
}

func (mixedLatent) MaxKL(l Latent) (sum float64) {
	for _, p := range l.parts() {
		sum += p.MaxKL()
	}
	return sum
}

func (mixedLatent) Priors() []string { return discretePriors() }

func (mixedLatent) Unpacked() (clear, set float32) { return 0, 1 }

func (mixedLatent) Range() (least, most float64) { return 0, 1 }

func (mixedLatent) decided(l Latent) (places []int) {
	for _, p := range l.parts() {
		for i := range p.thresholds {
			places = append(places, p.LogitsFrom+i)
		}
	}
	return places
}

func (mixedLatent) Harden(l Latent, code, logits []float32) {
	for _, p := range l.parts() {
		p.Harden(code[p.CodeFrom:][:p.Bits()], logits[p.LogitsFrom:][:p.Logits()])
	}
}

func (mixedLatent) Draw(l Latent, code, logits, u []float32) {
	for _, p := range l.parts() {
		p.Draw(code[p.CodeFrom:][:p.Bits()], logits[p.LogitsFrom:][:p.Logits()], u[p.LogitsFrom:][:p.Logits()])
	}
}

func (mixedLatent) NearDecision(l Latent, near []bool, logits []float64, margin float64) {
	for _, p := range l.parts() {
		p.Family.NearDecision(p.Latent, near[p.CodeFrom:][:p.Bits()], logits[p.LogitsFrom:][:p.Logits()], margin)
	}
}

// mixedPosterior holds the posteriors of the groups.
type mixedPosterior []partPosterior

type partPosterior struct {
	Posterior
	from, to int // in the code
}

func (mixedLatent) Posterior(l Latent, logits []float32) Posterior {
	var all mixedPosterior
	for _, p := range l.parts() {
		all = append(all, partPosterior{p.Posterior(logits[p.LogitsFrom:][:p.Logits()]), p.CodeFrom, p.CodeFrom + p.Bits()})
	}
	return all
}

func (all mixedPosterior) Bit(i int) float64 {
	for _, p := range all {
		if i < p.to {
			return p.Posterior.Bit(i - p.from)
		}
	}
	return 0
}

func (all mixedPosterior) KL(each func(from, to int, kl float64)) (total float64) {
	for _, p := range all {
		total += p.Posterior.KL(func(from, to int, kl float64) {
			if each != nil {
				each(p.from+from, p.from+to, kl)
			}
		})
	}
	return total
}

func (all mixedPosterior) LogRatio(code []float32) (sum float64) {
	for _, p := range all {
		sum += p.Posterior.LogRatio(code[p.from:p.to])
	}
	return sum
}

func (all mixedPosterior) Logs(code []float32) (prior, q float64) {
	for _, p := range all {
		priorOf, qOf := p.Posterior.Logs(code[p.from:p.to])
		prior, q = prior+priorOf, q+qOf
	}
	return prior, q
}
