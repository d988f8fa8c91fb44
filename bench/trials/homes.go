//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// A home is an environment in which there is no cache to write to.
type home struct {
	name string
	env  func(dir string) []string
	make func(dir string) error // may be nil; an error leaves the way out
}

// homes also holds for root, whom modes of files do not stop.
var homes = []home{
	{name: "without HOME", env: func(string) []string { return []string{"HOME=", "XDG_CACHE_HOME="} }},
	{name: "with a HOME that is missing", env: func(string) []string { return []string{"HOME=/proc/self/home", "XDG_CACHE_HOME="} }},
	{name: "with a relative cache", env: func(string) []string { return []string{"XDG_CACHE_HOME=cache"} }},
	{name: "with a cache below a file", env: func(string) []string { return []string{"XDG_CACHE_HOME=/dev/null/cache"} }},
	{name: "with a cache that is a link to itself", env: func(dir string) []string { return []string{"XDG_CACHE_HOME=" + filepath.Join(dir, "cache")} },
		make: func(dir string) error { return os.Symlink("cache", filepath.Join(dir, "cache")) }},
	{name: "with a cache that is read-only", env: func(dir string) []string { return []string{"XDG_CACHE_HOME=" + filepath.Join(dir, "cache")} },
		make: func(dir string) error {
			cache := filepath.Join(dir, "cache")
			if err := os.Mkdir(cache, 0o755); err != nil {
				return err
			}
			return exec.Command("mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", cache).Run() // only root may
		}},
}

// homeless runs a command without a cache. pip gives out the library for quickstart, which has nowhere to put it.
func (b *bench) homeless(ctx context.Context, h home, command string, s size) (int, error) {
	if err := b.fakePip(); err != nil {
		return 0, err
	}
	dir, err := b.empty("homeless")
	if err != nil {
		return 0, err
	}
	if h.make != nil {
		if err := h.make(dir); err != nil {
			b.results.skipWay("library", h.name+", "+command, fmt.Sprintf("skipped: it could not be made: %v", err))
			return 0, nil
		}
		defer func() { _ = exec.Command("umount", filepath.Join(dir, "cache")).Run() }() // where it is mounted
	}
	work := filepath.Join(dir, "work")
	if err := os.Mkdir(work, 0o755); err != nil {
		return 0, err
	}
	source := b.path("rows.idx")
	if err := b.source.WriteIDX(ctx, source, s.rows); err != nil {
		return 0, err
	}
	run := filepath.Join(work, "run")
	p := process{dir: work, env: append(b.fakeEnv(dir), h.env(dir)...), limit: time.Minute}
	p.args = b.encode(source, filepath.Join(work, "codes.npy"))
	switch command {
	case "infer with CATVAE_ORT_LIB":
		library, err := cachedLibrary()
		if err != nil {
			return 0, err
		}
		p.env = append(p.env, "CATVAE_ORT_LIB="+library)
	case "infer-purego":
		p.args[0] = filepath.Join(b.infer.Folder, command)
	case "catvae encode":
		p.args = b.catvae(append([]string{"encode"}, p.args[1:]...)...)
	case "quickstart": // until it trains
		p.args = b.catvae("quickstart", "--out", run)
		p.signal, p.moment = syscall.SIGTERM, time.Millisecond
		p.ready = poll(func() bool { return exists(filepath.Join(run, "config.json")) })
	}
	o, err := b.do(ctx, p)
	if err != nil {
		return 0, err
	}
	stopped := command == "quickstart" && o.signals && o.code == 130
	lacking := command == "infer" && o.code == 5 // it has no pure Go
	if o.hung || o.code != 0 && !stopped && !lacking {
		return 1, o.broken("%s it must go on", h.name)
	}
	if exists(filepath.Join(work, "cache")) {
		return 1, o.broken("%s it made a cache in the current folder", h.name)
	}
	return 1, nil
}
