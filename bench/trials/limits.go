//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
)

var limitsTrial = trial{
	name:    "limits",
	promise: "What the system does not have (open files, room on the disk, a reader of what is printed) is an error, and nothing wrong stays of it.",
	does:    "Limits of open files and of a file's size, a file system of 64 KB, /dev/full as standard output.",
	counts:  "runs",
	passes:  "Passes as errno does; into /dev/full no command ends with 0.",
	short:   size{rows: 1000, times: 1, most: 12},
	long:    size{rows: 1000, times: 3},
	cases: func(b *bench, _ context.Context, s size) (ways []way, _ error) {
		pictures := b.inputJob(inputs[len(inputs)-1], s)
		one := pictures.args
		pictures.args = func(dir string) []string { return append(one(dir), "--callers", "16") } // each opens a picture
		// With 6 or 7 Go's runtime itself ends every program that waits for files: it cannot open the two that it polls with.
		for _, n := range []int{8, 9, 10, 12, 16} {
			ways = append(ways, pictures.limited(fmt.Sprintf("%d open files, pictures", n), fmt.Sprintf("-n %d", n)))
		}
		for _, j := range append(b.inferJobs(s), b.inputJob(inputs[0], s), b.trainJob(), b.exportJob()) {
			for _, blocks := range []string{"1", "8", "64"} {
				ways = append(ways, j.limited("files of "+blocks+" blocks, "+j.name, "-f "+blocks))
			}
			ways = append(ways, j.onSmallDisk())
		}
		for _, args := range [][]string{
			b.inferArgs("--version"), b.inferArgs("--help"), b.catvae("--version"), b.catvae("models"), b.catvae("inspect", b.infer.Model), b.catvae("doctor"),
			b.catvae("eval", "--model", b.infer.Model, "--data", "glyphs", "--samples", "1"),
		} {
			ways = append(ways, way{name: "/dev/full, " + filepath.Base(args[0]) + " " + args[1], try: func(ctx context.Context, _ *rand.Rand) (int, error) {
				full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
				if err != nil {
					return 0, nil
				}
				defer full.Close()
				o, err := b.do(ctx, process{args: args, stdout: full})
				if err == nil && (o.code == 0 || o.crashed()) {
					err = o.broken("nothing could be printed: > /dev/full")
				}
				return 1, err
			}})
		}
		return ways, nil
	},
}

// limited runs a job under one of the shell's limits.
func (j *job) limited(name, ulimit string) way {
	return way{name: name, prepare: j.prepareOnce, try: func(ctx context.Context, _ *rand.Rand) (int, error) {
		dir, err := j.start("limited")
		if err != nil {
			return 0, err
		}
		p := j.process(dir)
		p.ulimit = ulimit
		o, err := j.bench.do(ctx, p)
		if err != nil {
			return 0, err
		}
		return 1, j.failed(ctx, dir, o)
	}}
}

// onSmallDisk runs a job in a file system of 64 KB, and again where there is room.
func (j *job) onSmallDisk() way {
	return way{name: "a disk of 64 KB, " + j.name, prepare: j.prepareOnce, try: func(ctx context.Context, _ *rand.Rand) (int, error) {
		dir, err := j.start("disk")
		if err != nil {
			return 0, err
		}
		begun := dir + " begun"
		if err := os.RemoveAll(begun); err != nil {
			return 0, err
		}
		if err := os.Rename(dir, begun); err != nil {
			return 0, err
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			return 0, err
		}
		if out, err := exec.CommandContext(ctx, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", dir).CombinedOutput(); err != nil {
			j.bench.results.skipWay("limits", "a disk of 64 KB, "+j.name, fmt.Sprintf("skipped: mount: %v: %s", err, out))
			return 0, nil
		}
		mounted := true
		unmount := func() error {
			if !mounted {
				return nil
			}
			mounted = false
			return exec.Command("umount", dir).Run()
		}
		defer unmount()
		if os.CopyFS(dir, os.DirFS(begun)) != nil { // what is there before does not fit
			return 1, nil
		}
		o, err := j.bench.do(ctx, j.process(dir))
		if err != nil {
			return 0, err
		}
		left := dir + " left"
		if err := os.RemoveAll(left); err != nil {
			return 0, err
		}
		if err := os.CopyFS(left, os.DirFS(dir)); err != nil {
			return 0, err
		}
		if err := unmount(); err != nil {
			return 0, err
		}
		if err := os.Remove(dir); err != nil {
			return 0, err
		}
		if err := os.Rename(left, dir); err != nil {
			return 0, err
		}
		return 1, j.failed(ctx, dir, o)
	}}
}

// prepareOnce is prepare where that was not done yet.
func (j *job) prepareOnce(ctx context.Context) error {
	if j.want != "" {
		return nil
	}
	return j.prepare(ctx)
}
