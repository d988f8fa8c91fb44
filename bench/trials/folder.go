//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

var folderTrial = trial{
	name:    "folder",
	promise: "A training whose folder is taken from it ends and says so, and writes into no other run.",
	does:    "While a run trains, its folder is removed, moved, replaced by another run or by a folder of something else, and its lock is removed while a second training is begun in it.",
	counts:  "trainings",
	passes:  "Passes where the training ends within 30 s with 1 and says why, what came into its place is as it was, and a run that was moved is sound. Of two trainings one at most goes on.",
	short:   size{times: 1, most: 3},
	long:    size{times: 20},
	cases: func(b *bench, _ context.Context, _ size) (ways []way, _ error) {
		for _, t := range takings {
			ways = append(ways, way{name: t.name, try: func(ctx context.Context, rng *rand.Rand) (int, error) { return b.taken(ctx, rng, t) }})
		}
		return append(ways, way{name: "its lock is removed, and a second one is begun", try: b.unlocked}), nil
	},
}

// A taking is what becomes of a run's folder.
type taking struct {
	name string
	take func(run, elsewhere, other string) error
	left string // what must lie at the run's path then: "other", "something" or nothing
}

var takings = []taking{
	{name: "removed", take: func(run, _, _ string) error {
		for range 100 { // the run may write into it meanwhile
			if os.RemoveAll(run) == nil {
				break
			}
		}
		return nil
	}},
	{name: "moved", take: func(run, elsewhere, _ string) error { return os.Rename(run, elsewhere) }},
	{name: "replaced by another run", left: "other", take: func(run, elsewhere, other string) error {
		if err := os.Rename(run, elsewhere); err != nil {
			return err
		}
		return os.CopyFS(run, os.DirFS(other))
	}},
	{name: "removed, and another run put there", left: "other", take: func(run, elsewhere, other string) error {
		if err := os.Rename(run, elsewhere); err != nil {
			return err
		}
		if err := os.CopyFS(run, os.DirFS(other)); err != nil {
			return err
		}
		return os.RemoveAll(elsewhere)
	}},
	{name: "replaced by something else", left: "something", take: func(run, elsewhere, _ string) error {
		if err := os.Rename(run, elsewhere); err != nil {
			return err
		}
		if err := os.Mkdir(run, 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(run, "something"), []byte("mine\n"), 0o644)
	}},
}

// endless trains until something ends it, with a checkpoint every few steps.
func (b *bench) endless(source, run string) process {
	return process{args: b.trainArgs(source, run, "--epochs", "100000", "--checkpoint-every", "20ms"), limit: 40 * time.Second}
}

// beside runs a process and does something once its run has a checkpoint.
func (b *bench) beside(ctx context.Context, p process, run string, do func() error) (o outcome, err error) {
	done, ended := make(chan error, 1), make(chan struct{})
	go func() {
		<-poll(func() bool {
			select {
			case <-ended:
				return true
			default:
			}
			found, _ := filepath.Glob(filepath.Join(run, "checkpoints", "step-*"))
			return len(found) > 0
		})()
		done <- do()
	}()
	o, err = b.do(ctx, p)
	close(ended)
	if bad := <-done; err == nil && bad != nil {
		err = fmt.Errorf("%w: %s", bad, o)
	}
	return o, err
}

func (b *bench) taken(ctx context.Context, rng *rand.Rand, t taking) (int, error) {
	dir, err := b.empty("taken")
	if err != nil {
		return 0, err
	}
	source, err := b.trainRows()
	if err != nil {
		return 0, err
	}
	run, elsewhere, other := filepath.Join(dir, "run"), filepath.Join(dir, "elsewhere"), b.path("other")
	if !exists(other) {
		if _, err := b.well(ctx, process{args: b.trainArgs(source, other, "--seed", "2")}); err != nil {
			return 0, err
		}
	}
	o, err := b.beside(ctx, b.endless(source, run), run, func() error {
		time.Sleep(time.Duration(rng.IntN(100)) * time.Millisecond)
		return t.take(run, elsewhere, other)
	})
	if err != nil {
		return 0, err
	}
	if o.hung || o.code != 1 || o.crashed() || len(o.stderr) == 0 {
		return 1, o.broken("%s while it trains, it must end with 1 and say why", t.name)
	}
	var bad string
	switch t.left {
	case "other":
		bad, err = compareTrees(other, run, nil)
	case "something":
		var names []string
		if names, err = files(run); err == nil && len(names) != 1 {
			bad = fmt.Sprint("it holds ", names)
		}
	default:
		if exists(run) {
			bad = "it is there again"
		}
	}
	if err != nil {
		return 1, err
	}
	if bad != "" {
		return 1, o.broken("%s while it trains: of the folder at its path: %s", t.name, bad)
	}
	if exists(elsewhere) {
		if o, err := b.do(ctx, process{args: b.catvae("export", "--run", elsewhere, "--out", filepath.Join(dir, "bundle"))}); err != nil {
			return 1, err
		} else if o.code != 0 {
			return 1, o.broken("a run that was moved while it was trained is not sound")
		}
	}
	return 1, nil
}

// unlocked removes a run's lock and begins a second training in its folder.
func (b *bench) unlocked(ctx context.Context, rng *rand.Rand) (int, error) {
	dir, err := b.empty("unlocked")
	if err != nil {
		return 0, err
	}
	source, err := b.trainRows()
	if err != nil {
		return 0, err
	}
	run := filepath.Join(dir, "run")
	config := filepath.Join(run, "config.json")
	var other outcome
	first := b.endless(source, run)
	first.limit = 15 * time.Second
	var before, after []byte
	o, err := b.beside(ctx, first, run, func() (err error) {
		time.Sleep(time.Duration(rng.IntN(100)) * time.Millisecond)
		if before, err = os.ReadFile(config); err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(run, ".lock")); err != nil {
			return err
		}
		if other, err = b.do(ctx, process{args: b.trainArgs(source, run, "--seed", "2", "--force")}); err != nil {
			return err
		}
		after, err = os.ReadFile(config)
		return err
	})
	switch {
	case err != nil:
		return 0, err
	case o.crashed() && !o.hung || other.crashed() || other.hung:
		return 1, other.broken("it died, or the first did: %s", o)
	case o.hung && other.code == 0, o.code != 1 && o.code != 128+int(syscall.SIGKILL): // hung: it went on until it was killed
		return 1, other.broken("both trainings went on, and the first is: %s", o)
	case other.code != 0 && string(before) != string(after):
		return 1, other.broken("it was refused, and config.json is another")
	case other.code != 0 && (other.code != 1 || !strings.Contains(string(other.stderr), run)):
		return 1, other.broken("it must end with 1 and say why")
	}
	return 1, second(b.well(ctx, process{args: b.catvae("export", "--run", run, "--out", filepath.Join(dir, "bundle"))}))
}
