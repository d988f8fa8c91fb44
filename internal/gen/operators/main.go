// Command operators writes docs/operators.md from the exporter's table.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/atomicfile"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: operators FILE.md")
		os.Exit(2)
	}
	err := atomicfile.Write(os.Args[1], 0o644, func(w io.Writer) error { return export.WriteOperators(w) })
	if err != nil {
		fmt.Fprintln(os.Stderr, "operators:", err)
		os.Exit(1)
	}
}
