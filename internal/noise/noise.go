// Package noise makes every random number of catvae from a counter instead of a state.
//
// A [Stream] is a seed and a [Purpose]; a number is looked up by (step, row, column). Nothing is remembered between
// calls, so any engine can replay a training run, a run can be resumed at any step, rows can be drawn by several
// goroutines in any order, and two purposes never share numbers.
//
// The generator is Philox-4x32 with ten rounds (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2,
// 3", SC 2011, https://doi.org/10.1145/2063384.2063405). The seed is the key; the counter is (column/4, row, step,
// purpose). It passes BigCrush and is not for cryptography.
package noise

import (
	"hash/fnv"
	"math"
)

// A Purpose keeps the numbers that are drawn for one thing apart from those for any other. Values are part of the
// frozen stream: new ones are appended, none is renumbered.
type Purpose uint32

// The purposes in use.
const (
	Weights    Purpose = iota + 1 // initial weights; row is the parameter's index
	Latent                        // uniform noise of the relaxed sample in training
	Binarize                      // binarisation of grey pixels
	Shuffle                       // the order of rows in an epoch; step is the epoch
	Evaluation                    // hard posterior samples in evaluation; step is the sample's index
	Prior                         // samples from the prior
	Glyphs                        // shifts, scales and rotations of generated glyphs
	Pictures                      // which rows a report shows
)

// Named returns the purpose of the noise of this name. It is never one of the purposes above, which are small numbers.
func Named(name string) Purpose {
	h := fnv.New32a()
	h.Write([]byte(name))
	return Purpose(h.Sum32() | 1<<31)
}

// A Stream is all the numbers of one seed and purpose. Its zero value works, and it is safe for concurrent use.
type Stream struct {
	Seed    uint64
	Purpose Purpose
}

// Block returns the four 32-bit words of columns 4*block … 4*block+3 at (step, row).
func (s Stream) Block(step, row, block uint32) [4]uint32 {
	return philox([4]uint32{block, row, step, uint32(s.Purpose)}, [2]uint32{uint32(s.Seed), uint32(s.Seed >> 32)})
}

// Uniform fills dst with the numbers of (step, row), one per column. They lie strictly inside (0,1), in float32 too:
//
//	u = (k + 1/2) / 2²³,   k the upper 23 bits of a word
//
// which is exact. With 24 bits the largest k would round to 1, and ln(1-u) to an infinity.
func (s Stream) Uniform(dst []float32, step, row uint32) {
	k0, k1, block := uint32(s.Seed), uint32(s.Seed>>32), uint32(0)
	for ; len(dst) >= 8; dst, block = dst[8:], block+2 { // every training step draws its noise here
		x0, x1, x2, x3, y0, y1, y2, y3 := philoxTwice(block, row, step, uint32(s.Purpose), k0, k1)
		dst[0], dst[1], dst[2], dst[3] = Unit(x0), Unit(x1), Unit(x2), Unit(x3)
		dst[4], dst[5], dst[6], dst[7] = Unit(y0), Unit(y1), Unit(y2), Unit(y3)
	}
	for ; len(dst) > 0; dst, block = dst[min(4, len(dst)):], block+1 {
		for i, w := range s.Block(step, row, block) {
			if i < len(dst) {
				dst[i] = Unit(w)
			}
		}
	}
}

// Uniform64 is [Stream.Uniform] in float64, with the same values.
func (s Stream) Uniform64(dst []float64, step, row uint32) {
	s.each(len(dst), step, row, func(i int, w uint32) { dst[i] = float64(Unit(w)) })
}

// Normal fills dst with standard normal numbers (Box and Muller's transformation of pairs of uniform ones).
func (s Stream) Normal(dst []float64, step, row uint32) {
	u := make([]float64, (len(dst)+1)/2*2)
	s.Uniform64(u, step, row)
	for i := range dst {
		r, angle := math.Sqrt(-2*math.Log(u[i&^1])), 2*math.Pi*u[i|1]
		if i&1 == 0 {
			dst[i] = r * math.Cos(angle)
		} else {
			dst[i] = r * math.Sin(angle)
		}
	}
}

// Bytes fills dst with the bytes of (step, row), uniform in 0…255: the top byte of each word.
func (s Stream) Bytes(dst []byte, step, row uint32) {
	s.each(len(dst), step, row, func(i int, w uint32) { dst[i] = byte(w >> 24) })
}

// Permutation returns the numbers 0…n-1 in the order of (step): Fisher and Yates' shuffle with unbiased draws. Each
// position has its own row, so a rejected draw uses up only its own numbers.
func (s Stream) Permutation(n int, step uint32) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := s.Below(uint32(i+1), step, uint32(i))
		p[i], p[j] = p[j], p[i]
	}
	return p
}

// Below returns an unbiased number in 0…n-1 for (step, row), by Lemire's multiplication and rejection
// (https://doi.org/10.1145/3230636). n must be positive; Below(0) is 0.
func (s Stream) Below(n, step, row uint32) uint32 {
	if n == 0 {
		return 0
	}
	reject := -n % n
	for block := uint32(0); ; block++ {
		for _, w := range s.Block(step, row, block) {
			if product := uint64(w) * uint64(n); uint32(product) >= reject {
				return uint32(product >> 32)
			}
		}
	}
}

// Unit maps a word to the open unit interval: see [Stream.Uniform].
func Unit(w uint32) float32 { return (float32(w>>9) + 0.5) * (1.0 / (1 << 23)) }

func (s Stream) each(n int, step, row uint32, put func(i int, w uint32)) {
	for i := 0; i < n; i += 4 {
		words := s.Block(step, row, uint32(i/4))
		for j := 0; j < 4 && i+j < n; j++ {
			put(i+j, words[j])
		}
	}
}

// The constants of the paper's table 2, for ten rounds.
const (
	rounds       = 10
	m0, m1       = 0xD2511F53, 0xCD9E8D57
	weyl0, weyl1 = 0x9E3779B9, 0xBB67AE85
)

// philox is Philox-4x32-10.
func philox(c [4]uint32, k [2]uint32) [4]uint32 {
	for range rounds {
		p0, p1 := uint64(c[0])*m0, uint64(c[2])*m1
		c = [4]uint32{uint32(p1>>32) ^ c[1] ^ k[0], uint32(p1), uint32(p0>>32) ^ c[3] ^ k[1], uint32(p0)}
		k[0] += weyl0
		k[1] += weyl1
	}
	return c
}

// philoxTwice is philox on the counters (c0, …) and (c0+1, …): two chains of multiplications in step take half the time
// of one after the other.
func philoxTwice(c0, c1, c2, c3, k0, k1 uint32) (x0, x1, x2, x3, y0, y1, y2, y3 uint32) {
	x0, x1, x2, x3 = c0, c1, c2, c3
	y0, y1, y2, y3 = c0+1, c1, c2, c3
	for range rounds {
		p0, p1, q0, q1 := uint64(x0)*m0, uint64(x2)*m1, uint64(y0)*m0, uint64(y2)*m1
		x0, x1, x2, x3 = uint32(p1>>32)^x1^k0, uint32(p1), uint32(p0>>32)^x3^k1, uint32(p0)
		y0, y1, y2, y3 = uint32(q1>>32)^y1^k0, uint32(q1), uint32(q0>>32)^y3^k1, uint32(q0)
		k0 += weyl0
		k1 += weyl1
	}
	return
}
