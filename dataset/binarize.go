package dataset

import (
	"fmt"
	"sort"

	"github.com/catvae/catvae/dist"
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

// binarizations is the table of the rules, each with what becomes of a grey value x.
var binarizations = []struct {
	rule Binarization
	doc  string
}{
	{None, "grey values stay as they are"},
	{Fixed, "1 with probability x, drawn once for all epochs"},
	{Dynamic, "1 with probability x, drawn anew in every epoch"},
	{Threshold, "1 where x > 1/2; the exported encoder does the same"},
}

// Binarizations returns the names of all rules.
func Binarizations() (names []string) {
	for _, b := range binarizations {
		names = append(names, string(b.rule))
	}
	return names
}

// Doc says in one line what the rule makes of a grey value x; "" for a rule that does not exist.
func (b Binarization) Doc() string {
	for _, row := range binarizations {
		if row.rule == b {
			return row.doc
		}
	}
	return ""
}

// ParseBinarization returns the rule of that name.
func ParseBinarization(name string) (Binarization, error) {
	if b := Binarization(name); b.Doc() != "" {
		return b, nil
	}
	return "", fmt.Errorf("dataset: binarisation %q: use %s", name, enumerate("or", Binarizations()))
}

// A Binarizer applies a rule with the noise of a seed. The same row of the same epoch always comes out the same. It is safe for
// concurrent use.
type Binarizer struct {
	Rule   Binarization
	Seed   uint64
	Values dist.Values // what bytes become: see [Set.Values]; zero means [dist.Unit], b/255
	View   int         // another draw of the same rows of the same epoch where the rule is Dynamic; 0 is the first
}

// stream is where the numbers of a view are drawn.
func (b Binarizer) stream() noise.Stream {
	if b.View == 0 || b.Rule != Dynamic {
		return noise.Stream{Seed: b.Seed, Purpose: noise.Binarize}
	}
	return noise.Stream{Seed: b.Seed, Purpose: noise.Named(fmt.Sprintf("binarize/%d", b.View))}
}

// Apply turns the grey values of row i, in place, into what the rule makes of them in an epoch. A value x comes out 1 with a
// probability of x to within 2⁻²³, never where it is 0, always where it is 1:
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

// Bytes is [Binarizer.Apply] on bytes: Fixed and Dynamic give 0 and 1, the very bits that Apply gives for the values that the
// bytes become; None and Threshold leave the bytes as they are, for the encoder. dst and grey have the same length.
func (b Binarizer) Bytes(dst, grey []byte, epoch, i uint32) {
	switch b.Rule {
	case Fixed:
		b.drawBytes(dst, grey, 0, i)
	case Dynamic:
		b.drawBytes(dst, grey, epoch+1, i)
	default:
		copy(dst, grey)
	}
}

// drawBytes draws the bits of bytes. What is drawn for the two usual rules is what drawScaled draws, in less time.
func (b Binarizer) drawBytes(dst, grey []byte, step, row uint32) {
	switch v := b.Values.OrUnit(); {
	case v.Mean != 0 || v.Deviation != 1:
		b.drawScaled(dst, grey, v, step, row)
	case v.Bytes == 255:
		b.drawGrey(dst, grey, step, row)
	case v.Bytes == 1: // never where it is 0, else always
		for i, g := range grey {
			dst[i] = min(g, 1)
		}
	default:
		b.drawScaled(dst, grey, v, step, row)
	}
}

// drawScaled draws by any rule for values.
func (b Binarizer) drawScaled(dst, grey []byte, v dist.Values, step, row uint32) {
	s := b.stream()
	for j := 0; j < len(grey); j += 4 {
		words := s.Block(step, row, uint32(j/4))
		for k := j; k < min(j+4, len(grey)); k++ {
			dst[k] = 0
			if v.Byte(grey[k]) > noise.Unit(words[k-j]) {
				dst[k] = 1
			}
		}
	}
}

// drawGrey draws for pixels, b/255. It draws no number where every pixel of a block is black or white, as most are: the stream
// is a function of the place, so that nothing has to be skipped.
func (b Binarizer) drawGrey(dst, grey []byte, step, row uint32) {
	s := b.stream()
	for j := 0; j < len(grey); j += 4 {
		to := min(j+4, len(grey))
		sure := true
		for _, g := range grey[j:to] {
			sure = sure && g+1 <= 1 // 0 or 255
		}
		if sure {
			for k := j; k < to; k++ {
				dst[k] = grey[k] & 1
			}
			continue
		}
		words := s.Block(step, row, uint32(j/4))
		for k := j; k < to; k++ {
			dst[k] = 0
			if words[k-j]>>9 < below[grey[k]] {
				dst[k] = 1
			}
		}
	}
}

// below holds, for each pixel, how many of the 2²³ numbers that noise.Unit gives lie below it.
var below = func() (table [256]uint32) {
	for b := range table {
		table[b] = uint32(sort.Search(1<<23, func(k int) bool { return !(unit[b] > noise.Unit(uint32(k)<<9)) }))
	}
	return table
}()

func (b Binarizer) draw(values []float32, step, row uint32) {
	s := b.stream()
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
