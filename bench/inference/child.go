package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// outcome is what a child leaves.
type outcome struct {
	wall           float64 // seconds from start to exit
	peak           float64 // resident memory, MB
	code           int
	stdout, stderr []byte
}

// child runs a program to its end. Any exit status but 0 is an error, which comes with the outcome.
//
// Linux counts to a child's peak memory what its parent held when it called exec: this program therefore streams, and never
// holds a data set.
func (b *bench) child(ctx context.Context, name string, args ...string) (outcome, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	start := time.Now()
	err := cmd.Run()
	o := outcome{wall: time.Since(start).Seconds(), stdout: out.Bytes(), stderr: errs.Bytes()}
	if cmd.ProcessState != nil {
		o.code, o.peak = cmd.ProcessState.ExitCode(), peakMemory(cmd.ProcessState)
	}
	if err != nil {
		return o, fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, lastLine(o.stderr))
	}
	return o, nil
}

func (b *bench) infer(ctx context.Context, args ...string) (outcome, error) {
	return b.child(ctx, filepath.Join(b.Binaries, "infer"), args...)
}

// encode is infer's command line for packed codes.
func (b *bench) encode(in, out string, more ...string) []string {
	args := []string{"--model", b.Model, "--in", in, "--out", out, "--threads", strconv.Itoa(b.Threads)}
	if b.Batch > 0 {
		args = append(args, "--batch", strconv.Itoa(b.Batch))
	}
	return append(args, more...)
}

func (b *bench) python(ctx context.Context, script string, args ...string) (outcome, error) {
	return b.child(ctx, b.Python, append([]string{filepath.Join(b.Scripts, script)}, args...)...)
}

var inferRate = regexp.MustCompile(`: (\d+) rows of .* ([\d.]+) rows/s`)

// workingSeconds returns what infer or a Python contender says of its time from the first row to the end of the file.
func (o outcome) workingSeconds() (float64, error) {
	var said struct{ Seconds float64 }
	if json.Unmarshal(o.stdout, &said) == nil && said.Seconds > 0 {
		return said.Seconds, nil
	}
	m := inferRate.FindSubmatch(o.stderr)
	if m == nil {
		return 0, fmt.Errorf("no time in %q", lastLine(o.stderr))
	}
	rows, err := strconv.ParseFloat(string(m[1]), 64)
	rate, err2 := strconv.ParseFloat(string(m[2]), 64)
	return rows / rate, errors.Join(err, err2)
}

// lines is a child that answers each line of JSON with one.
type lines struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

func (b *bench) startLines(ctx context.Context, script string, args ...string) (*lines, error) {
	l := &lines{cmd: exec.CommandContext(ctx, b.Python, append([]string{filepath.Join(b.Scripts, script)}, args...)...)}
	l.cmd.Stderr = os.Stderr
	in, err := l.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	l.in, l.out = in, json.NewDecoder(out)
	return l, l.cmd.Start()
}

func (l *lines) ask(question, answer any) error {
	if err := json.NewEncoder(l.in).Encode(question); err != nil {
		return err
	}
	return l.out.Decode(answer)
}

func (l *lines) close() error {
	l.in.Close()
	return l.cmd.Wait()
}

func lastLine(text []byte) string {
	text = bytes.TrimSpace(text)
	return string(text[bytes.LastIndexByte(text, '\n')+1:])
}
