package codes

import (
	"fmt"
	"math"
	"math/bits"
)

// Stats count how often each bit is set, and each pair of bits together. They take 8 bytes of memory for each pair of bits,
// however many codes are added. They are for one goroutine at a time, reading included: codes that were added last are counted
// when something is read.
type Stats struct {
	bits    int
	rows    int
	joint   []int    // of i and j, at i*bits+j; the diagonal counts the bits themselves
	pending []uint64 // up to 64 codes, row after row, as words with bit i of the code at bit i%64
}

// maxStats bounds the bits of codes that are counted: pairs of 4096 take 128 MB.
const maxStats = 4096

// NewStats returns statistics for codes of the given number of bits, at most 4096. No code is counted yet.
func NewStats(bits int) (*Stats, error) {
	if bits < 1 || bits > maxStats {
		return nil, fmt.Errorf("codes: statistics of codes of %d bits: use 1 to %d", bits, maxStats)
	}
	return &Stats{bits: bits, joint: make([]int, bits*bits)}, nil
}

// Add counts packed codes.
func (s *Stats) Add(packed []byte) error {
	if err := check(packed, s.bits); err != nil {
		return err
	}
	for size := Bytes(s.bits); len(packed) > 0; packed = packed[size:] {
		s.rows++
		words := (s.bits + 63) / 64
		at := len(s.pending)
		s.pending = append(s.pending, make([]uint64, words)...)
		for i, b := range packed[:size] {
			s.pending[at+i/8] |= uint64(bits.Reverse8(b)) << (8 * (i % 8))
		}
		if len(s.pending) == 64*words {
			s.flush()
		}
	}
	return nil
}

// flush counts the pending codes. They are transposed, 64 rows by 64 bits at a time, into one word of 64 rows per bit, so
// that a pair of bits costs one AND and one popcount for all of them.
func (s *Stats) flush() {
	words := (s.bits + 63) / 64
	columns := make([]uint64, 64*words)
	for w := range words {
		var square [64]uint64
		for r := 0; r*words < len(s.pending); r++ {
			square[r] = s.pending[r*words+w]
		}
		transpose(&square)
		copy(columns[64*w:], square[:])
	}
	for i := range s.bits {
		for j := i; j < s.bits; j++ {
			s.joint[i*s.bits+j] += bits.OnesCount64(columns[i] & columns[j])
		}
	}
	s.pending = s.pending[:0]
}

// transpose swaps rows and columns of a square of bits, by halves of halves: H. S. Warren, Hacker's Delight, section 7-3.
func transpose(a *[64]uint64) {
	mask := uint64(1)<<32 - 1
	for half := 32; half > 0; half, mask = half/2, mask^mask<<(half/2) {
		for k := 0; k < 64; k = (k + half + 1) &^ half {
			t := (a[k]>>half ^ a[k+half]) & mask
			a[k] ^= t << half
			a[k+half] ^= t
		}
	}
}

// Rows returns the number of codes counted.
func (s *Stats) Rows() int { return s.rows }

// Mean returns the share of codes in which bit i is set; NaN before the first code.
func (s *Stats) Mean(i int) float64 {
	s.settle()
	return float64(s.joint[i*s.bits+i]) / float64(s.rows)
}

// Entropy returns the entropy of bit i in bits, within [0, 1]: see the function [Entropy].
func (s *Stats) Entropy(i int) float64 { return Entropy(s.Mean(i)) }

// Entropy returns the entropy of a bit that is set with probability p, in bits: -p log₂ p - (1-p) log₂(1-p), 0 where p is 0 or 1.
func Entropy(p float64) float64 {
	if p <= 0 || p >= 1 {
		return 0
	}
	return -p*math.Log2(p) - (1-p)*math.Log2(1-p)
}

// Dead reports whether bit i is set in fewer than 1 in 100 codes, or in more than 99: it hardly tells codes apart.
// Before the first code every bit is dead.
func (s *Stats) Dead(i int) bool {
	p := s.Mean(i)
	return !(p >= 0.01 && p <= 0.99)
}

// Correlation returns Pearson's correlation of bits i and j, within [-1, 1]; 0 where one of them never changes.
//
//	r = (P(i,j) - P(i) P(j)) / √(P(i) (1-P(i)) P(j) (1-P(j)))
func (s *Stats) Correlation(i, j int) float64 {
	p, q := s.Mean(i), s.Mean(j)
	both := float64(s.joint[min(i, j)*s.bits+max(i, j)]) / float64(s.rows)
	spread := p * (1 - p) * q * (1 - q)
	if !(spread > 0) {
		return 0
	}
	return max(-1, min(1, (both-p*q)/math.Sqrt(spread)))
}

// settle counts what is pending.
func (s *Stats) settle() {
	if len(s.pending) > 0 {
		s.flush()
	}
}
