package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/catvae/catvae/bench/internal/commands"
)

// parts is the number of files of codes that the rows of a folder are cut into.
const parts = 19

// kills ends runs at random moments, gives the same command again until it ends by itself, and compares what is there then
// with what an uninterrupted run leaves: for an output that is a file, and for one that is a folder.
func (b *bench) kills(ctx context.Context, s size) error {
	source := b.path("rows.idx")
	defer os.Remove(source)
	if err := b.source.WriteIDX(ctx, source, s.rows); err != nil {
		return err
	}
	for _, folder := range []bool{false, true} {
		if err := b.killOutput(ctx, source, folder, s); err != nil {
			return err
		}
	}
	return nil
}

// output is what a run writes, alone in a folder of its own, so that whatever the run leaves is seen.
func (b *bench) output(name string, folder bool) (dir, out string, err error) {
	dir = b.path(name)
	if err := os.RemoveAll(dir); err != nil {
		return "", "", err
	}
	if folder {
		return dir, filepath.Join(dir, "codes") + "/", os.Mkdir(dir, 0o755)
	}
	return dir, filepath.Join(dir, "codes.npy"), os.Mkdir(dir, 0o755)
}

// encodeParts is infer's command line for rows in parts.
func (b *bench) encodeParts(source, out string, rows int, more ...string) []string {
	return b.infer.Encode(source, out, append([]string{"--part-rows", strconv.Itoa((rows + parts - 1) / parts)}, more...)...)
}

func (b *bench) killOutput(ctx context.Context, source string, folder bool, s size) error {
	want, out, err := b.output("whole", folder)
	if err != nil {
		return err
	}
	defer b.remove(want, b.path("killed"))
	o, err := b.infer.Infer(ctx, b.encodeParts(source, out, s.rows)...)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(b.Seed, 0))
	killed, equal := 0, 0
	for turn := range s.times {
		got, out, err := b.output("killed", folder)
		if err != nil {
			return err
		}
		args := b.encodeParts(source, out, s.rows)
		for kill := true; ; kill = rng.IntN(2) == 0 { // every second one of the further runs is killed too
			if !folder {
				if _, err := os.Stat(out); err == nil { // it appears whole or not at all
					break
				}
			}
			moment := time.Hour
			if kill {
				moment = time.Duration(rng.Float64() * o.Seconds * float64(time.Second))
			}
			ended, err := b.killAfter(ctx, moment, args)
			if err != nil {
				return fmt.Errorf("turn %d: %w", turn, err)
			}
			if ended {
				break
			}
			killed++
		}
		difference, err := compareTrees(want, got)
		if err != nil {
			return err
		}
		if difference == "" {
			equal++
		} else {
			fmt.Printf("turn %d: %s\n", turn, difference)
		}
	}
	what := "a file"
	if folder {
		what = "a folder of parts"
	}
	b.promise(equal == s.times, "--out %s: after %d kills within %.2f s, %d of %d turns end as an uninterrupted run does", what, killed, o.Seconds, equal, s.times)
	return nil
}

// killAfter runs infer, kills it after some time, and reports whether it had ended by itself.
func (b *bench) killAfter(ctx context.Context, moment time.Duration, args []string) (ended bool, err error) {
	var errs bytes.Buffer
	cmd := exec.CommandContext(ctx, b.infer.InferPath(), args...)
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		return false, err
	}
	timer := time.AfterFunc(moment, func() { _ = cmd.Process.Kill() }) // fails where the process has ended, as Wait says
	defer timer.Stop()
	err = cmd.Wait()
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil:
		return false, ctx.Err()
	case cmd.ProcessState.ExitCode() == -1: // by a signal
		return false, nil
	}
	return false, fmt.Errorf("infer: %w: %s", err, commands.LastLine(errs.Bytes()))
}

// shards has 1, 3 and 7 runs share the parts of one folder.
func (b *bench) shards(ctx context.Context, s size) error {
	source := b.path("rows.idx")
	defer os.Remove(source)
	if err := b.source.WriteIDX(ctx, source, s.rows); err != nil {
		return err
	}
	want, out, err := b.output("whole", true)
	if err != nil {
		return err
	}
	defer b.remove(want, b.path("shards"))
	if _, err := b.infer.Infer(ctx, b.encodeParts(source, out, s.rows)...); err != nil {
		return err
	}
	for _, n := range []int{1, 3, 7} {
		got, out, err := b.output("shards", true)
		if err != nil {
			return err
		}
		for i := range n {
			if _, err := b.infer.Infer(ctx, b.encodeParts(source, out, s.rows, "--shard", fmt.Sprintf("%d/%d", i, n))...); err != nil {
				return err
			}
		}
		difference, err := compareTrees(want, got)
		if err != nil {
			return err
		}
		b.promise(difference == "", "--shard i/%d, one run after the other: the files of a run without --shard; difference: %s", n, cmp.Or(difference, "none"))
	}
	return nil
}
