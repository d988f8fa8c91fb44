package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime"
)

// badRows is a flag of the commands that read a source whole.
type badRows struct {
	MaxBad float64 `help:"Ratio of bad rows (broken pictures, wrong shapes, NaN) to pass over; more end the command with status 4. Those passed over are named at the end, and the exit status is 3." default:"0" placeholder:"RATIO" range:"0,1"`
}

// withBadHint adds to an error about a row which flag passes over bad ones.
func withBadHint(err error, more ...cli.Hint) error {
	var bad runtime.BadRowError
	if errors.As(err, &bad) {
		err = fmt.Errorf("%w (--max-bad RATIO passes over bad rows)", err)
	}
	return cli.WithHint(err, more...)
}

// namedBad is how many bad rows are named one by one.
const namedBad = 10

// passedOver names bad rows that were passed over, and returns the error that a command with some ends with.
func passedOver(w io.Writer, source string, bad []error) error {
	if len(bad) == 0 {
		return nil
	}
	for i, err := range bad {
		if i == namedBad {
			fmt.Fprintf(w, "and %d more\n", len(bad)-namedBad)
			break
		}
		fmt.Fprintf(w, "passed over: %s\n", visible.Line(err.Error()))
	}
	return fmt.Errorf("%w: %d rows of %s are bad and were passed over", infer.ErrPart, len(bad), source)
}
