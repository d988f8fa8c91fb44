package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	killRows = 300_000
	partRows = "16384" // 19 parts
)

// kills ends runs at random moments, gives the same command again until it ends by itself, and compares what is there then
// with what an uninterrupted run leaves: for an output that is a file, and for one that is a folder. Then shards.
func (b *bench) kills(ctx context.Context) error {
	source := b.path("rows.idx")
	if err := b.writeIDX(source, killRows); err != nil {
		return err
	}
	defer os.Remove(source)
	rng := rand.New(rand.NewPCG(b.Seed, 0))
	fmt.Printf("%d rows in parts of %s, seed %d\n\n", killRows, partRows, b.Seed)
	for _, folder := range []bool{false, true} {
		if err := b.killTrials(ctx, source, folder, rng); err != nil {
			return err
		}
	}
	return b.shards(ctx, source)
}

// output is what a trial writes, alone in a folder of its own, so that whatever a run leaves is seen.
func (b *bench) output(name string, folder bool) (dir, out string, err error) {
	dir = b.path(name)
	if err := b.remove(dir); err != nil {
		return "", "", err
	}
	if folder {
		return dir, filepath.Join(dir, "codes") + "/", os.Mkdir(dir, 0o755)
	}
	return dir, filepath.Join(dir, "codes.npy"), os.Mkdir(dir, 0o755)
}

func (b *bench) killTrials(ctx context.Context, source string, folder bool, rng *rand.Rand) error {
	want, out, err := b.output("whole", folder)
	if err != nil {
		return err
	}
	defer b.remove(want, b.path("killed"))
	o, err := b.infer(ctx, b.encode(source, out, "--part-rows", partRows)...)
	if err != nil {
		return err
	}
	killed, torn, equal := 0, 0, 0
	for trial := range b.Kills {
		got, out, err := b.output("killed", folder)
		if err != nil {
			return err
		}
		for kill := true; ; kill = rng.IntN(2) == 0 { // every second one of the further runs is killed too
			if !folder {
				if _, err := os.Stat(out); err == nil { // it appears whole or not at all
					break
				}
			}
			moment := time.Hour
			if kill {
				moment = time.Duration(rng.Float64() * o.wall * float64(time.Second))
			}
			ended, err := b.killAfter(ctx, moment, b.encode(source, out, "--part-rows", partRows))
			if err != nil {
				return fmt.Errorf("trial %d: %w", trial, err)
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
			fmt.Printf("trial %d: %s\n", trial, difference)
			torn++
		}
	}
	what := "a file"
	if folder {
		what = "a folder of parts"
	}
	check(torn == 0, "--out %s: of %d trials with %d kills within %.2f s, %d end as an uninterrupted run does", what, b.Kills, killed, o.wall, equal)
	return nil
}

// killAfter runs infer, kills it after some time, and reports whether it had ended by itself.
func (b *bench) killAfter(ctx context.Context, moment time.Duration, args []string) (ended bool, err error) {
	var errs bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(b.Binaries, "infer"), args...)
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		return false, err
	}
	timer := time.AfterFunc(moment, func() { _ = cmd.Process.Kill() }) // fails where the process has ended, which Wait tells
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
	return false, fmt.Errorf("infer: %w: %s", err, lastLine(errs.Bytes()))
}

// shards has 1, 3 and 7 runs share the parts of one folder.
func (b *bench) shards(ctx context.Context, source string) error {
	want, out, err := b.output("whole", true)
	if err != nil {
		return err
	}
	defer b.remove(want, b.path("shards"))
	if _, err := b.infer(ctx, b.encode(source, out, "--part-rows", partRows)...); err != nil {
		return err
	}
	for _, n := range []int{1, 3, 7} {
		got, out, err := b.output("shards", true)
		if err != nil {
			return err
		}
		for i := range n {
			if _, err := b.infer(ctx, b.encode(source, out, "--part-rows", partRows, "--shard", fmt.Sprintf("%d/%d", i, n))...); err != nil {
				return err
			}
		}
		difference, err := compareTrees(want, got)
		if err != nil {
			return err
		}
		check(difference == "", "%s, one after the other: the files of a run without --shard; difference: %s", plural(n, "shard"), cmp.Or(difference, "none"))
	}
	return nil
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// compareTrees says how two folders differ, in names or in bytes, or "".
func compareTrees(want, got string) (string, error) {
	a, err := files(want)
	if err != nil {
		return "", err
	}
	b, err := files(got)
	if err != nil {
		return "", err
	}
	var differences []string
	for _, name := range a {
		if !slices.Contains(b, name) {
			differences = append(differences, name+" is missing")
			continue
		}
		if same, err := sameBytes(filepath.Join(want, name), filepath.Join(got, name)); err != nil {
			return "", err
		} else if !same {
			differences = append(differences, name+" has other bytes")
		}
	}
	for _, name := range b {
		if !slices.Contains(a, name) {
			differences = append(differences, name+" is left over")
		}
	}
	return strings.Join(differences, ", "), nil
}

func files(dir string) (names []string, err error) {
	return names, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, name)
		return err
	})
}

func sameBytes(a, b string) (bool, error) {
	x, err := os.Open(a)
	if err != nil {
		return false, err
	}
	defer x.Close()
	y, err := os.Open(b)
	if err != nil {
		return false, err
	}
	defer y.Close()
	p, q := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, err1 := io.ReadFull(x, p)
		m, err2 := io.ReadFull(y, q)
		if !bytes.Equal(p[:n], q[:m]) {
			return false, nil
		}
		for _, err := range []error{err1, err2} {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return true, nil
			} else if err != nil {
				return false, err
			}
		}
	}
}
