//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// A forgery is what becomes of a part's record, whose own part and whose neighbour's are whole. A record of right words beside the
// right part is none: who can write both is trusted.
type forgery struct {
	name string
	put  func(rng *rand.Rand, record, neighbour string) error
}

var forgeries = []forgery{
	{"whose words are others", changed(func(rng *rand.Rand, r, _ map[string]any) {
		for _, m := range []map[string]any{r, inner(r)} {
			for _, name := range slices.Sorted(maps.Keys(m)) {
				if text, ok := m[name].(string); ok && name != "file" && rng.IntN(3) > 0 {
					m[name] = text + "x"
				}
			}
		}
	})},
	{"with another part's sums", changed(func(_ *rand.Rand, r, n map[string]any) {
		for _, name := range []string{"sha256", "source_sha256", "sample_sha256"} {
			r[name] = n[name]
		}
	})},
	{"with negative numbers", changed(func(rng *rand.Rand, r, _ map[string]any) {
		for _, m := range []map[string]any{r, inner(r)} {
			for _, name := range slices.Sorted(maps.Keys(m)) {
				if _, ok := m[name].(float64); ok && rng.IntN(2) > 0 {
					m[name] = []float64{-1, -1 << 31, -1 << 62, 1 << 62, 1e300, 0.5}[rng.IntN(6)]
				}
			}
		}
	})},
	{"of another part", func(_ *rand.Rand, record, neighbour string) error { return put(neighbour, record) }},
	{"of another part, beside that part's file", func(_ *rand.Rand, record, neighbour string) error {
		part := func(record string) string { return record[:len(record)-len(".done")] }
		return errors.Join(put(part(neighbour), part(record)), put(neighbour, record))
	}},
	{"that is a FIFO", instead(func(path, _ string) error { return syscall.Mkfifo(path, 0o644) })},
	{"that is a link to another", instead(func(path, neighbour string) error { return os.Symlink(filepath.Base(neighbour), path) })},
	{"that is a link to itself", instead(func(path, _ string) error { return os.Symlink(filepath.Base(path), path) })},
	{"that is a link to /dev/zero", instead(func(path, _ string) error { return os.Symlink("/dev/zero", path) })},
	{"that is a link to nothing", instead(func(path, _ string) error { return os.Symlink("nothing", path) })},
	{"of 3 GB", instead(func(path, _ string) error {
		return errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, 3<<30))
	})},
	{"of another format", func(_ *rand.Rand, path, _ string) error {
		return os.WriteFile(path, []byte(`[{"part": "x"}, null, "sha256"]`), 0o644)
	}},
}

// inner is what a record's part was made from.
func inner(record map[string]any) map[string]any {
	made, _ := record["made"].(map[string]any)
	return made
}

// changed returns what changes the record's words.
func changed(change func(rng *rand.Rand, record, neighbour map[string]any)) func(*rand.Rand, string, string) error {
	return func(rng *rand.Rand, record, neighbour string) error {
		var words [2]map[string]any
		for i, path := range []string{record, neighbour} {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := json.Unmarshal(data, &words[i]); err != nil {
				return err
			}
		}
		change(rng, words[0], words[1])
		data, err := json.Marshal(words[0])
		if err != nil {
			return err
		}
		return os.WriteFile(record, data, 0o644)
	}
}

// instead returns what puts something in the record's place.
func instead(make func(path, neighbour string) error) func(*rand.Rand, string, string) error {
	return func(_ *rand.Rand, record, neighbour string) error {
		if err := os.Remove(record); err != nil {
			return err
		}
		return make(record, neighbour)
	}
}

// forge forges a record of a whole folder, and gives the command again.
func (j *job) forge(ctx context.Context, rng *rand.Rand, f forgery) (int, error) {
	dir, err := j.start("forged")
	if err != nil {
		return 0, err
	}
	if err := os.CopyFS(dir, os.DirFS(j.want)); err != nil {
		return 0, err
	}
	records, err := filepath.Glob(filepath.Join(dir, "codes", "*.done"))
	if err != nil || len(records) < 2 {
		return 0, fmt.Errorf("%s has %d records: %w", dir, len(records), err)
	}
	i := rng.IntN(len(records) - 1)
	if err := f.put(rng, records[i], records[i+1]); err != nil {
		return 0, err
	}
	return 1, j.again(ctx, dir, filepath.Base(records[i])+" is a record "+f.name)
}
