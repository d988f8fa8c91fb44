//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

var bitrotTrial = trial{
	name:    "bitrot",
	promise: "What was damaged on the disk is made again or refused, and never taken for good.",
	does:    "A bit is flipped, the end cut off, all bytes lost, or the file removed: one file of a folder of codes, a run that is resumed, its best checkpoint while the last one is sound, a bundle that is used. Records are forged: other words, another part's sums, negative numbers, FIFOs, links. Then the same command.",
	counts:  "damages",
	passes:  "Passes where the command ends with 0 and the right bytes, or with 1 or 4 and why. A run whose metrics.jsonl is damaged is resumed. Weights of another epoch than the best are never given out as the best's.",
	short:   size{rows: 5000, times: 2, most: 12},
	long:    size{rows: 20_000, times: 100},
	cases: func(b *bench, _ context.Context, s size) (ways []way, _ error) {
		for _, j := range append(b.inferJobs(s)[1:], b.resumeJob(), b.bundleJob()) {
			ways = append(ways, way{name: j.name, prepare: j.prepare, try: j.rot})
		}
		metrics, codes := b.resumeJob(), b.inferJobs(s)[1]
		ways = append(ways, way{name: "metrics.jsonl", prepare: metrics.prepare, try: metrics.rotMetrics})
		for _, f := range forgeries {
			ways = append(ways, way{name: "a record " + f.name, times: min(s.times, 10), prepare: codes.prepareOnce, try: func(ctx context.Context, rng *rand.Rand) (int, error) {
				return codes.forge(ctx, rng, f)
			}})
		}
		for _, command := range []string{"train --resume", "train --resume for longer", "export"} {
			ways = append(ways, way{name: "the best checkpoint, " + command, times: min(s.times, 10), try: func(ctx context.Context, rng *rand.Rand) (int, error) {
				return b.rotBest(ctx, rng, command)
			}})
		}
		return ways, nil
	},
}

// bundleJob encodes with a bundle of its own, which may be damaged.
func (b *bench) bundleJob() *job {
	bundle := func(dir string) string { return filepath.Join(dir, "bundle") }
	return &job{
		name: "bundle", bench: b,
		begin: func(dir string) error {
			if _, err := b.trainRows(); err != nil {
				return err
			}
			return os.CopyFS(bundle(dir), os.DirFS(b.infer.Model))
		},
		args: func(dir string) []string {
			return b.inferArgs("--model", bundle(dir), "--in", b.path("train.idx"), "--out", filepath.Join(dir, "codes.npy"), "--force")
		},
		done: func(want, dir string) (string, error) {
			return sameFile(filepath.Join(want, "codes.npy"), filepath.Join(dir, "codes.npy"))
		},
	}
}

// rots are what may become of a file.
var rots = []struct {
	name string
	do   func(rng *rand.Rand, path string, data []byte) error
}{
	{"with a bit flipped", func(rng *rand.Rand, path string, data []byte) error {
		if len(data) > 0 {
			data[rng.IntN(len(data))] ^= 1 << rng.IntN(8)
		}
		return os.WriteFile(path, data, 0o644)
	}},
	{"cut short", func(rng *rand.Rand, path string, data []byte) error {
		return os.Truncate(path, rng.Int64N(int64(len(data))+1))
	}},
	{"empty", func(_ *rand.Rand, path string, _ []byte) error { return os.Truncate(path, 0) }},
	{"zeros", func(_ *rand.Rand, path string, data []byte) error {
		return os.WriteFile(path, make([]byte, len(data)), 0o644)
	}},
	{"removed", func(_ *rand.Rand, path string, _ []byte) error { return os.Remove(path) }},
}

// decay damages one of the files in a folder, and says which and how.
func decay(rng *rand.Rand, dir string, names []string) (string, error) {
	name, r := names[rng.IntN(len(names))], rots[rng.IntN(len(rots))]
	if strings.HasSuffix(name, ".done") { // a record is as good as its words: who can write it is trusted
		r = rots[1+rng.IntN(len(rots)-1)]
	}
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return name + " " + r.name, r.do(rng, path, data)
}

// rot damages what the job's folder holds: what it begins with, or where that is nothing what it leaves.
func (j *job) rot(ctx context.Context, rng *rand.Rand) (int, error) {
	dir, err := j.start(j.name + " damaged")
	if err != nil {
		return 0, err
	}
	names, err := files(dir)
	if err != nil {
		return 0, err
	}
	if len(names) == 0 {
		if err := os.CopyFS(dir, os.DirFS(j.want)); err != nil {
			return 0, err
		}
		if names, err = files(dir); err != nil {
			return 0, err
		}
	}
	what, err := decay(rng, dir, slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(filepath.Base(name), ".") }))
	if err != nil {
		return 0, err
	}
	return 1, j.again(ctx, dir, what)
}

// again gives the command on a folder in which something is damaged.
func (j *job) again(ctx context.Context, dir, what string) error {
	p := j.process(dir)
	p.limit = time.Minute
	o, err := j.bench.do(ctx, p)
	if err != nil {
		return err
	}
	switch {
	case o.hung:
		return o.broken("%s: it does not end", what)
	case o.code == 0:
		if bad, err := j.done(j.want, dir); err != nil {
			return err
		} else if bad != "" {
			return o.broken("%s: it ends with 0, and %s", what, bad)
		}
	case o.crashed() || o.code != 1 && o.code != 4 && o.code != 64 || len(o.stderr) == 0:
		return o.broken("%s: it must end with 0, 1 or 4", what)
	}
	return nil
}

// rotMetrics damages metrics.jsonl, which no number of the result depends on.
func (j *job) rotMetrics(ctx context.Context, rng *rand.Rand) (int, error) {
	dir, err := j.start("metrics damaged")
	if err != nil {
		return 0, err
	}
	what, err := decay(rng, dir, []string{"run/metrics.jsonl"})
	if err != nil {
		return 0, err
	}
	return 1, j.finish(ctx, dir, fmt.Sprintf("with %s", what))
}
