package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime/backend"
	"gonum.org/v1/gonum/stat"
)

// ourMemory has a process of its own take steps, and returns its peak resident memory in MB.
func (c command) ourMemory(ctx context.Context, name string, batch int) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	out, err := exec.CommandContext(ctx, self, "--data", c.Data, "--threads", strconv.Itoa(c.Threads), "--memory", fmt.Sprintf("%s,%d", name, batch)).Output()
	if err != nil {
		return 0, fmt.Errorf("measure memory: %w", err)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}

// twinMemory has a PyTorch process of its own take steps, and returns its peak resident memory in MB.
func (c command) twinMemory(ctx context.Context, data, name string, batch int) (float64, error) {
	t, err := startTwin(ctx, c.Python, c.Twin, data, c.Threads)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	a, err := t.block(configs[name], batch, "eager", 50, false)
	return a.Peak, err
}

// takeMemory takes the steps that ourMemory asks for, and prints the peak.
func (c command) takeMemory(ctx context.Context, backend backend.Backend, set *dataset.Set) error {
	name, size, _ := strings.Cut(c.Memory, ",")
	batch, err := strconv.Atoi(size)
	if err != nil {
		return err
	}
	e, err := compile(ctx, backend, configs[name], batch)
	if err != nil {
		return err
	}
	defer e.Close()
	if _, err := newContender(e, configs[name], set, batch).block(ctx, 50); err != nil {
		return err
	}
	kb, err := memory("VmHWM")
	fmt.Printf("%.1f\n", kb/1024)
	return err
}

// soak fits a line to the resident memory over the steps from the thousandth on.
func (c command) soak(ctx context.Context, backend backend.Backend, set *dataset.Set) error {
	ours, _, _, err := c.first(ctx, backend, set)
	if err != nil {
		return err
	}
	defer ours.engine.Close()
	var steps, kilobytes []float64
	for step := 0; step < c.Soak; step += 100 {
		if _, err := ours.block(ctx, 100); err != nil {
			return err
		}
		if step+100 >= 1000 {
			kb, err := memory("VmRSS")
			if err != nil {
				return err
			}
			steps, kilobytes = append(steps, float64(step+100)), append(kilobytes, kb)
		}
	}
	_, slope := stat.LinearRegression(steps, kilobytes, nil, false)
	fmt.Printf("resident memory from step 1000 to %d: %.0f to %.0f KB, a line of %.3f KB a step\n", c.Soak, kilobytes[0], kilobytes[len(kilobytes)-1], slope)
	return nil
}

// memory returns a line of the process's status, "VmRSS" for what is resident or "VmHWM" for its peak, in KB.
func memory(line string) (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("memory is read from /proc, which this system lacks: %w", err)
	}
	for l := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(l, line+":"); ok {
			return strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(kb), " kB"), 64)
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no %s", line)
}
