//go:build unix

package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// errnos are what the system may say at any call.
var errnos = []string{"EMFILE", "ENFILE", "EIO", "ESTALE", "ENOSPC", "EACCES", "EDQUOT", "EINTR", "ENOMEM", "EROFS"}

var errnoTrial = trial{
	name:    "errno",
	promise: "An error of the system is never bad data: the exit status is 1, nothing is recorded of it, and the same command succeeds later.",
	does:    "strace makes system calls fail on sources of every form, a bundle's files, outputs, checkpoints: " + strings.Join(errnos, ", ") + "; the first call, the second, one in the middle and the last.",
	counts:  "errors",
	passes:  "Passes where the exit status is 1, or 0 with the right bytes, no row is called bad, no record lies beside a part made of it, and the same command then ends with the right bytes.",
	needs:   "strace",
	short:   size{rows: 1000, most: 12},
	long:    size{rows: 1000},
	cases:   (*bench).errnoWays,
}

// A target is a file of a job, or with no name any file: calls on it fail.
type target struct {
	job   *job
	name  string
	path  func(dir string) string // nil for any file
	calls string
}

const (
	reading  = "openat,read,pread64,fstat,newfstatat,lseek,getdents64"
	renaming = "fsync,fchmod,renameat,unlinkat,mkdirat"
)

func (b *bench) errnoTargets(s size) (targets []target) {
	fixed := func(path string) func(string) string { return func(string) string { return path } }
	within := func(names ...string) func(string) string {
		return func(dir string) string { return filepath.Join(append([]string{dir}, names...)...) }
	}
	var idx *job
	for _, i := range inputs {
		j := b.inputJob(i, s)
		if idx == nil {
			idx = j
		}
		targets = append(targets, target{j, i.name, fixed(b.path(i.file)), reading})
		if i.look != "" {
			targets = append(targets, target{j, "one of the " + i.name, fixed(i.looked(b.path(i.file))), reading})
		}
	}
	for _, name := range []string{"manifest.json", "encoder.onnx", "threshold.onnx"} {
		targets = append(targets, target{idx, name, fixed(filepath.Join(b.infer.Model, name)), reading})
	}
	targets = append(targets, target{idx, "the folder of codes", within("codes"), reading})
	for _, j := range append(b.inferJobs(s), b.exportJob(), b.resumeJob()) {
		targets = append(targets, target{j, j.name, nil, renaming})
	}
	resume := b.resumeJob()
	for _, name := range []string{"config.json", "metrics.jsonl", "checkpoints"} {
		targets = append(targets, target{resume, name, within("run", name), reading + ",write,ftruncate"})
	}
	for _, name := range []string{"state.json", "state.safetensors"} {
		targets = append(targets, target{resume, name, func(dir string) string {
			found, _ := filepath.Glob(filepath.Join(b.path("resume run"), "checkpoints", "step-*"))
			return filepath.Join(dir, "run", "checkpoints", filepath.Base(found[len(found)-1]), name)
		}, reading})
	}
	return targets
}

// inputJob encodes an input into parts.
func (b *bench) inputJob(i input, s size) *job {
	return &job{
		name: "infer from " + i.name, bench: b, always: badRecords,
		begin: func(string) error { _, err := i.make(context.Background(), b, s.rows); return err },
		args: func(dir string) []string {
			return b.encode(b.path(i.file), dir+"/codes/", "--max-bad", "1", "--part-rows", strconv.Itoa(s.rows/4))
		},
		done: func(want, dir string) (string, error) { return compareTrees(want, dir, nil) },
	}
}

// resumeJob trains a run of two epochs for a third.
func (b *bench) resumeJob() *job {
	run := b.path("resume run")
	return &job{
		name: "train --resume", bench: b,
		begin: func(dir string) error {
			if !exists(run) {
				source, err := b.trainRows()
				if err != nil {
					return err
				}
				if _, err := b.well(context.Background(), process{args: b.trainArgs(source, run, "--epochs", "2")}); err != nil {
					return err
				}
			}
			return os.CopyFS(filepath.Join(dir, "run"), os.DirFS(run))
		},
		args: func(dir string) []string {
			return b.trainArgs(b.path("train.idx"), filepath.Join(dir, "run"), "--resume")
		},
		done: b.sameRun,
	}
}

func (b *bench) errnoWays(ctx context.Context, s size) (ways []way, err error) {
	targets := b.errnoTargets(s)
	if s.most > 0 && !b.named("errno") { // each target costs runs of its own
		rng := b.rand("errno targets", 0)
		rng.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
		targets = targets[:s.most/2]
	}
	for _, t := range targets {
		calls, err := t.count(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		for _, call := range slices.Sorted(maps.Keys(calls)) {
			n := calls[call]
			at := []int{1, 2, (n + 1) / 2, n}
			slices.Sort(at)
			for _, when := range slices.Compact(at) {
				if when > n {
					continue
				}
				for _, errno := range errnos {
					ways = append(ways, way{
						name: fmt.Sprintf("%s %d of %s: %s", call, when, t.name, errno), times: 1,
						try: func(ctx context.Context, _ *rand.Rand) (int, error) { return t.fail(ctx, call, errno, when) },
					})
				}
			}
		}
	}
	return ways, nil
}

// options are strace's for calls on the target.
func (t target) options(dir, calls string) []string {
	if t.path == nil {
		return []string{"-e", "trace=" + calls}
	}
	return []string{"-P", t.path(dir), "-e", "trace=" + calls}
}

// count counts the calls on the target, in a run that is left alone.
func (t target) count(ctx context.Context) (map[string]int, error) {
	if t.job.want == "" {
		if err := t.job.prepare(ctx); err != nil {
			return nil, err
		}
	}
	dir, err := t.job.start("counted")
	if err != nil {
		return nil, err
	}
	calls := map[string]int{}
	o, err := t.job.bench.trace(ctx, t.job.process(dir), t.options(dir, t.calls), func(e syscallEvent) bool {
		if !e.begins && !e.failed {
			calls[e.name]++
		}
		return true
	})
	if err == nil && o.code != 0 {
		err = o.broken("under strace it must succeed")
	}
	return calls, err
}

// fail runs the job with a call that fails, and then as it is.
func (t target) fail(ctx context.Context, call, errno string, when int) (int, error) {
	dir, err := t.job.start("failed")
	if err != nil {
		return 0, err
	}
	forced := 0
	p := t.job.process(dir)
	options := append(t.options(dir, call), "-e", fmt.Sprintf("inject=%s:error=%s:when=%d", call, errno, when))
	o, err := t.job.bench.trace(ctx, p, options, func(e syscallEvent) bool {
		if e.forced {
			forced++
		}
		return true
	})
	if err != nil {
		return 0, err
	}
	if forced == 0 { // calls are counted by thread, and this time no thread made so many
		return 0, nil
	}
	o.args = slices.Concat([]string{"strace", "-f", "-o", "/dev/null"}, options, p.args)
	return 1, t.job.failed(ctx, dir, o)
}

// failed looks at what a run left to which the system said no, and gives the command again.
func (j *job) failed(ctx context.Context, dir string, o outcome) error {
	if o.crashed() || o.hung || o.code != 0 && o.code != 1 {
		return o.broken("an error of the system must end with 1")
	}
	if err := j.moment(dir, fmt.Sprintf("after exit status %d", o.code)); err != nil {
		return err
	}
	names, err := files(dir)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, ".bad.jsonl") }); i >= 0 {
		return o.broken("rows are called bad in %s", names[i])
	}
	if o.code == 0 {
		if bad, err := j.done(j.want, dir); err != nil {
			return err
		} else if bad != "" && !locksOnly(bad) {
			return o.broken("%s", bad)
		}
	}
	if err := j.recorded(dir, o); err != nil {
		return err
	}
	return j.finish(ctx, dir, "after "+o.command())
}

// locksOnly reports that nothing differs except that a lock is left over, which could not be removed: the command given again does.
func locksOnly(differences string) bool {
	for one := range strings.SplitSeq(differences, ", ") {
		if !strings.HasSuffix(one, ".lock is left over") {
			return false
		}
	}
	return true
}

// recorded wants every part that has a record to be the right one.
func (j *job) recorded(dir string, o outcome) error {
	names, err := files(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		part, ok := strings.CutSuffix(name, ".done")
		if !ok || !exists(filepath.Join(j.want, part)) {
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, part)); err != nil || info.IsDir() {
			continue // badRecords has compared those
		}
		if bad, err := sameFile(filepath.Join(j.want, part), filepath.Join(dir, part)); err != nil {
			return err
		} else if bad != "" {
			return o.broken("recorded, and %s", bad)
		}
	}
	return nil
}
