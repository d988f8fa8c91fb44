package dataset

import (
	"fmt"

	"github.com/catvae/catvae/internal/noise"
)

// A Binarization says how grey values become the 0 and 1 that a Bernoulli likelihood is about.
type Binarization string

// The rules. A grey value x within [0,1] becomes
const (
	None      Binarization = "none"      // x itself
	Fixed     Binarization = "fixed"     // 1 with probability x, drawn once for all epochs
	Dynamic   Binarization = "dynamic"   // 1 with probability x, drawn anew in every epoch
	Threshold Binarization = "threshold" // 1 where x > 1/2; the exported encoder does the same
)

// ParseBinarization returns the rule of a flag's or configuration's text.
func ParseBinarization(s string) (Binarization, error) {
	switch b := Binarization(s); b {
	case None, Fixed, Dynamic, Threshold:
		return b, nil
	}
	return "", fmt.Errorf("dataset: binarisation %q: use %s, %s, %s or %s", s, None, Fixed, Dynamic, Threshold)
}

// A Binarizer applies a rule with the noise of a seed. The same row of the same epoch always comes out the same.
type Binarizer struct {
	Rule Binarization
	Seed uint64
}

// Apply turns the grey values of row i, in place, into what the rule makes of them in an epoch. Bytes b are grey values
// b/255 and come out 1 with a probability of b/255 to within 2⁻²³, never where b is 0, always where it is 255:
//
//	x > u,   u uniform in the open unit interval
func (b Binarizer) Apply(values []float32, epoch, i uint32) {
	switch b.Rule {
	case Fixed:
		b.draw(values, 0, i)
	case Dynamic:
		b.draw(values, epoch+1, i) // epoch 0 of the stream is the fixed one
	case Threshold:
		for j, x := range values {
			values[j] = bit(x > 0.5)
		}
	}
}

func (b Binarizer) draw(values []float32, step, row uint32) {
	s := noise.Stream{Seed: b.Seed, Purpose: noise.Binarize}
	for j := 0; j < len(values); j += 4 {
		words := s.Block(step, row, uint32(j/4))
		for k := j; k < min(j+4, len(values)); k++ {
			values[k] = bit(values[k] > noise.Unit(words[k-j]))
		}
	}
}

func bit(b bool) float32 {
	if b {
		return 1
	}
	return 0
}
