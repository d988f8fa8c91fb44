//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
)

var powercutsTrial = trial{
	name:    "powercuts",
	promise: "After a power cut the same command continues, and ends with the same bytes; a record is never left without its part.",
	does:    "A run under strace is killed after a system call that is drawn. Bytes that it had not synced are cut off or become zeros, and changes of folders that it had not synced are lost, each by itself; by the seed.",
	counts:  "cuts",
	passes:  "Passes as kills does.",
	needs:   "strace",
	short:   size{rows: 20_000, times: 1},
	long:    size{rows: 60_000, times: 30},
	cases: func(b *bench, _ context.Context, s size) (ways []way, _ error) {
		for _, j := range b.jobs(s) {
			if j.name == "doctor --install" { // its library is hashed before it is loaded: the trial library has that
				continue
			}
			calls := 0 // that change something, of a run that is left alone
			ways = append(ways, way{
				name: j.name,
				prepare: func(ctx context.Context) (err error) {
					if err = j.prepare(ctx); err == nil {
						calls, err = j.calls(ctx)
					}
					return err
				},
				try: func(ctx context.Context, rng *rand.Rand) (int, error) { return j.cut(ctx, rng, calls) },
			})
		}
		return ways, nil
	},
}

// calls counts the system calls by which a run that is left alone changes its folder.
func (j *job) calls(ctx context.Context) (n int, err error) {
	dir, err := j.start(j.name + " counted")
	if err != nil {
		return 0, err
	}
	d, err := newDisk(dir, j.bench.path("kept"))
	if err != nil {
		return 0, err
	}
	o, err := j.bench.trace(ctx, j.process(dir), []string{"-e", changing}, func(e syscallEvent) bool {
		if d.see(e) {
			n++
		}
		return true
	})
	if err == nil && o.code != 0 {
		return 0, o.broken("under strace it must succeed")
	}
	if err == nil {
		err = d.check()
	}
	return n, err
}

// cut cuts runs of a job off until one ends, and returns how many were cut off.
func (j *job) cut(ctx context.Context, rng *rand.Rand, calls int) (cuts int, err error) {
	dir, err := j.start(j.name + " cut")
	if err != nil {
		return 0, err
	}
	after := ""
	for again := true; again && (j.ended == nil || !j.ended(dir)); again = rng.IntN(2) == 0 {
		d, err := newDisk(dir, j.bench.path("kept"))
		if err != nil {
			return cuts, err
		}
		left := 1 + rng.IntN(calls)
		moment := left
		o, err := j.bench.trace(ctx, j.process(dir), []string{"-e", changing}, func(e syscallEvent) bool {
			if d.see(e) {
				left--
			}
			return left > 0
		})
		if err != nil {
			return cuts, err
		}
		if o.code != 0 && o.code != 128+9 {
			return cuts + 1, o.broken("%s, the command given again does not succeed", after)
		}
		if err := d.check(); errors.Is(err, errUnsure) {
			return cuts, nil
		} else if err != nil {
			return cuts, err
		}
		lost, err := d.cut(rng) // the power may fail right after the end, too
		if err != nil {
			return cuts, err
		}
		cuts++
		after = fmt.Sprintf("after %d power cuts, the last at call %d of %d, %s", cuts, moment, calls, lost)
		if err := j.moment(dir, after); err != nil {
			return cuts, err
		}
	}
	return cuts, j.finish(ctx, dir, after)
}
