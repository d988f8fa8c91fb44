package main

import (
	"fmt"
	"strings"

	"github.com/catvae/catvae/bench/internal/stats"
)

// quartiles returns the first and the third as text.
func quartiles(x []float64, format string) string {
	return fmt.Sprintf(format+" to "+format, stats.Quantile(x, 0.25), stats.Quantile(x, 0.75))
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
