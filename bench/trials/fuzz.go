//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
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

func (b *bench) fuzzWays(ctx context.Context, _ size) (ways []way, err error) {
	packages, err := b.well(ctx, process{args: []string{"go", "list", "./..."}, dir: b.Source})
	if err != nil {
		return nil, err
	}
	for pkg := range strings.FieldsSeq(string(packages.stdout)) {
		if has, err := b.do(ctx, process{args: []string{"go", "list", "-f", "{{len .TestGoFiles}}{{len .XTestGoFiles}}", pkg}, dir: b.Source}); err != nil || strings.TrimSpace(string(has.stdout)) == "00" {
			if err != nil {
				return nil, err
			}
			continue
		}
		list, err := b.well(ctx, process{args: []string{"go", "test", "-list", "^Fuzz", pkg}, dir: b.Source, limit: longLimit})
		if err != nil {
			return nil, err
		}
		for target := range strings.FieldsSeq(string(list.stdout)) {
			if strings.HasPrefix(target, "Fuzz") {
				ways = append(ways, way{name: pkg + " " + target, try: func(ctx context.Context, _ *rand.Rand) (int, error) { return b.fuzz(ctx, pkg, target) }})
			}
		}
	}
	return ways, nil
}

func (b *bench) fuzz(ctx context.Context, pkg, target string) (int, error) {
	o, err := b.do(ctx, process{
		args: []string{"go", "test", "-run", "^$", "-fuzz", "^" + target + "$", "-fuzztime", fmt.Sprintf("%ds", fuzzPiece), "-parallel", "2", pkg},
		dir:  b.Source, limit: fuzzPiece*time.Second + 10*time.Minute,
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
