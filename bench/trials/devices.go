//go:build unix

package main

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

var devicesTrial = trial{
	name:    "devices",
	promise: "A device, a FIFO or standard output as an output is written through and never replaced, also with --force.",
	does:    "infer and sample write to a FIFO, to device nodes like /dev/null and /dev/full, through links to them, and every format to /dev/stdout, which is a pipe, a file, or a file that has a heading.",
	counts:  "runs",
	passes:  "Passes where the node is what it was, a run that ends with 0 has written the right bytes, and /dev/full is an error.",
	short:   size{rows: 2000, times: 1, most: 24},
	long:    size{rows: 20_000, times: 5},
	cases: func(b *bench, _ context.Context, s size) (ways []way, _ error) {
		for _, n := range nodes {
			for _, o := range []struct {
				name string
				args func(out string) []string
			}{
				{"raw", func(out string) []string { return b.encode(b.path("rows.idx"), out, "--format", "raw", "--force") }},
				{"csv", func(out string) []string { return b.encode(b.path("rows.idx"), out, "--format", "csv", "--force") }},
				{"parts of npy", func(out string) []string {
					return b.encode(b.path("rows.idx"), out, "--format", "npy", "--part-rows", "100", "--force")
				}},
				{"parquet", func(out string) []string { return b.encode(b.path("rows.idx"), out, "--format", "parquet", "--force") }},
				{"sample", func(out string) []string {
					return b.catvae("sample", "--model", b.infer.Model, "--out", out, "--force")
				}},
			} {
				ways = append(ways, way{name: o.name + " to " + n.name, try: func(ctx context.Context, _ *rand.Rand) (int, error) {
					return b.toNode(ctx, n, o.args, s)
				}})
			}
		}
		for _, format := range []string{"npy", "csv", "jsonl", "raw", "parquet", "sample"} {
			for _, to := range []string{"a pipe", "a file", "a file that has a heading"} {
				ways = append(ways, way{name: format + " to /dev/stdout, " + to, try: func(ctx context.Context, _ *rand.Rand) (int, error) {
					return b.toStdout(ctx, format, to, s)
				}})
			}
		}
		return ways, nil
	},
}

// toStdout writes a format to /dev/stdout, where a file gets the same bytes.
func (b *bench) toStdout(ctx context.Context, format, to string, s size) (int, error) {
	dir, err := b.empty("stdout")
	if err != nil {
		return 0, err
	}
	source, plain := b.path("rows.idx"), filepath.Join(dir, "plain")
	if !exists(source) {
		if err := b.source.WriteIDX(ctx, source, s.rows); err != nil {
			return 0, err
		}
	}
	args := func(out string) []string {
		if format == "sample" {
			return b.catvae("sample", "--model", b.infer.Model, "--out", out)
		}
		return b.encode(source, out, "--format", format)
	}
	if _, err := b.well(ctx, process{args: args(plain)}); err != nil {
		return 0, err
	}
	want, err := os.ReadFile(plain)
	if err != nil {
		return 0, err
	}
	if to == "a pipe" {
		o, err := b.do(ctx, process{args: args("/dev/stdout")})
		if err == nil && (o.code != 0 || string(o.stdout) != string(want)) {
			err = o.broken("it writes %d bytes to a pipe at standard output, a file gets %d or others", len(o.stdout), len(want))
		}
		return 1, err
	}
	heading := ""
	if to == "a file that has a heading" {
		heading = "a heading\n"
	}
	path := filepath.Join(dir, "out")
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	if _, err := file.WriteString(heading); err != nil {
		return 0, err
	}
	before, err := file.Stat()
	if err != nil {
		return 0, err
	}
	o, err := b.do(ctx, process{args: args("/dev/stdout"), stdout: file})
	if err != nil {
		return 0, err
	}
	if err := sameNode(before, path, o); err != nil {
		return 1, err
	}
	got, err := os.ReadFile(path)
	if err == nil && (o.code != 0 || string(got) != heading+string(want)) {
		err = o.broken("standard output is a file: it has %d bytes and should have %d, or others", len(got), len(heading)+len(want))
	}
	return 1, err
}

// A node is something that is no regular file.
type node struct {
	name string
	make func(path string) error
	full bool // nothing can be written to it
}

var nodes = []node{
	{name: "a FIFO", make: func(path string) error { return syscall.Mkfifo(path, 0o644) }},
	{name: "a device like /dev/null", make: func(path string) error { return exec.Command("mknod", path, "c", "1", "3").Run() }},
	{name: "a device like /dev/full", make: func(path string) error { return exec.Command("mknod", path, "c", "1", "7").Run() }, full: true},
	{name: "a link to a FIFO", make: func(path string) error {
		if err := syscall.Mkfifo(path+".fifo", 0o644); err != nil {
			return err
		}
		return os.Symlink(path+".fifo", path)
	}},
}

func (b *bench) toNode(ctx context.Context, n node, args func(string) []string, s size) (int, error) {
	dir, err := b.empty("node")
	if err != nil {
		return 0, err
	}
	if !exists(b.path("rows.idx")) {
		if err := b.source.WriteIDX(ctx, b.path("rows.idx"), s.rows); err != nil {
			return 0, err
		}
	}
	out, plain := filepath.Join(dir, "out"), filepath.Join(dir, "plain")
	if n.make(out) != nil { // only root may make devices
		return 0, nil
	}
	before, err := os.Lstat(out)
	if err != nil {
		return 0, err
	}
	fifo := n.name != "a device like /dev/null" && !n.full
	read := make(chan []byte, 1)
	if fifo {
		file, err := os.OpenFile(out, os.O_RDWR|syscall.O_NONBLOCK, 0) // both ends, so that nobody waits
		if err != nil {
			return 0, err
		}
		stop := make(chan struct{})
		defer file.Close()
		go func() {
			var all []byte
			buffer := make([]byte, 1<<16)
			for {
				_ = file.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
				k, err := file.Read(buffer)
				all = append(all, buffer[:k]...)
				select {
				case <-stop:
					if err != nil {
						read <- all
						return
					}
				default:
				}
			}
		}()
		defer func() {
			select {
			case <-stop:
			default:
				close(stop)
			}
		}()
		o, err := b.do(ctx, process{args: args(out), limit: 30 * time.Second})
		close(stop)
		if err != nil {
			return 0, err
		}
		got := <-read
		if err := sameNode(before, out, o); err != nil {
			return 1, err
		}
		if o.code != 0 {
			return 1, nil
		}
		if _, err := b.well(ctx, process{args: args(plain)}); err != nil {
			return 1, err
		}
		want, err := os.ReadFile(plain)
		if err == nil && string(want) != string(got) {
			err = o.broken("it ends with 0 and wrote %d bytes, a file gets %d or others", len(got), len(want))
		}
		return 1, err
	}
	o, err := b.do(ctx, process{args: args(out), limit: 30 * time.Second})
	if err != nil {
		return 0, err
	}
	if err := sameNode(before, out, o); err != nil {
		return 1, err
	}
	if n.full && o.code == 0 {
		return 1, o.broken("nothing could be written")
	}
	return 1, nil
}

func sameNode(before fs.FileInfo, path string, o outcome) error {
	if o.crashed() || o.hung {
		return o.broken("it must end")
	}
	after, err := os.Lstat(path)
	if err != nil {
		return o.broken("the node is gone")
	}
	if after.Mode().Type() != before.Mode().Type() || !os.SameFile(before, after) {
		return o.broken("the node was replaced: it was %v, it is %v", before.Mode(), after.Mode())
	}
	if left, err := leftovers(filepath.Dir(path)); err != nil || len(left) > 0 {
		return o.broken("left over: %s", fmt.Sprint(left))
	}
	return nil
}
