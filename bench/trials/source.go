//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/catvae/catvae/bench/internal/rows"
)

var sourceTrial = trial{
	name:    "source",
	promise: "A part is taken for done only where its rows, bundle, backend and parameters are those that it was made from: identity is content.",
	does:    "Parts of a source, and then another source of the same shape and size in its place: after a run, after a kill, in pictures, under other backends, beside records without a fingerprint, with --check sample, and changed while it is read.",
	counts:  "replacements",
	passes:  "Passes where a run that ends with 0 leaves the codes of the source as it is then, and a run that does not says why and leaves the old ones.",
	short:   size{rows: 2000, times: 1, most: 16},
	long:    size{rows: 20_000, times: 20},
	cases: func(b *bench, _ context.Context, s size) (ways []way, _ error) {
		for _, i := range inputs {
			x := swap{bench: b, input: i, rows: s.rows}
			if i.name == "pictures" {
				x.rows = min(s.rows, 500)
			}
			ways = append(ways,
				way{name: "after a run, " + i.name, try: x.afterRun},
				way{name: "after a kill, " + i.name, try: x.afterKill},
				way{name: "after a kill, to FILE, " + i.name, try: x.toFile},
				way{name: "beside old records, " + i.name, try: x.oldRecords},
			)
			x.flags = []string{"--check", "sample"}
			ways = append(ways,
				way{name: "after a run, --check sample, " + i.name, try: x.afterRun},
				way{name: "after a kill, --check sample, " + i.name, try: x.afterKill},
			)
		}
		x := swap{bench: b, input: inputs[0], rows: s.rows}
		return append(ways,
			way{name: "begun on onnxruntime, resumed in pure Go", try: x.otherBackend},
			way{name: "changed while it is read", try: x.whileRead},
		), nil
	},
}

// A swap puts one source in the place of another: the rows of the second are those of the first in another order.
type swap struct {
	bench *bench
	input input
	rows  int
	flags []string // of infer, besides the input's
}

// sources writes both, in files or folders of their own, and returns the place where the first is to begin with.
func (x swap) sources(ctx context.Context) (place, first, second string, err error) {
	b := *x.bench
	b.dir = x.bench.path(x.input.name)
	place, first, second = b.path("place", x.input.file), b.path("first", x.input.file), b.path("second", x.input.file)
	if !exists(second) {
		for _, f := range []string{first, second, place} {
			if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
				return "", "", "", err
			}
		}
		if err := x.input.write(&b, ctx, first, x.rows); err != nil {
			return "", "", "", err
		}
		if err := x.input.writeTurned(&b, ctx, second, x.rows); err != nil {
			return "", "", "", err
		}
	}
	return place, first, second, put(first, place)
}

// writeTurned writes the same rows, each turned upside down: the same shape, the same bytes in another order.
func (i input) writeTurned(b *bench, ctx context.Context, path string, n int) error {
	turned := *b
	turned.source = rows.Source(b.path("turned"))
	if !exists(string(turned.source)) {
		if err := os.MkdirAll(string(turned.source), 0o755); err != nil {
			return err
		}
		if err := turnMNIST(ctx, b.source, string(turned.source), n); err != nil {
			return err
		}
	}
	return i.write(&turned, ctx, path, n)
}

// turnMNIST writes rows upside down, as the files of MNIST's training split, which rows.Source reads.
func turnMNIST(ctx context.Context, from rows.Source, dir string, n int) error {
	images, labels := bytes.Buffer{}, bytes.Buffer{}
	images.Write([]byte{0, 0, 8, 3, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n), 0, 0, 0, rows.Side, 0, 0, 0, rows.Side})
	labels.Write([]byte{0, 0, 8, 1, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	if err := from.Each(ctx, n, func(_ int, row []byte) error {
		row = bytes.Clone(row)
		slices.Reverse(row)
		images.Write(row)
		labels.WriteByte(0)
		return nil
	}); err != nil {
		return err
	}
	for _, split := range []string{"train", "t10k"} {
		if err := os.WriteFile(filepath.Join(dir, split+"-images-idx3-ubyte"), images.Bytes(), 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, split+"-labels-idx1-ubyte"), labels.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// put copies a file or folder over another one.
func put(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.CopyFS(to, os.DirFS(from))
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

func (x swap) encode(source, out string, more ...string) process {
	flags := slices.Concat([]string{"--part-rows", strconv.Itoa((x.rows + parts - 1) / parts)}, x.flags, more)
	return process{args: x.bench.encode(source, out, flags...)}
}

// codes returns the folder of a run over a source that was left alone.
func (x swap) codes(ctx context.Context, source, name string, more ...string) (string, error) {
	dir, err := x.bench.empty(name)
	if err != nil {
		return "", err
	}
	p := x.encode(source, dir+"/", more...)
	return dir, second(x.bench.well(ctx, p))
}

func second[T any](_ T, err error) error { return err }

func isRecord(name string) bool { return strings.HasSuffix(name, ".done") } // sources have names of their own

// judge runs the command on the place, which holds the second source now, and compares what is there.
func (x swap) judge(ctx context.Context, place, second, out string, more ...string) error {
	want, err := x.codes(ctx, second, "second's codes", more...)
	if err != nil {
		return err
	}
	before := x.bench.path("codes before")
	if err := put(strings.TrimSuffix(out, "/"), before); err != nil {
		return err
	}
	o, err := x.bench.do(ctx, x.encode(place, out, more...))
	if err != nil {
		return err
	}
	if o.crashed() || o.hung {
		return o.broken("it died")
	}
	if o.code == 0 {
		before = want
	}
	bad, err := compareTrees(before, strings.TrimSuffix(out, "/"), func(name string) bool {
		return isRecord(name) || o.code != 0 && strings.HasPrefix(filepath.Base(name), ".")
	})
	if err != nil {
		return err
	}
	if bad != "" && o.code == 0 {
		return o.broken("it ends with 0, and the codes are not those of the source as it is: %s", bad)
	}
	return nil
}

func (x swap) afterRun(ctx context.Context, _ *rand.Rand) (int, error) {
	place, _, second, err := x.sources(ctx)
	if err != nil {
		return 0, err
	}
	out, err := x.codes(ctx, place, "codes")
	if err != nil {
		return 0, err
	}
	if err := put(second, place); err != nil {
		return 0, err
	}
	return 1, x.judge(ctx, place, second, out+"/")
}

func (x swap) afterKill(ctx context.Context, rng *rand.Rand) (int, error) {
	place, _, second, err := x.sources(ctx)
	if err != nil {
		return 0, err
	}
	out, err := x.bench.empty("codes")
	if err != nil {
		return 0, err
	}
	if err := x.killed(ctx, rng, place, out+"/"); err != nil {
		return 0, err
	}
	if err := put(second, place); err != nil {
		return 0, err
	}
	return 1, x.judge(ctx, place, second, out+"/")
}

// killed begins a run and kills it once it has a few records.
func (x swap) killed(ctx context.Context, rng *rand.Rand, place, out string, more ...string) error {
	p := x.encode(place, out, more...)
	p.signal, p.moment = syscall.SIGKILL, 1
	few := 1 + rng.IntN(parts/2)
	p.ready = poll(func() bool {
		found, _ := filepath.Glob(filepath.Join(strings.TrimSuffix(out, "/"), "*.done"))
		hidden, _ := filepath.Glob(filepath.Join(filepath.Dir(out), ".*.parts", "*.done"))
		return len(found)+len(hidden) >= few
	})
	o, err := x.bench.do(ctx, p)
	if err == nil && o.code != 0 && o.code != 128+int(syscall.SIGKILL) {
		err = o.broken("it must run until it is killed")
	}
	return err
}

func (x swap) toFile(ctx context.Context, rng *rand.Rand) (int, error) {
	place, _, second, err := x.sources(ctx)
	if err != nil {
		return 0, err
	}
	dir, err := x.bench.empty("file")
	if err != nil {
		return 0, err
	}
	want, got := filepath.Join(dir, "want.npy"), filepath.Join(dir, "codes.npy")
	if _, err := x.bench.well(ctx, x.encode(second, want)); err != nil {
		return 0, err
	}
	if err := x.killed(ctx, rng, place, got); err != nil {
		return 0, err
	}
	if exists(got) { // it was faster than the kill
		return 0, nil
	}
	if err := put(second, place); err != nil {
		return 0, err
	}
	o, err := x.bench.do(ctx, x.encode(place, got))
	if err != nil {
		return 0, err
	}
	if o.code != 0 {
		if o.crashed() || exists(got) {
			return 1, o.broken("it must refuse, or make the file of the new source")
		}
		return 1, nil
	}
	bad, err := sameFile(want, got)
	if err == nil && bad != "" {
		err = o.broken("it ends with 0, and %s", bad)
	}
	return 1, err
}

// oldRecords takes out of records what versions before this one did not write.
func (x swap) oldRecords(ctx context.Context, _ *rand.Rand) (int, error) {
	place, _, second, err := x.sources(ctx)
	if err != nil {
		return 0, err
	}
	out, err := x.codes(ctx, place, "codes")
	if err != nil {
		return 0, err
	}
	records, err := filepath.Glob(filepath.Join(out, "*.done"))
	if err != nil {
		return 0, err
	}
	for _, path := range records {
		data, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		var record map[string]any
		if err := json.Unmarshal(data, &record); err != nil {
			return 0, err
		}
		keep := func(m map[string]any, names string) {
			for name := range m {
				if !slices.Contains(strings.Fields(names), name) {
					delete(m, name)
				}
			}
		}
		keep(record, "part parts first rows file bad size sha256 made")
		if made, ok := record["made"].(map[string]any); ok {
			keep(made, "bundle variant mode codes format text part_rows rows shape dtype bytes split divide rule")
		}
		if data, err = json.Marshal(record); err != nil {
			return 0, err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return 0, err
		}
	}
	if err := put(second, place); err != nil {
		return 0, err
	}
	return 1, x.judge(ctx, place, second, out+"/")
}

func (x swap) otherBackend(ctx context.Context, rng *rand.Rand) (int, error) {
	pure := *x.bench
	if pure.program = filepath.Join(pure.infer.Folder, "infer-purego"); !exists(pure.program) {
		return 0, fmt.Errorf("%s is missing: CGO_ENABLED=0 go build -o infer-purego ./cmd/infer", pure.program)
	}
	place, _, _, err := x.sources(ctx)
	if err != nil {
		return 0, err
	}
	out, err := x.bench.empty("codes")
	if err != nil {
		return 0, err
	}
	if err := x.killed(ctx, rng, place, out+"/", "--codes", "logits"); err != nil {
		return 0, err
	}
	x.bench = &pure
	return 1, x.judge(ctx, place, place, out+"/", "--codes", "logits")
}

func (x swap) whileRead(ctx context.Context, rng *rand.Rand) (int, error) {
	place, _, second, err := x.sources(ctx)
	if err != nil {
		return 0, err
	}
	out, err := x.bench.empty("codes")
	if err != nil {
		return 0, err
	}
	data, err := os.ReadFile(second)
	if err != nil {
		return 0, err
	}
	p := x.encode(place, out+"/")
	p.signal, p.moment = syscall.Signal(0), time.Duration(1+rng.IntN(150))*time.Millisecond
	changed := make(chan error, 1)
	go func() {
		time.Sleep(p.moment)
		file, err := os.OpenFile(place, os.O_WRONLY, 0)
		if err == nil {
			_, err = file.WriteAt(data, 0)
			file.Close()
		}
		changed <- err
	}()
	p.moment = 0
	o, err := x.bench.do(ctx, p)
	if err != nil {
		return 0, err
	}
	if err := <-changed; err != nil {
		return 0, err
	}
	if o.crashed() || o.code == 3 || o.code == 4 {
		return 1, o.broken("a source that changes is no bad data")
	}
	return 1, x.judge(ctx, place, second, out+"/")
}
