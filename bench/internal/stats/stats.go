// Package stats sums up times of contenders that took turns, and prints tables in Markdown.
package stats

import "slices"

// Quantile interpolates between the sorted values: 0.5 is the median.
func Quantile(x []float64, q float64) float64 {
	s := slices.Sorted(slices.Values(x))
	at := q * float64(len(s)-1)
	i := int(at)
	if i+1 == len(s) {
		return s[i]
	}
	return s[i] + (at-float64(i))*(s[i+1]-s[i])
}

// Median is the middle value.
func Median(x []float64) float64 { return Quantile(x, 0.5) }

// MedianRatio is the median of x over y, divided turn by turn, so that what slows the machine in one turn slows both.
func MedianRatio(x, y []float64) float64 {
	r := make([]float64, min(len(x), len(y)))
	for i := range r {
		r[i] = x[i] / y[i]
	}
	return Median(r)
}
