package commands

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// An Outcome is what a program leaves.
type Outcome struct {
	Seconds        float64 // from start to exit
	PeakMB         float64 // resident memory; 0 where the system does not say
	Code           int     // exit status
	Stdout, Stderr []byte
}

// Run runs a program to its end. An exit status other than 0 is an error, which comes with the outcome.
//
// Linux counts to a child's peak memory what its parent held when it called exec: the caller should hold no data set.
func Run(ctx context.Context, name string, args ...string) (Outcome, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	start := time.Now()
	err := cmd.Run()
	o := Outcome{Seconds: time.Since(start).Seconds(), Stdout: out.Bytes(), Stderr: errs.Bytes()}
	if cmd.ProcessState != nil {
		o.Code, o.PeakMB = cmd.ProcessState.ExitCode(), PeakMemory(cmd.ProcessState)
	}
	if err != nil {
		return o, fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, LastLine(o.Stderr))
	}
	return o, nil
}

// LastLine returns the last line of a text: where an error is said.
func LastLine(text []byte) string {
	text = bytes.TrimSpace(text)
	return string(text[bytes.LastIndexByte(text, '\n')+1:])
}
