package stats

import (
	"fmt"
	"strings"
)

// Quartiles returns the first and the third quartile as text.
func Quartiles(x []float64, format string) string {
	return fmt.Sprintf(format+" to "+format, Quantile(x, 0.25), Quantile(x, 0.75))
}

// Header prints the head of a table in Markdown.
func Header(columns ...string) {
	Line(columns...)
	fmt.Printf("|%s\n", strings.Repeat(" --- |", len(columns)))
}

// Line prints a line of a table in Markdown.
func Line(cells ...string) { fmt.Printf("| %s |\n", strings.Join(cells, " | ")) }
