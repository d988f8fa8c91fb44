package main

import (
	"fmt"
	"slices"
	"strings"
)

// quantile interpolates between the sorted values.
func quantile(x []float64, q float64) float64 {
	s := slices.Sorted(slices.Values(x))
	at := q * float64(len(s)-1)
	i := int(at)
	if i+1 == len(s) {
		return s[i]
	}
	return s[i] + (at-float64(i))*(s[i+1]-s[i])
}

func median(x []float64) float64 { return quantile(x, 0.5) }

// quartiles returns the first and the third as text.
func quartiles(x []float64, format string) string {
	return fmt.Sprintf(format+" to "+format, quantile(x, 0.25), quantile(x, 0.75))
}

// ratios divides turn by turn, so that what slows the machine in one turn slows both.
func ratios(x, y []float64) []float64 {
	r := make([]float64, min(len(x), len(y)))
	for i := range r {
		r[i] = x[i] / y[i]
	}
	return r
}

// header begins a table of Markdown.
func header(columns ...string) {
	fmt.Printf("| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)))
}

func line(cells ...string) { fmt.Printf("| %s |\n", strings.Join(cells, " | ")) }

// check says whether a promise is kept.
func check(kept bool, format string, args ...any) {
	word := "not reached"
	if kept {
		word = "reached"
	}
	fmt.Printf("- %s: %s\n", word, fmt.Sprintf(format, args...))
}
