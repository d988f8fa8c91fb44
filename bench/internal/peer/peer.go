// Package peer runs the Python script that a benchmark compares us with: jobs go in and answers come out as JSON, one a line.
package peer

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// A Process is a running script. It is for one goroutine.
type Process struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// Start starts a script. name is what errors call it; its standard error is ours.
func Start(ctx context.Context, name, python string, args ...string) (*Process, error) {
	p := &Process{name: name, cmd: exec.CommandContext(ctx, python, args...)}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// Ask sends a job and waits for its answer.
func (p *Process) Ask(job, answer any) error {
	if err := json.NewEncoder(p.in).Encode(job); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return p.Answer(answer)
}

// Answer waits for an answer that was not asked for: what a script says when it is ready.
func (p *Process) Answer(answer any) error {
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s ended: %w", p.name, err)
	}
	return json.Unmarshal(line, answer)
}

// Close ends the script and waits for it.
func (p *Process) Close() error {
	p.in.Close()
	return p.cmd.Wait()
}
