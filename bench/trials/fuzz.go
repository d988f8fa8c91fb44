//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// fuzzPiece is how long a target is fuzzed at a time, in seconds: what a run that is cut off loses at most.
const fuzzPiece = 60

var fuzzTrial = trial{
	name:    "fuzz",
	promise: "No input makes a reader, a checker or an evaluator panic, hang, or disagree with the others.",
	does:    "Every fuzz target of the module, found by go test -list, for 5 minutes each.",
	counts:  "seconds",
	passes:  "Passes where none fails.",
	long:    size{times: 300},
	cases:   (*bench).fuzzWays,
}

// A fuzzTarget is a fuzz target of the module.
type fuzzTarget struct{ pkg, dir, name string }

func (b *bench) fuzzWays(ctx context.Context, _ size) (ways []way, err error) {
	list, err := b.well(ctx, process{args: []string{"go", "test", "-list", "^Fuzz", "./..."}, dir: b.Source, limit: longLimit})
	if err != nil {
		return nil, err
	}
	var names []string // of the package whose line comes next
	for line := range strings.Lines(string(list.stdout)) {
		switch fields := strings.Fields(line); {
		case strings.HasPrefix(line, "Fuzz"):
			names = append(names, fields[0])
		case strings.HasPrefix(line, "ok") && len(fields) > 1:
			for _, name := range names {
				dir, err := b.well(ctx, process{args: []string{"go", "list", "-f", "{{.Dir}}", fields[1]}, dir: b.Source})
				if err != nil {
					return nil, err
				}
				t := fuzzTarget{fields[1], strings.TrimSpace(string(dir.stdout)), name}
				ways = append(ways, way{name: t.pkg + " " + t.name, try: func(ctx context.Context, _ *rand.Rand) (int, error) { return b.fuzz(ctx, t) }})
			}
			names = nil
		}
	}
	return ways, nil
}

// fuzzer returns the program that fuzzes a package's targets, and the folder of what they found worth keeping. It is built once.
func (b *bench) fuzzer(ctx context.Context, t fuzzTarget) (program, corpus string, err error) {
	dir := filepath.Join(b.Work, "fuzz", filepath.FromSlash(t.pkg))
	program, corpus = filepath.Join(dir, "fuzz.test"), filepath.Join(dir, t.name)
	if _, err := os.Stat(program); err == nil {
		return program, corpus, nil
	}
	_, err = b.well(ctx, process{args: []string{"go", "test", "-c", "-fuzz", "^" + t.name + "$", "-o", program, t.pkg}, dir: b.Source, limit: longLimit})
	return program, corpus, err
}

func (b *bench) fuzz(ctx context.Context, t fuzzTarget) (int, error) {
	program, corpus, err := b.fuzzer(ctx, t)
	if err != nil {
		return 0, err
	}
	o, err := b.do(ctx, process{
		args: []string{program, "-test.run", "^$", "-test.fuzz", "^" + t.name + "$", "-test.fuzztime", fmt.Sprintf("%ds", fuzzPiece), "-test.fuzzcachedir", corpus, "-test.parallel", "2"},
		dir:  t.dir, limit: fuzzPiece*time.Second + 10*time.Minute,
	})
	if err != nil {
		return 0, err
	}
	if o.code != 0 {
		reason := o.stdout
		if i := bytes.Index(reason, []byte("--- FAIL")); i >= 0 {
			reason = reason[i:]
		}
		return fuzzPiece, o.broken("%.300s", strings.Join(strings.Fields(string(reason)), " "))
	}
	return fuzzPiece, nil
}
