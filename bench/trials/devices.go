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
	does:    "infer and sample write to a FIFO, to device nodes like /dev/null and /dev/full, through links to them, and to /dev/stdout.",
	counts:  "runs",
	passes:  "Passes where the node is what it was, a run that ends with 0 has written the right bytes, and /dev/full is an error.",
	short:   size{rows: 2000, times: 1},
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
		return ways, nil
	},
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
