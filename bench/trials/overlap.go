//go:build unix

package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"
)

// crowd is how many runs overlap.
const crowd = 6

var overlapTrial = trial{
	name:    "overlap",
	promise: "Runs that write the same output at the same time do each other no harm: one does the work, the others say why they do not.",
	does:    "Six runs at a time on one file, one folder and one run folder, with random starts, a third of them killed at random moments.",
	counts:  "runs",
	passes:  "Passes where each run that was not killed ends with 0, or with 1 and words of ours (4 where the output is there already); the command given again ends with the right bytes, and nothing is left over.",
	short:   size{rows: 60_000, times: 6},
	long:    size{rows: 60_000, times: 300},
	cases: func(b *bench, _ context.Context, s size) (ways []way, _ error) {
		for _, j := range append(b.inferJobs(s), b.trainJob()) {
			ways = append(ways, way{name: j.name, prepare: j.prepare, try: j.overlap})
		}
		return ways, nil
	},
}

func (j *job) overlap(ctx context.Context, rng *rand.Rand) (int, error) {
	dir, err := j.start(j.name + " at once")
	if err != nil {
		return 0, err
	}
	outcomes, errs := make([]outcome, crowd), make([]error, crowd)
	var all sync.WaitGroup
	for i := range crowd {
		begin := time.Duration(rng.Float64() * 2 * j.seconds * float64(time.Second))
		p := j.process(dir)
		if rng.IntN(3) == 0 {
			p.signal, p.moment = syscall.SIGKILL, time.Duration(rng.Float64()*2*j.seconds*float64(time.Second))+1
		}
		all.Go(func() {
			time.Sleep(begin)
			outcomes[i], errs[i] = j.bench.do(ctx, p)
		})
	}
	all.Wait()
	for i, o := range outcomes {
		switch {
		case errs[i] != nil:
			return crowd, errs[i]
		case o.code == 0 || o.code == 128+int(syscall.SIGKILL) && o.signals:
		case o.code == 4 && j.ended != nil && bytes.Contains(o.stderr, []byte("exists already")): // another had ended before it began
		case o.code != 1 || o.crashed() || o.hung:
			return crowd, o.broken("it must end with 0, or with 1 and say why")
		case len(o.stderr) == 0 || bytes.Contains(o.stderr, []byte("no such file")) || bytes.Contains(o.stderr, []byte("directory not empty")):
			return crowd, o.broken("it must say in words why it does not work")
		}
	}
	if err := j.moment(dir, "after runs that overlapped"); err != nil {
		return crowd, err
	}
	return crowd, j.finish(ctx, dir, "after runs that overlapped")
}
