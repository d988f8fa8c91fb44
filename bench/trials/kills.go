//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"
)

var killsTrial = trial{
	name:    "kills",
	promise: "A run that is killed at any moment continues when the same command is given again, and ends with the same bytes.",
	does:    "SIGKILL at random moments, in chains: every second one of the further runs is killed, too.",
	counts:  "kills",
	passes:  "Passes where the files are those of a run that was left alone, nothing unfinished is left, and no record lies beside a part that is not whole.",
	short:   size{rows: 60_000, times: 2},
	long:    size{rows: 300_000, times: 200},
	cases: func(b *bench, _ context.Context, s size) (ways []way, _ error) {
		for _, j := range b.jobs(s) {
			ways = append(ways, way{name: j.name, prepare: j.prepare, try: func(ctx context.Context, rng *rand.Rand) (int, error) { return j.chain(ctx, rng) }})
		}
		return ways, nil
	},
}

// chain kills runs of a job until one ends, and returns how many were killed.
func (j *job) chain(ctx context.Context, rng *rand.Rand) (kills int, err error) {
	dir, err := j.start(j.name + " killed")
	if err != nil {
		return 0, err
	}
	for kill := true; kill && (j.ended == nil || !j.ended(dir)); kill = rng.IntN(2) == 0 {
		p := j.process(dir)
		p.signal, p.moment = syscall.SIGKILL, time.Duration(rng.Float64()*j.seconds*float64(time.Second))+1
		o, err := j.bench.do(ctx, p)
		if err != nil {
			return kills, err
		}
		if o.code != 0 && o.code != 128+int(syscall.SIGKILL) {
			return kills + 1, o.broken("after %d kills the command given again does not succeed", kills)
		}
		if o.code == 0 {
			break
		}
		kills++
		if err := j.moment(dir, fmt.Sprintf("after %d kills, the last after %s", kills, p.moment.Round(time.Millisecond))); err != nil {
			return kills, err
		}
	}
	return kills, j.finish(ctx, dir, fmt.Sprintf("after %d kills", kills))
}
