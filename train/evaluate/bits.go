package evaluate

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
)

// BitUse says how each bit of the hard codes is used, and which bits say the same.
type BitUse struct {
	Each []OneBit `json:"each,omitempty"`
	// Correlated are the pairs of bits with the largest correlations, the largest first; bits that are dead, or repeat another, are left
	// out. Empty where codes have more than 4,096 bits.
	Correlated []BitPair `json:"correlated"`
	// Correlation is the mean |correlation| of all pairs of the same bits. Bits that know nothing of each other have √(2/(π·rows)).
	Correlation float64 `json:"mean_correlation"`
	// Hint is what to change where bits are dead or duplicate, "" where none are: [Evaluation.Hint]. [Bits] leaves it out.
	Hint string `json:"hint,omitempty"`
}

// OneBit is a bit: the share of rows in which it is set, the entropy of that in bits, and its variable's divergence in nats.
type OneBit struct {
	Bit     int     `json:"bit"`
	Ones    float64 `json:"ones"`
	Entropy float64 `json:"entropy"`
	KL      float64 `json:"kl"`
	Active  bool    `json:"active"`         // see [Bit.Active]: of the posterior
	Dead    bool    `json:"dead,omitempty"` // the same in every row
	Like    *int    `json:"like,omitempty"` // the earlier bit that it repeats, or is the opposite of, in every row
}

// BitPair is two bits with their correlation, within [-1, 1].
type BitPair struct {
	Bits        [2]int  `json:"bits"`
	Correlation float64 `json:"correlation"`
}

// mostPairs is how many pairs are listed.
const mostPairs = 10

// mostCorrelated is up to how many bits pairs are counted.
const mostCorrelated = 4096

// Bits looks at each bit of the codes that an evaluation was made of: of the first rows of the same set, as many.
func Bits(ctx context.Context, c Encoder, e Evaluation, set *dataset.Set) (BitUse, error) {
	if e.Codes == nil || len(e.Codes.Each) != len(e.Bits) {
		return BitUse{}, fmt.Errorf("evaluate: the evaluation has no hard codes: give one by a model that encodes")
	}
	var u BitUse
	var some []int // bits that say something of their own
	for i, b := range e.Codes.Each {
		one := OneBit{Bit: i, Ones: b.Mean, Entropy: b.Entropy, KL: e.Bits[i].KL, Active: e.Bits[i].Active(), Dead: b.Dead()}
		if b.Like >= 0 {
			one.Like = &b.Like
		}
		u.Each = append(u.Each, one)
		if !one.Dead && one.Like == nil {
			some = append(some, i)
		}
	}
	if len(e.Bits) > mostCorrelated || len(some) < 2 {
		return u, nil
	}
	stats, err := codes.NewStats(len(e.Bits))
	if err != nil {
		return u, err
	}
	if err := EachCodes(ctx, c, len(e.Bits), set, e.Rows, func(packed []byte, _ int) error { return stats.Add(packed) }); err != nil {
		return u, err
	}
	u.correlate(stats, some)
	return u, nil
}

// correlate counts pairs of bits.
func (u *BitUse) correlate(stats *codes.Stats, some []int) {
	sum, pairs := 0.0, 0
	for a, i := range some {
		for _, j := range some[a+1:] {
			r := stats.Correlation(i, j)
			sum += math.Abs(r)
			pairs++
			if n := len(u.Correlated); n == mostPairs && math.Abs(r) <= math.Abs(u.Correlated[n-1].Correlation) {
				continue
			}
			u.Correlated = append(u.Correlated, BitPair{[2]int{i, j}, r})
			slices.SortStableFunc(u.Correlated, func(a, b BitPair) int { return cmp.Compare(math.Abs(b.Correlation), math.Abs(a.Correlation)) })
			u.Correlated = u.Correlated[:min(mostPairs, len(u.Correlated))]
		}
	}
	u.Correlation = sum / float64(pairs)
}

// Hint says what to change where bits are dead or duplicate, "" where none are: keys of a configuration that the variables have, except those
// that isSet reports. Of a model without a divergence there is no warm-up to change; of codes that a search finds no key keeps words in use.
func (e Evaluation) Hint(l dist.Latent, isSet func(key string) bool) string {
	u := e.Codes
	if u == nil || u.Dead+u.Duplicate == 0 || l.Point {
		return ""
	}
	var ways []string
	if l.Discrete() && !isSet("latent.norm") {
		ways = append(ways, "latent.norm=batch keeps bits in use")
	}
	if len(l.Decided()) > 0 && !isSet("latent.thresholds") {
		ways = append(ways, "latent.thresholds=median decides each in the middle of its logits, and best does so only where codes then find more")
	}
	if !e.Conditional {
		ways = append(ways, "a longer objective.kl_warmup_part lets fewer die")
	}
	return fmt.Sprintf("%d dead and %d duplicate bits of %d tell nothing: %s", u.Dead, u.Duplicate, u.Bits, strings.Join(append(ways, "or set latent.variables lower"), ", "))
}

// Summary says the correlations in a line.
func (u BitUse) Summary() string {
	if len(u.Correlated) == 0 {
		return "no two bits to compare"
	}
	p := u.Correlated[0]
	return fmt.Sprintf("|correlation| of two bits is %.3f on average, the largest is %+.3f of bits %d and %d", u.Correlation, p.Correlation, p.Bits[0], p.Bits[1])
}

// String returns a table of all bits, and the pairs.
func (u BitUse) String() string {
	var b strings.Builder
	b.WriteString("  bit   ones  entropy  KL nats  use\n")
	for _, o := range u.Each {
		use := ""
		switch {
		case o.Dead:
			use = "dead"
		case o.Like != nil:
			use = fmt.Sprintf("repeats bit %d", *o.Like)
		case o.Active:
			use = "active"
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("%5d  %5.3f  %7.3f  %7.3f  %s", o.Bit, o.Ones, o.Entropy, o.KL, use), " ") + "\n")
	}
	for _, p := range u.Correlated {
		fmt.Fprintf(&b, "correlation %+.3f of bits %d and %d\n", p.Correlation, p.Bits[0], p.Bits[1])
	}
	return b.String()
}
