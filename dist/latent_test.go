package dist_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dist"
)

// small is a latent of each family with few enough codes to enumerate. A family without one fails TestFamilies.
var small = map[string]dist.Latent{
	dist.Bernoulli:    {Variables: 4},
	dist.Categorical:  {Variables: 2, Categories: 3},
	dist.Gaussian:     {Variables: 3},
	dist.Hierarchical: {Variables: 4, Groups: []dist.Group{{Kind: dist.Categorical, Variables: 1, Categories: 4}, {Kind: dist.Bernoulli, Variables: 3}}},
	dist.Mixed:        {Variables: 5, Groups: []dist.Group{{Kind: dist.Bernoulli, Variables: 1}, {Kind: dist.Categorical, Variables: 2, Categories: 3}, {Kind: dist.Bernoulli, Variables: 2}}},
}

// enumerated runs a test on every family whose codes can be enumerated, with each of its priors.
func enumerated(t *testing.T, test func(t *testing.T, l dist.Latent, logits []float32)) {
	each(t, func(t *testing.T, l dist.Latent, logits []float32) {
		if !l.Discrete() {
			if _, err := l.Codes(100); err == nil || l.Count(100) != 101 || !strings.Contains(err.Error(), "enumerated") {
				t.Errorf("%d codes, %v: infinitely many codes are counted", l.Count(100), err)
			}
			t.Skip("it has infinitely many codes: see TestGaussian")
		}
		test(t, l, logits)
	})
}

// each runs a test on every family, with each of its priors.
func each(t *testing.T, test func(t *testing.T, l dist.Latent, logits []float32)) {
	for _, kind := range dist.FamilyNames() {
		l, ok := small[kind]
		if !ok {
			t.Errorf("the family %q has no small case: add one", kind)
			continue
		}
		l.Family = dist.FamilyOf(kind)
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 2))
		logits := make([]float32, l.Logits())
		for _, prior := range l.Priors() {
			for i := range logits {
				logits[i] = float32(2 * r.NormFloat64())
			}
			if prior == dist.LearnedPrior {
				l.Prior = make([]float32, l.PriorSize())
				for i := range l.Prior {
					l.Prior[i] = float32(r.NormFloat64())
				}
			}
			if l.Conditional = prior == dist.ConditionalPrior; l.Conditional {
				l.Prior = nil
			}
			t.Run(kind+", "+prior, func(t *testing.T) { test(t, l, logits) })
		}
	}
}

// posterior returns the posterior of logits: of variables in layers, that for some p(z1|z2).
func posterior(l dist.Latent, logits []float32) dist.Posterior {
	if !l.Layered() {
		return l.Posterior(logits)
	}
	given := make([]float32, l.Logits()-l.PriorSize())
	for i := range given {
		given[i] = float32(i) - 1.5
	}
	return l.Given(logits, given)
}

// What a posterior says agrees with the sums over all codes: probabilities, means, divergence, log-ratio.
func TestPosterior(t *testing.T) {
	enumerated(t, func(t *testing.T, l dist.Latent, logits []float32) {
		codes, err := l.Codes(100)
		if err != nil {
			t.Fatal(err)
		}
		q, bits := posterior(l, logits), l.Bits()
		sumQ, sumP, kl := 0.0, 0.0, 0.0
		means := make([]float64, bits)
		for ; len(codes) > 0; codes = codes[bits:] {
			code := codes[:bits]
			logP, logQ := q.Logs(code)
			sumQ, sumP, kl = sumQ+math.Exp(logQ), sumP+math.Exp(logP), kl+math.Exp(logQ)*(logQ-logP)
			for i, z := range code {
				means[i] += math.Exp(logQ) * float64(z)
			}
			near(t, "ln p/q", q.LogRatio(code), logP-logQ)
		}
		near(t, "Σ q", sumQ, 1)
		near(t, "Σ p", sumP, 1)
		shares, covered := 0.0, 0
		near(t, "KL", q.KL(func(from, to int, share float64) {
			if from != covered {
				t.Errorf("a variable begins at %d, want %d", from, covered)
			}
			shares, covered = shares+share, to
		}), kl)
		near(t, "the variables' shares of KL", shares, kl)
		if covered != bits {
			t.Errorf("the variables cover %d of %d values", covered, bits)
		}
		for i, m := range means {
			near(t, fmt.Sprintf("probability of bit %d", i), q.Bit(i), m)
		}
	})
}

// The divergence lies within [0, MaxKL] under a uniform prior, also for extreme logits, and reaches its bound.
func TestMaxKL(t *testing.T) {
	enumerated(t, func(t *testing.T, l dist.Latent, logits []float32) {
		l.Prior = nil
		if l.Conditional {
			if l.MaxKL() != 0 || l.Posterior(logits).KL(nil) != 0 {
				t.Errorf("with a conditional prior the divergence is %g, at most %g", l.Posterior(logits).KL(nil), l.MaxKL())
			}
			return
		}
		if l.Layered() {
			if !math.IsInf(l.MaxKL(), 1) {
				t.Errorf("the largest KL is %g: p(z1|z2) has no bound", l.MaxKL())
			}
			return
		}
		for _, scale := range []float32{0, 1, 30, 1e4, 1e30} {
			scaled := make([]float32, len(logits))
			for i, x := range logits {
				scaled[i] = scale * x
			}
			kl := l.Posterior(scaled).KL(nil)
			if !(kl >= -1e-12 && kl <= l.MaxKL()+1e-9) {
				t.Errorf("logits times %g: KL is %g, its bounds are 0 and %g", scale, kl, l.MaxKL())
			}
			if scale == 1e30 {
				near(t, "KL of a sure code", kl, l.MaxKL())
			}
		}
	})
}

// Without p(z1|z2), what depends on it is no number, and what does not is one.
func TestLayersNeedTheirPrior(t *testing.T) {
	l := small[dist.Hierarchical]
	l.Family = dist.FamilyOf(dist.Hierarchical)
	logits, code := []float32{1, 2, -1, 0, 3, -2, 1}, []float32{0, 1, 0, 0, 1, 0, 1}
	q, given := l.Posterior(logits), posterior(l, logits)
	prior, logQ := q.Logs(code)
	_, want := given.Logs(code)
	if !math.IsNaN(q.KL(nil)) || !math.IsNaN(q.LogRatio(code)) || !math.IsNaN(prior) {
		t.Errorf("KL is %g, ln p/q %g, ln p %g without p(z1|z2)", q.KL(nil), q.LogRatio(code), prior)
	}
	near(t, "ln q", logQ, want)
	near(t, "a bit's probability", q.Bit(1), given.Bit(1))
	if l.PriorSize() != 3 || l.Lowest().Bits() != 4 || l.Bits() != 7 || !slices.Equal(l.PriorLogits(), make([]float32, 3)) {
		t.Errorf("the prior has %d logits %v, the first layer %d bits of %d", l.PriorSize(), l.PriorLogits(), l.Lowest().Bits(), l.Bits())
	}
	if near := l.NearDecision([]float64{3, -3, -3, -3, 5, 0, 5}, 0.1); !slices.Equal(near, []bool{false, false, false, false, false, true, false}) {
		t.Errorf("%v are near a decision, want the second of the second layer", near)
	}
	if near := l.NearDecision([]float64{3, 3.01, -3, -3, 5, 5, 5}, 0.1); slices.Contains(near[4:], false) {
		t.Errorf("%v are near a decision: the second layer depends on the first", near)
	}
}

// Draws follow the posterior: a z-test of every code on 200,000 draws, fixed seed.
func TestDraw(t *testing.T) {
	const n = 200_000
	enumerated(t, func(t *testing.T, l dist.Latent, logits []float32) {
		r := rand.New(rand.NewPCG(5, 6))
		count := map[string]int{}
		u, code := make([]float32, l.Logits()), make([]float32, l.Bits())
		for range n {
			for i := range u {
				u[i] = (float32(r.IntN(1<<23)) + 0.5) / (1 << 23)
			}
			l.Draw(code, logits, u)
			count[fmt.Sprint(code)]++
		}
		codes, err := l.Codes(100)
		if err != nil {
			t.Fatal(err)
		}
		q := posterior(l, logits)
		for ; len(codes) > 0; codes = codes[len(code):] {
			_, logQ := q.Logs(codes[:len(code)])
			p := math.Exp(logQ)
			got := float64(count[fmt.Sprint(codes[:len(code)])])
			if z := (got - n*p) / math.Sqrt(n*p*(1-p)); math.Abs(z) > 4.5 {
				t.Errorf("the code %v is drawn %g times of %d, want %g: z = %.1f", codes[:len(code)], got, n, n*p, z)
			}
		}
	})
}

// A bit that is not near a decision stays when logits move by less than the margin.
func TestNearDecision(t *testing.T) {
	each(t, func(t *testing.T, l dist.Latent, logits []float32) {
		r := rand.New(rand.NewPCG(7, 8))
		code, moved, wide := make([]float32, l.Bits()), make([]float32, l.Bits()), make([]float64, len(logits))
		least, most := l.Unpacked()
		middle := (least + most) / 2
		turned := 0
		for range 2000 {
			other := make([]float32, len(logits))
			for i := range logits {
				logits[i] = float32(r.NormFloat64())
				wide[i] = float64(logits[i])
				other[i] = logits[i] + float32(0.049*(2*r.Float64()-1))
			}
			l.Harden(code, logits)
			l.Harden(moved, other)
			for i, near := range l.NearDecision(wide, 0.1) {
				if (code[i] > middle) != (moved[i] > middle) {
					turned++
					if !near {
						t.Fatalf("bit %d turns from %v to %v and is not marked", i, logits, other)
					}
				}
			}
		}
		if turned == 0 {
			t.Error("no bit turned: the test says nothing")
		}
	})
}

// The hard code of discrete variables is the one that equal noise draws: the likeliest.
func TestHarden(t *testing.T) {
	enumerated(t, func(t *testing.T, l dist.Latent, logits []float32) {
		code, drawn, half := make([]float32, l.Bits()), make([]float32, l.Bits()), make([]float32, l.Logits())
		for i := range half {
			half[i] = 0.5
		}
		l.Harden(code, logits)
		if l.Draw(drawn, logits, half); !slices.Equal(code, drawn) {
			t.Errorf("the hard code of %v is %v, equal noise draws %v", logits, code, drawn)
		}
	})
}

// The ranges of the variables cover the code, and each value that can be chosen lies within its variable's.
func TestVariables(t *testing.T) {
	each(t, func(t *testing.T, l dist.Latent, _ []float32) {
		covered := 0
		for v := range l.Variables {
			from, to := l.Variable(v)
			if from != covered || to <= from {
				t.Errorf("variable %d has the values %d to %d, the last ended at %d", v, from, to, covered)
			}
			covered = to
			for c := range l.Choices(v) {
				code := make([]float32, l.Bits())
				l.Choose(code, v, c)
				for i, x := range code {
					if x != 0 && (i < from || i >= to) {
						t.Errorf("value %d of variable %d sets place %d, outside %d to %d", c, v, i, from, to)
					}
				}
			}
		}
		if covered != l.Bits() {
			t.Errorf("the variables cover %d of %d values", covered, l.Bits())
		}
	})
}

func TestThresholdsMoveDecisions(t *testing.T) {
	l := dist.Latent{Family: dist.FamilyOf(dist.Bernoulli), Variables: 2, Thresholds: []float32{3, -1}}
	if near := l.NearDecision([]float64{3.01, 0}, 0.1); !near[0] || near[1] {
		t.Errorf("near is %v, want the first alone", near)
	}
}

// mixed are variables of these groups.
func mixed(groups ...dist.Group) dist.Latent {
	return dist.Latent{Family: dist.FamilyOf(dist.Mixed), Variables: dist.GroupSum(groups), Groups: groups}
}

func TestChecks(t *testing.T) {
	for want, l := range map[string]dist.Latent{
		`latent.kind is "poisson": use "bernoulli", "categorical", "gaussian", "hierarchical" or "mixed"`: {Family: dist.FamilyOf("poisson"), Variables: 3},
		"latent.kind is missing":                                              {Variables: 3},
		"latent.variables is 0":                                               {Family: dist.FamilyOf(dist.Bernoulli)},
		"latent.categories is 3 for Bernoulli":                                {Family: dist.FamilyOf(dist.Bernoulli), Variables: 3, Categories: 3},
		"latent.thresholds holds 2 numbers for 3":                             {Family: dist.FamilyOf(dist.Bernoulli), Variables: 3, Thresholds: []float32{1, 2}},
		"latent.prior has 1 logits, these":                                    {Family: dist.FamilyOf(dist.Bernoulli), Variables: 3, Prior: []float32{1}},
		"latent.categories is 1 for 3":                                        {Family: dist.FamilyOf(dist.Categorical), Variables: 3, Categories: 1},
		"categorical variables, which have none":                              {Family: dist.FamilyOf(dist.Categorical), Variables: 1, Categories: 2, Thresholds: []float32{1}},
		"latent.groups holds categorical:2x3 for":                             {Family: dist.FamilyOf(dist.Bernoulli), Variables: 3, Groups: []dist.Group{{Kind: dist.Categorical, Variables: 2, Categories: 3}}},
		"latent.categories is 3 for Gaussian":                                 {Family: dist.FamilyOf(dist.Gaussian), Variables: 3, Categories: 3},
		"latent.thresholds is given for Gaussian":                             {Family: dist.FamilyOf(dist.Gaussian), Variables: 1, Thresholds: []float32{1}},
		"have no learned prior: use \"normal\"":                               {Family: dist.FamilyOf(dist.Gaussian), Variables: 1, Prior: []float32{1, 2}},
		"latent.groups holds 1 layers for hierarchical variables: give two":   {Family: dist.FamilyOf(dist.Hierarchical), Variables: 3, Groups: []dist.Group{{Kind: dist.Bernoulli, Variables: 3}}},
		"latent.thresholds holds 4 numbers for hierarchical variables, which": {Family: dist.FamilyOf(dist.Hierarchical), Variables: 4, Groups: []dist.Group{{Kind: dist.Bernoulli, Variables: 3}, {Kind: dist.Bernoulli, Variables: 1}}, Thresholds: make([]float32, 4)},
		"latent.prior has 4 logits, these variables have 1":                   {Family: dist.FamilyOf(dist.Hierarchical), Variables: 4, Groups: []dist.Group{{Kind: dist.Bernoulli, Variables: 3}, {Kind: dist.Bernoulli, Variables: 1}}, Prior: make([]float32, 4)},
		"latent.groups is empty for mixed":                                    {Family: dist.FamilyOf(dist.Mixed), Variables: 3},
		"latent.categories is 3 for mixed":                                    {Family: dist.FamilyOf(dist.Mixed), Variables: 3, Categories: 3},
		"latent.variables is 3, and latent.groups":                            {Family: dist.FamilyOf(dist.Mixed), Variables: 3, Groups: []dist.Group{{Kind: dist.Bernoulli, Variables: 2}}},
		`latent.groups[1].kind is "mixed": use "bernoulli" or "categorical"`:  mixed(dist.Group{Kind: dist.Bernoulli, Variables: 2}, dist.Group{Kind: dist.Mixed, Variables: 2}),
		`latent.groups[0].kind is "gaussian"`:                                 mixed(dist.Group{Kind: dist.Gaussian, Variables: 2}),
		`latent.groups[0].kind is ""`:                                         mixed(dist.Group{Variables: 2}),
		"latent.groups[1].variables is 0":                                     mixed(dist.Group{Kind: dist.Bernoulli, Variables: 2}, dist.Group{Kind: dist.Bernoulli}),
		"latent.groups[0].categories is 3 for Bernoulli variables: leave it out, or set latent.groups[0].kind": mixed(dist.Group{Kind: dist.Bernoulli, Variables: 2, Categories: 3}),
		"latent.groups[0].categories is 0 for 2 variables: use 2":                                              mixed(dist.Group{Kind: dist.Categorical, Variables: 2}),
		"latent.groups[0].categories is 9999999 for 9999999":                                                   mixed(dist.Group{Kind: dist.Categorical, Variables: 9999999, Categories: 9999999}),
		"latent.groups make codes of more than":                                                                {Family: dist.FamilyOf(dist.Mixed), Variables: 2, Groups: []dist.Group{{Kind: dist.Bernoulli, Variables: 1 << 24}, {Kind: dist.Bernoulli, Variables: 1 << 24}}},
		"latent.thresholds holds 3 numbers for 2":                                                              {Family: dist.FamilyOf(dist.Mixed), Variables: 3, Groups: []dist.Group{{Kind: dist.Bernoulli, Variables: 2}, {Kind: dist.Categorical, Variables: 1, Categories: 2}}, Thresholds: []float32{1, 2, 3}},
	} {
		if err := l.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
	if (dist.Latent{Variables: 3}).Bits() != 3 {
		t.Error("a latent without a family has another number of bits than variables")
	}
	if n := (dist.Latent{Family: dist.FamilyOf(dist.Categorical), Variables: 4, Categories: 1 << 33}).Count(100); n != 101 {
		t.Errorf("2^132 codes are %d", n)
	}
	big := dist.Latent{Family: dist.FamilyOf(dist.Bernoulli), Variables: 1000}
	if _, err := big.Codes(1 << 10); err == nil || big.Count(1<<10) != 1<<10+1 {
		t.Errorf("2^1000 codes give %v, %d", err, big.Count(1<<10))
	}
}

// near compares relatively, with room for float64's rounding of a few hundred terms.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9*max(1, math.Abs(want))) {
		t.Errorf("%s is %.15g, want %.15g", what, got, want)
	}
}

// The hard code of a row has the largest score by the row's query, of all codes.
func TestQueryFindsItsOwnCode(t *testing.T) {
	enumerated(t, func(t *testing.T, l dist.Latent, logits []float32) {
		if n := len(l.Decided()); n > 0 {
			l.Thresholds = make([]float32, n)
			for i := range l.Thresholds {
				l.Thresholds[i] = float32(i) - 1
			}
		}
		query := l.Query([]float32{5}, logits)
		if query[0] != 5 || len(query) != 1+l.Bits() {
			t.Fatalf("%d numbers for %d bits", len(query)-1, l.Bits())
		}
		score := func(code []float32) (sum float32) {
			for v := range l.Variables {
				from, to := l.Variable(v)
				for j := from; j < to; j++ {
					z := code[j]
					if to-from == 1 {
						z = 2*z - 1
					}
					sum += query[1+j] * z
				}
			}
			return sum
		}
		hard := make([]float32, l.Bits())
		l.Harden(hard, logits)
		codes, err := l.Codes(1000)
		if err != nil {
			t.Fatal(err)
		}
		for ; len(codes) > 0; codes = codes[l.Bits():] {
			if other := score(codes[:l.Bits()]); other > score(hard)+1e-5 {
				t.Fatalf("code %v scores %g, the hard code %v only %g", codes[:l.Bits()], other, hard, score(hard))
			}
		}
	})
}

// A posterior that is certain of the hard code has the divergence of that code alone, and every sample of it is the code; the sum of
// p(x|z) p(z) over all codes is never below its bound.
func TestPointPosterior(t *testing.T) {
	enumerated(t, func(t *testing.T, l dist.Latent, logits []float32) {
		if l.Point = true; l.Layered() || l.Conditional {
			if l.Check() == nil {
				t.Error("a posterior of layers, or with a conditional prior, is a point")
			}
			return
		}
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		q, code := l.Posterior(logits), make([]float32, l.Bits())
		l.Harden(code, logits)
		drawn := make([]float32, l.Bits())
		l.Draw(drawn, logits, slices.Repeat([]float32{0.001}, len(logits)))
		if !slices.Equal(drawn, code) {
			t.Errorf("%v is drawn, the code is %v", drawn, code)
		}
		prior, logQ := q.Logs(code)
		sum := 0.0
		total := q.KL(func(from, to int, kl float64) { sum += kl })
		if logQ != 0 || math.Abs(total+prior) > 1e-12 || math.Abs(sum-total) > 1e-12 || math.Abs(q.LogRatio(code)-prior) > 1e-12 {
			t.Errorf("ln q is %g, ln p %g, the divergence %g, in parts %g", logQ, prior, total, sum)
		}
		if len(l.Prior) == 0 && math.Abs(total-l.MaxKL()) > 1e-12 {
			t.Errorf("under the uniform prior the divergence is %g, want %g", total, l.MaxKL())
		}
		codes, err := l.Codes(1000)
		if err != nil {
			t.Fatal(err)
		}
		all := 0.0
		for ; len(codes) > 0; codes = codes[l.Bits():] {
			p, other := q.Logs(codes[:l.Bits()])
			if all += math.Exp(p); !slices.Equal(codes[:l.Bits()], code) && !math.IsInf(other, -1) {
				t.Errorf("ln q of another code is %g", other)
			}
		}
		if math.Abs(all-1) > 1e-5 {
			t.Errorf("the prior sums to %g", all)
		}
		for i := range code {
			if q.Bit(i) != float64(code[i]) {
				t.Errorf("bit %d is set with probability %g", i, q.Bit(i))
			}
		}
	})
}
