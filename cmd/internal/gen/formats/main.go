// Command formats writes docs/formats.md from the tables of sources, formats and products.
package main

import (
	"fmt"
	"os"

	"github.com/catvae/catvae/cmd/internal/infer"
	_ "github.com/catvae/catvae/dataset/parquet" // a row of the table
	"github.com/catvae/catvae/internal/atomicfile"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: formats FILE.md")
		os.Exit(64)
	}
	if err := atomicfile.Write(os.Args[1], 0o644, infer.WriteFormats); err != nil {
		fmt.Fprintln(os.Stderr, "formats:", err)
		os.Exit(1)
	}
}
