//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// pastItsBest trains a run whose best checkpoint is not the last one, and returns the best one's name in it.
func (b *bench) pastItsBest(ctx context.Context) (run string, args func(run string, more ...string) []string, best string, err error) {
	source := b.path("few.idx")
	if !exists(source) {
		if err := b.source.WriteIDX(ctx, source, 300); err != nil {
			return "", nil, "", err
		}
	}
	for _, rate := range []string{"0.05", "0.2", "0.5", "1"} {
		run = b.path("past its best, " + rate)
		args = func(run string, more ...string) []string {
			return b.trainArgs(source, run, append([]string{"--resume", "--epochs", "8", "--set", "batch=16", "--set", "data.validation=60", "--set", "optimizer.learning_rate=" + rate}, more...)...)
		}
		if !exists(run) {
			if _, err := b.well(ctx, process{args: args(run)}); err != nil {
				return "", nil, "", err
			}
		}
		newest, err := lastState(filepath.Dir(run), filepath.Base(run))
		if err != nil {
			return "", nil, "", err
		}
		data, err := os.ReadFile(filepath.Join(filepath.Dir(newest), "state.json"))
		if err != nil {
			return "", nil, "", err
		}
		var state struct {
			Checkpoint struct{ Best struct{ Step int } }
		}
		if err := json.Unmarshal(data, &state); err != nil {
			return "", nil, "", err
		}
		best = filepath.Join("checkpoints", fmt.Sprintf("step-%08d", state.Checkpoint.Best.Step))
		if filepath.Base(best) != filepath.Base(filepath.Dir(newest)) {
			return run, args, best, nil
		}
	}
	return "", nil, "", errors.New("every run's best checkpoint is its last")
}

// rotBest damages the best checkpoint of a run whose last one is sound.
func (b *bench) rotBest(ctx context.Context, rng *rand.Rand, command string) (int, error) {
	whole, args, best, err := b.pastItsBest(ctx)
	if err != nil {
		return 0, err
	}
	dir, err := b.empty("best damaged")
	if err != nil {
		return 0, err
	}
	runs, bundles, processes := [2]string{}, [2]string{}, [2]process{} // as it is, and damaged
	for i, name := range []string{"whole", "run"} {
		runs[i] = filepath.Join(dir, name)
		if err := os.CopyFS(runs[i], os.DirFS(whole)); err != nil {
			return 0, err
		}
		switch bundles[i] = filepath.Join(runs[i], "bundle"); command {
		case "train --resume for longer":
			processes[i].args = args(runs[i], "--epochs", "9")
		case "export":
			bundles[i] = runs[i] + " exported"
			processes[i].args = b.catvae("export", "--run", runs[i], "--out", bundles[i])
		default:
			processes[i].args = args(runs[i])
		}
	}
	if _, err := b.well(ctx, processes[0]); err != nil {
		return 0, err
	}
	what, err := decay(rng, runs[1], []string{filepath.Join(best, "state.safetensors"), filepath.Join(best, "state.json")})
	if err != nil {
		return 0, err
	}
	o, err := b.do(ctx, processes[1])
	if err != nil {
		return 0, err
	}
	if o.code != 0 {
		if o.crashed() || o.hung || o.code != 1 && o.code != 4 || len(o.stderr) == 0 {
			return 1, o.broken("%s: it must end with 0, 1 or 4", what)
		}
		return 1, nil
	}
	bad, err := sameFile(filepath.Join(bundles[0], "encoder.onnx"), filepath.Join(bundles[1], "encoder.onnx"))
	if err != nil || bad == "" {
		return 1, err
	}
	verification, err := os.ReadFile(filepath.Join(bundles[1], "verification.json"))
	if err != nil {
		return 1, err
	}
	if !bytes.Contains(verification, []byte(`"lost_best"`)) || !bytes.Contains(o.stderr, []byte("lost")) {
		return 1, o.broken("%s: the bundle has other weights than the best, and is not said to", what)
	}
	return 1, nil
}
