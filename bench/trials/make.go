//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A way is one way to try a promise.
type way struct {
	name    string
	times   int                         // how many are counted; 0 leaves it to the trial's size
	prepare func(context.Context) error // made once, before the first try; may be nil
	// try tries it once and returns how many things were done, 0 where the way does not apply here. A broken promise is an error
	// made by broken; any other error is one of the trial's own.
	try func(context.Context, *rand.Rand) (int, error)
}

// A brokenPromise says what a command did that it must not do.
type brokenPromise string

func (e brokenPromise) Error() string { return string(e) }

func broken(format string, args ...any) error { return brokenPromise(fmt.Sprintf(format, args...)) }

// make makes a trial, prints its line, and returns how many of its ways broke the promise.
func (b *bench) make(ctx context.Context, t trial) (brokenWays int, err error) {
	s := t.long
	if b.Short {
		s = t.short
	}
	if s == (size{}) || !b.wanted(t.name, "") {
		return 0, nil
	}
	if t.needs != "" {
		if _, err := exec.LookPath(t.needs); err != nil {
			fmt.Printf("- skipped: %s: it needs the program %s, which is not installed\n", t.name, t.needs)
			b.results.skip(t.name, "skipped: "+t.needs+" is not installed")
			return 0, nil
		}
	}
	b.dir = filepath.Join(b.Work, t.name)
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return 0, err
	}
	if !b.Keep {
		defer os.RemoveAll(b.dir)
	}
	began := time.Now()
	ways, err := t.cases(b, ctx, s)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", t.name, err)
	}
	if s.most > 0 && s.most < len(ways) && !b.named(t.name) {
		rng := b.rand(t.name, 0)
		rng.Shuffle(len(ways), func(i, j int) { ways[i], ways[j] = ways[j], ways[i] })
		ways = ways[:s.most]
	}
	for _, w := range ways {
		if !b.wanted(t.name, w.name) {
			continue
		}
		if err := b.tryWay(ctx, t, w, s); err != nil {
			return 0, fmt.Errorf("%s: %s: %w", t.name, w.name, err)
		}
	}
	x := b.results.of(t.name)
	word := "kept"
	if brokenWays = x.broken(); brokenWays > 0 {
		word = "NOT KEPT"
	}
	fmt.Printf("- %s: %s: %s %s (%.0f s)\n", word, t.name, t.promise, x.summary(t.counts), time.Since(began).Seconds())
	return brokenWays, nil
}

// tryWay tries a way until enough was counted.
func (b *bench) tryWay(ctx context.Context, t trial, w way, s size) error {
	r := b.results.way(t.name, w.name)
	times := max(w.times, 1)
	if w.times == 0 {
		times = max(s.times, 1)
		if b.Count > 0 {
			times = r.Count + b.Count
		}
	}
	prepared := w.prepare == nil
	for idle := 0; r.Count < times && idle < 3; {
		if !prepared {
			if err := w.prepare(ctx); err != nil {
				return err
			}
			prepared = true
		}
		n, err := w.try(ctx, b.rand(t.name+"/"+w.name, r.Tries))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.Tries++
		if idle++; n > 0 {
			idle = 0
		}
		r.Count += n
		if err != nil {
			var promise brokenPromise
			if !errors.As(err, &promise) {
				err = fmt.Errorf("it could not be tried: %w", err)
			}
			r.Broken++
			r.note(err.Error())
			fmt.Printf("  %s/%s, try %d: %v\n", t.name, w.name, r.Tries, err)
			if r.Broken >= 5 { // enough is known
				break
			}
		}
		if err := b.results.save(); err != nil {
			return err
		}
	}
	return nil
}

// rand returns numbers for one try of a way: others for each try, so that pieces of a long run repeat nothing.
func (b *bench) rand(name string, try int) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", name, try)
	return rand.New(rand.NewPCG(b.Seed, h.Sum64()))
}

// path returns the name of a file in the trial's folder.
func (b *bench) path(names ...string) string {
	return filepath.Join(append([]string{b.dir}, names...)...)
}

// empty returns a folder of the trial, made anew.
func (b *bench) empty(name string) (string, error) {
	dir := b.path(name)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// remove removes what earlier tries left, files or folders.
func (b *bench) remove(paths ...string) error {
	var errs []error
	for _, p := range paths {
		errs = append(errs, os.RemoveAll(p))
	}
	return errors.Join(errs...)
}
