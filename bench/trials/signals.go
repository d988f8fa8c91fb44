//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/catvae/catvae/bench/internal/rows"
)

// prompt is how soon after a signal a command must have ended.
const prompt = 5 * time.Second

var signalsTrial = trial{
	name:    "signals",
	promise: "Ctrl-C and SIGTERM end every command within seconds, with 130, and leave no temporary file.",
	does:    "Both signals while infer reads a pipe that nobody closes (IDX, CSV, nothing), waits at a FIFO, makes a session of a graph that is just not refused for its cost, or encodes; while train reads a pipe, trains, saves a checkpoint or exports, eval measures, and doctor --install waits for pip.",
	counts:  "signals",
	passes:  "Passes where the command ends within 5 s with 130 (0 where all work was done), and nothing is left in TMPDIR or beside the output.",
	short:   size{times: 1, most: 12},
	long:    size{times: 20},
	cases: func(b *bench, _ context.Context, _ size) (ways []way, _ error) {
		for _, c := range interrupted {
			for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
				ways = append(ways, way{name: c.name + ", " + sig.String(), try: func(ctx context.Context, rng *rand.Rand) (int, error) {
					return b.interrupt(ctx, rng, c, sig)
				}})
			}
		}
		return ways, nil
	},
}

// An interruption is a command that would run for long, and what it reads.
type interruption struct {
	name  string
	args  func(b *bench, dir string) []string
	feed  func(b *bench, ctx context.Context, w io.Writer) error // into standard input, which stays open; nil for none
	begin func(b *bench, dir string) error                       // may be nil
	env   func(b *bench, dir string) []string                    // may be nil
	after func(dir string) bool                                  // the time begins once it says so; nil begins it with the command
	whole func(dir string) bool                                  // where it holds the work was done, and 0 is right; may be nil
	soon  time.Duration                                          // the signal comes between this and twice of it
}

var interrupted = []interruption{
	{
		name: "an IDX pipe", soon: 400 * time.Millisecond,
		args: func(b *bench, dir string) []string { return b.encode("-", filepath.Join(dir, "codes.npy")) },
		feed: func(b *bench, _ context.Context, w io.Writer) error {
			_, err := w.Write(append([]byte{0, 0, 8, 3, 0, 0, 0x40, 0, 0, 0, 0, rows.Side, 0, 0, 0, rows.Side}, make([]byte, 3*rowBytes)...))
			return err
		},
	},
	{
		name: "an empty pipe", soon: 400 * time.Millisecond,
		args: func(b *bench, dir string) []string { return b.encode("-", dir+"/codes/") },
		feed: func(*bench, context.Context, io.Writer) error { return nil },
	},
	{
		name: "a CSV pipe", soon: 400 * time.Millisecond,
		args: func(b *bench, dir string) []string {
			return b.encode("-", filepath.Join(dir, "codes.npy"))
		},
		feed: func(_ *bench, ctx context.Context, w io.Writer) error {
			line := strings.Repeat("0,", rowBytes-1) + "0\n"
			for ctx.Err() == nil {
				if _, err := io.WriteString(w, line); err != nil {
					return nil // the reader has ended
				}
				time.Sleep(time.Millisecond)
			}
			return nil
		},
	},
	{
		name: "a CSV pipe that stops", soon: 400 * time.Millisecond,
		args: func(b *bench, dir string) []string {
			return b.encode("-", filepath.Join(dir, "codes.npy"))
		},
		feed: func(_ *bench, _ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, strings.Repeat("0,", rowBytes-1)+"0\n0,0")
			return err
		},
	},
	{
		name: "a FIFO", soon: 400 * time.Millisecond,
		begin: func(_ *bench, dir string) error { return syscall.Mkfifo(filepath.Join(dir, "rows.idx"), 0o644) },
		args: func(b *bench, dir string) []string {
			return b.encode(filepath.Join(dir, "rows.idx"), filepath.Join(dir, "codes.npy"))
		},
	},
	{
		name: "encoding", soon: 100 * time.Millisecond,
		args: func(b *bench, dir string) []string {
			return b.encode("glyphs", filepath.Join(dir, "codes.npy"), "--split", "train", "--part-rows", "100", "--batch", "1")
		},
	},
	{
		name: "training", soon: 700 * time.Millisecond,
		begin: func(b *bench, _ string) error { _, err := b.trainRows(); return err },
		args: func(b *bench, dir string) []string {
			return b.trainArgs(b.path("train.idx"), filepath.Join(dir, "run"), "--epochs", "5000")
		},
	},
	{
		name: "making a session", soon: 600 * time.Millisecond,
		begin: func(b *bench, dir string) error {
			if err := b.costly(filepath.Join(dir, "bundle")); err != nil {
				return err
			}
			_, err := b.trainRows()
			return err
		},
		args: func(b *bench, dir string) []string {
			return b.inferArgs("--model", filepath.Join(dir, "bundle"), "--in", b.path("train.idx"), "--out", filepath.Join(dir, "codes.npy"))
		},
	},
	{
		name: "making a session of an import", soon: 600 * time.Millisecond,
		begin: func(b *bench, dir string) error { return b.costly(filepath.Join(dir, "bundle")) },
		args: func(b *bench, dir string) []string {
			return b.catvae("import", filepath.Join(dir, "bundle", "encoder.onnx"), filepath.Join(dir, "bundle", "decoder.onnx"), "--out", filepath.Join(dir, "imported"))
		},
	},
	{
		name: "saving checkpoints", soon: time.Millisecond,
		begin: func(b *bench, _ string) error { _, err := b.trainRows(); return err },
		args: func(b *bench, dir string) []string {
			return b.trainArgs(b.path("train.idx"), filepath.Join(dir, "run"), "--epochs", "5000", "--checkpoint-every", "1ms")
		},
		after: func(dir string) bool { return unfinished(filepath.Join(dir, "run", "checkpoints")) },
	},
	{
		name: "exporting at a training's end", soon: 10 * time.Millisecond,
		begin: func(b *bench, _ string) error { _, err := b.trainRows(); return err },
		args: func(b *bench, dir string) []string {
			return b.trainArgs(b.path("train.idx"), filepath.Join(dir, "run"))
		},
		after: func(dir string) bool { return exists(filepath.Join(dir, "run", "checkpoints", "step-00000078")) }, // the last one
		whole: func(dir string) bool { return exists(filepath.Join(dir, "run", "report.html")) },
	},
	{
		name: "training from a pipe", soon: 400 * time.Millisecond,
		args: func(b *bench, dir string) []string { return b.trainArgs("-", filepath.Join(dir, "run")) },
		feed: func(*bench, context.Context, io.Writer) error { return nil },
	},
	{
		name: "eval", soon: 500 * time.Millisecond,
		args: func(b *bench, _ string) []string {
			return b.catvae("eval", "--model", b.infer.Model, "--data", "glyphs", "--samples", "100000")
		},
	},
	{
		name: "doctor --install", soon: 300 * time.Millisecond,
		begin: func(_ *bench, dir string) error {
			for _, name := range []string{"python3", "pip3", "pip", "python"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\nsleep 60\n"), 0o755); err != nil {
					return err
				}
			}
			return nil
		},
		args: func(b *bench, _ string) []string { return b.catvae("doctor", "--install") },
		env: func(b *bench, dir string) []string {
			return append(b.fakeEnv(dir), "PATH="+dir+":/usr/bin:/bin")
		},
	},
}

// unfinished reports whether something is being written in a folder.
func unfinished(dir string) bool {
	found, _ := filepath.Glob(filepath.Join(dir, ".tmp-*"))
	return len(found) > 0
}

func (b *bench) interrupt(ctx context.Context, rng *rand.Rand, c interruption, sig syscall.Signal) (int, error) {
	dir, err := b.empty("interrupted")
	if err != nil {
		return 0, err
	}
	temporary, err := b.empty("temporary")
	if err != nil {
		return 0, err
	}
	if c.begin != nil {
		if err := c.begin(b, dir); err != nil {
			return 0, err
		}
	}
	p := process{args: c.args(b, dir), limit: 40 * time.Second, signal: sig, moment: c.soon + time.Duration(rng.Int64N(int64(c.soon)))}
	if c.env != nil {
		p.env = c.env(b, dir)
	}
	if c.after != nil {
		p.ready = poll(func() bool { return c.after(dir) })
	}
	p.env = append(p.env, "TMPDIR="+temporary)
	if c.feed != nil {
		r, w, err := os.Pipe()
		if err != nil {
			return 0, err
		}
		defer r.Close()
		defer w.Close()
		p.stdin = r
		feeding, stop := context.WithCancel(ctx)
		defer stop()
		go func() { _ = c.feed(b, feeding, w) }() // what is not read is no matter
	}
	o, err := b.do(ctx, p)
	if err != nil {
		return 0, err
	}
	if !o.signals && c.after != nil { // it was faster
		return 0, nil
	}
	if !o.signals {
		return 1, o.broken("it ended before %s came", p.moment)
	}
	o.args = append([]string{"timeout", "--preserve-status", "-s", fmt.Sprint(int(sig)), fmt.Sprintf("%.1f", p.moment.Seconds())}, o.args...)
	if o.hung || o.after > prompt {
		return 1, o.broken("it ended %.1f s after %s", o.after.Seconds(), sig)
	}
	if o.code != 130 && !(o.code == 0 && c.whole != nil && c.whole(dir)) {
		return 1, o.broken("the exit status must be 130")
	}
	names, err := os.ReadDir(temporary)
	if err == nil && len(names) > 0 {
		return 1, o.broken("%s is left in TMPDIR", names[0].Name())
	}
	if err != nil {
		return 1, err
	}
	left, err := leftovers(dir)
	if err == nil && len(left) > 0 {
		return 1, o.broken("left over: %v", left)
	}
	return 1, err
}
