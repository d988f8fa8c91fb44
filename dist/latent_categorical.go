package dist

import (
	"fmt"
	"math"
)

// categoricalLatent is the family of variables with K categories: z is one-hot, category k with probability softmax(l)_k, for
// K logits each. A code is the variables' one-hot values, variable after variable.
type categoricalLatent struct{}

func (categoricalLatent) plain() {}

func (categoricalLatent) Doc() string {
	return "variables of latent.categories categories, one-hot in the code"
}

func (categoricalLatent) LogitsDoc() string { return logitsDoc }
func (categoricalLatent) CodeDoc() string   { return codeDoc }

func (categoricalLatent) Check(l Latent) error {
	if l.Categories < 2 {
		return fmt.Errorf("latent.categories is %d for %d variables: use 2 or more", l.Categories, l.Variables)
	}
	if len(l.Thresholds) != 0 {
		return fmt.Errorf("latent.thresholds is given for categorical variables, which have none")
	}
	return nil
}

func (categoricalLatent) LogitsShape(l Latent) []int { return []int{l.Variables, l.Categories} }
func (categoricalLatent) CodeShape(l Latent) []int   { return []int{l.Variables, l.Categories} }

func (categoricalLatent) Variable(l Latent, v int) (from, to int) {
	return v * l.Categories, (v + 1) * l.Categories
}

func (categoricalLatent) Choices(l Latent, _ int) int { return l.Categories }

func (categoricalLatent) MaxKL(l Latent) float64 {
	return float64(l.Variables) * math.Log(float64(l.Categories))
}

func (categoricalLatent) Priors() []string { return discretePriors() }

func (categoricalLatent) Unpacked() (clear, set float32) { return 0, 1 }

func (categoricalLatent) Range() (least, most float64) { return 0, 1 }

// Harden: one-hot of the largest logit, of equal ones the first.
func (categoricalLatent) Harden(l Latent, code, logits []float32) {
	for at := 0; at < len(code); at += l.Categories {
		best := at
		for i := at; i < at+l.Categories; i++ {
			code[i] = 0
			if logits[i] > logits[best] {
				best = i
			}
		}
		code[best] = 1
	}
}

func (categoricalLatent) Choose(l Latent, code []float32, v, c int) { code[v*l.Categories+c] = 1 }

// Draw: one-hot of the largest l + g, g = -ln(-ln u), which follows softmax(l).
func (categoricalLatent) Draw(l Latent, code, logits, u []float32) {
	for at := 0; at < len(code); at += l.Categories {
		best, most := at, math.Inf(-1)
		for i := at; i < at+l.Categories; i++ {
			code[i] = 0
			if s := float64(logits[i]) - math.Log(-math.Log(float64(u[i]))); s > most {
				best, most = i, s
			}
		}
		code[best] = 1
	}
}

// NearDecision: a variable's decision is between its first and its second largest logit.
func (categoricalLatent) NearDecision(l Latent, near []bool, logits []float64, margin float64) {
	for at := 0; at < len(logits); at += l.Categories {
		group := logits[at : at+l.Categories]
		first, second := group[0], group[1]
		if second > first {
			first, second = second, first
		}
		for _, x := range group[2:] {
			switch {
			case x > first:
				first, second = x, first
			case x > second:
				second = x
			}
		}
		for i := range group {
			near[at+i] = first-second <= margin
		}
	}
}

// categoricalPosterior holds the logarithms of the probabilities of all categories.
type categoricalPosterior struct {
	categories int
	q, p       []float64
}

func (categoricalLatent) Posterior(l Latent, logits []float32) Posterior {
	p := categoricalPosterior{l.Categories, make([]float64, len(logits)), make([]float64, len(logits))}
	prior := l.PriorLogits()
	for at := 0; at < len(logits); at += l.Categories {
		logSoftmax(p.q[at:at+l.Categories], logits[at:at+l.Categories])
		logSoftmax(p.p[at:at+l.Categories], prior[at:at+l.Categories])
	}
	return p
}

func (p categoricalPosterior) Bit(i int) float64 { return math.Exp(p.q[i]) }

// KL is the sum of Σ q ln(q/p) over the variables.
func (p categoricalPosterior) KL(each func(from, to int, kl float64)) (total float64) {
	for at := 0; at < len(p.q); at += p.categories {
		kl := 0.0
		for i := at; i < at+p.categories; i++ {
			kl += p.Bit(i) * (p.q[i] - p.p[i])
		}
		if each != nil {
			each(at, at+p.categories, kl)
		}
		total += kl
	}
	return total
}

func (p categoricalPosterior) LogRatio(code []float32) (sum float64) {
	for i, z := range code {
		if z == 1 {
			sum += p.p[i] - p.q[i]
		}
	}
	return sum
}

func (p categoricalPosterior) Logs(code []float32) (prior, q float64) {
	for i, z := range code {
		if z == 1 {
			prior, q = prior+p.p[i], q+p.q[i]
		}
	}
	return prior, q
}

// logSoftmax writes l - ln Σ exp(l) to dst, the largest logit taken out first so that nothing overflows.
func logSoftmax(dst []float64, logits []float32) {
	most := math.Inf(-1)
	for _, x := range logits {
		most = max(most, float64(x))
	}
	sum := 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x) - most)
	}
	for i, x := range logits {
		dst[i] = float64(x) - most - math.Log(sum)
	}
}
