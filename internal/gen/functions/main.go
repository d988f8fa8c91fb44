// Command functions measures every function of gorgonia that builds graphs: whether it exports, and whether values and gradients
// are right, against plain loops and their finite differences. It writes docs/gorgonia.md.
//
//	go run ./internal/gen/functions FILE
//
// With -v it prints, for each form of each function, what was found, and errors and differences.
package main

//go:generate go run . ../../../docs/gorgonia.md

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"strings"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/purego"
)

func main() {
	log.SetOutput(io.Discard) // gorgonia's group norm prints its gradients
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: functions FILE | -v")
		os.Exit(64)
	}
	rows := measureAll(context.Background(), []backend.Backend{purego.New()})
	if os.Args[1] == "-v" {
		verbose(rows)
		return
	}
	_, version, err := module()
	if err == nil {
		err = atomicfile.WriteBytes(os.Args[1], 0o644, []byte(page(rows, version)))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "functions:", err)
		os.Exit(1)
	}
}

func verbose(rows []row) {
	for _, r := range rows {
		for i, m := range r.found {
			fmt.Printf("%-24s %-32s %-8s %-8s | %-8s %-8s\n", r.name, r.forms[i].name, m.values, m.gradient, m.tapeValues, m.tapeGradient)
			for _, d := range m.detail {
				fmt.Println("     ", d)
			}
		}
	}
}

// module returns the folder and the version of the gorgonia that go.mod has.
func module() (dir, version string, err error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}} {{.Dir}}", "gorgonia.org/gorgonia").Output()
	if err != nil {
		return "", "", fmt.Errorf("go list -m gorgonia.org/gorgonia: %w", err)
	}
	version, dir, _ = strings.Cut(strings.TrimSpace(string(out)), " ")
	return dir, version, nil
}
