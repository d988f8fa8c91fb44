//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
)

var shardsTrial = trial{
	name:    "shards",
	promise: "Shards make the parts of a run without shards, byte by byte.",
	does:    "1, 3 and 7 runs share the parts of one folder, in an order that is drawn.",
	counts:  "folders",
	passes:  "Passes where parts and records are those of one run.",
	short:   size{rows: 20_000, times: 1},
	long:    size{rows: 300_000, times: 5},
	cases: func(b *bench, _ context.Context, s size) (ways []way, _ error) {
		for _, n := range []int{1, 3, 7} {
			ways = append(ways, way{name: fmt.Sprintf("%d shards", n), try: func(ctx context.Context, rng *rand.Rand) (int, error) {
				return 1, b.share(ctx, rng, n, s)
			}})
		}
		return ways, nil
	},
}

func (b *bench) share(ctx context.Context, rng *rand.Rand, n int, s size) error {
	source, want, got := b.path("rows.idx"), b.path("whole"), b.path("shards")
	defer b.remove(got)
	run := func(dir string, more ...string) (outcome, error) {
		return b.well(ctx, process{args: b.encode(source, dir+"/", append(more, "--part-rows", strconv.Itoa((s.rows+parts-1)/parts))...)})
	}
	if !exists(want) {
		if err := b.source.WriteIDX(ctx, source, s.rows); err != nil {
			return err
		}
		if _, err := run(want); err != nil {
			return err
		}
	}
	var last outcome
	for _, i := range rng.Perm(n) {
		var err error
		if last, err = run(got, "--shard", fmt.Sprintf("%d/%d", i, n)); err != nil {
			return err
		}
	}
	if difference, err := compareTrees(want, filepath.Clean(got), nil); err != nil {
		return err
	} else if difference != "" {
		return last.broken("%s", difference)
	}
	return nil
}
