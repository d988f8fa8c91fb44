package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/purego"
)

var functions = slices.Concat(unaries, binaries, broadcasts, products, reductions, shaping, networks, leaves)

func main() {
	on := []backend.Backend{purego.New()}
	for _, f := range functions {
		for _, form := range f.forms {
			m := measure(context.Background(), form, on)
			fmt.Printf("%-24s %-28s %-8s %-8s | %-8s %-8s\n", f.name, form.name, m.values, m.gradient, m.tapeValues, m.tapeGradient)
			for _, d := range m.detail {
				fmt.Printf("      %.300s\n", oneLine(d))
			}
		}
	}
}
