package additive

import (
	"context"
	"fmt"
	"math"

	"github.com/catvae/catvae/internal/noise"
)

// iterations is how often k-means moves its centres.
const iterations = 10

// MostRows is to how many rows codebooks of so many words are fitted: 100 for each word. FAISS takes up to 256
// (https://github.com/facebookresearch/faiss/blob/main/faiss/Clustering.h) in its own assembly.
func MostRows(categories int) int { return max(100*categories, 10_000) }

// Fit makes codebooks of rows by residual quantisation: the words of each are the centres of k-means on what the earlier ones leave of the
// rows, whose codes are searched with a beam. The bias is the rows' mean, the norm the mean norm of decoded rows. Fewer rows than categories are
// an error. It also returns the mean square of what is left of a number.
func Fit(ctx context.Context, rows []float32, width, variables, categories, beam int, seed uint64) (c Codebooks, left float64, err error) {
	n := len(rows) / max(width, 1)
	if width < 1 || len(rows)%width != 0 || n < categories || variables < 1 || categories < 1 || beam < 1 {
		return c, 0, fmt.Errorf("additive: %d numbers are %d rows of %d, for codebooks of %d words: k-means wants as many rows at least", len(rows), n, width, categories)
	}
	c = Codebooks{Categories: categories, Width: width, Bias: mean(rows, width)}
	decoded := make([]float32, 0, len(rows))
	for range n {
		decoded = append(decoded, c.Bias...)
	}
	rest := make([]float32, len(rows))
	for v := range variables {
		for i, x := range rows {
			rest[i] = x - decoded[i]
		}
		words, err := centres(ctx, rest, width, categories, noise.Stream{Seed: seed, Purpose: noise.Named("additive")}, uint32(v))
		if err != nil {
			return c, 0, err
		}
		c.Variables, c.Words = v+1, append(c.Words, words...)
		codes, err := c.search(ctx, rows, Search{Beam: beam}, nil)
		if err != nil {
			return c, 0, err
		}
		decoded = c.Decode(decoded[:0], codes)
	}
	norms := 0.0
	for i := range n {
		y := decoded[i*width:][:width]
		norms += math.Sqrt(float64(dot(y, y)))
		left += 2 * c.Cost(rows[i*width:][:width], y, 0)
	}
	c.Norm = float32(norms / float64(n))
	return c, left / float64(len(rows)), nil
}

func mean(rows []float32, width int) []float32 {
	sums := make([]float64, width)
	for i, x := range rows {
		sums[i%width] += float64(x)
	}
	out := make([]float32, width)
	for j, s := range sums {
		out[j] = float32(s / float64(len(rows)/width))
	}
	return out
}

// shrink is how much of a random row a centre begins as. What earlier codebooks leave has no clusters and one norm: a centre of that norm is nearest to
// its own row alone, and whichever has a smaller one takes all others. Small centres share the rows by their directions.
const shrink = 0.25

// centres returns the centres of k-means on rows, whose mean is about 0, begun at random rows made small. A centre that no row is nearest to begins
// again, next to that of most rows.
func centres(ctx context.Context, rows []float32, width, k int, random noise.Stream, variable uint32) ([]float32, error) {
	n := len(rows) / width
	words := make([]float32, 0, k*width)
	for _, row := range random.Permutation(n, variable)[:k] {
		words = appendScaled(words, rows[row*width:][:width], shrink)
	}
	for step := range iterations {
		nearest, err := Codebooks{Variables: 1, Categories: k, Width: width, Words: words, Bias: make([]float32, width)}.search(ctx, rows, Search{Beam: 1}, nil)
		if err != nil {
			return nil, err
		}
		sums, counts := make([]float64, k*width), make([]int, k)
		for i, word := range nearest {
			counts[word]++
			sum := sums[word*width:][:width]
			for j, x := range rows[i*width:][:width] {
				sum[j] += float64(x)
			}
		}
		for word, count := range counts {
			for j := range width {
				words[word*width+j] = float32(sums[word*width+j] / float64(max(count, 1)))
			}
		}
		for word, count := range counts {
			if count == 0 {
				full := largestCount(counts)
				row := int(random.Below(uint32(n), uint32(step), variable*uint32(k)+uint32(word)))
				moved := appendScaled(nil, rows[row*width:][:width], shrink)
				add(moved, words[full*width:][:width])
				copy(words[word*width:], moved)
				counts[full] /= 2
				counts[word] = counts[full]
			}
		}
	}
	return words, nil
}

func appendScaled(dst, x []float32, factor float32) []float32 {
	for _, v := range x {
		dst = append(dst, factor*v)
	}
	return dst
}

// largestCount returns the place of the largest count, the first of several.
func largestCount(counts []int) (best int) {
	for i, n := range counts {
		if n > counts[best] {
			best = i
		}
	}
	return best
}
