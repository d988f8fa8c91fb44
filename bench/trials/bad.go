//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

const badRatio = "0.02" // tolerated; half as many are damaged

// form is a form that rows come in: written whole, and written again with some rows damaged.
type form struct {
	name   string
	source string // file or folder in the work folder
	write  func(b *bench, ctx context.Context, path string, rows int, damaged map[int]int) error
	id     func(row int) string // what bad rows are called; nil where that is their number
}

var forms = []form{
	{name: "PNG", source: "pictures", write: (*bench).writePNGs, id: pictureName},
	{name: "CSV", source: "rows.csv", write: (*bench).writeCSV},
	{name: "NPY", source: "rows.npy", write: (*bench).writeFloats},
}

var badTrial = trial{
	name:    "bad",
	promise: "One bad row changes no other, and is named with its reason.",
	does:    "1 % of PNG, CSV and NPY rows are damaged in four ways each.",
	counts:  "sources",
	passes:  "Passes where every good row has the code that it has among good ones, each bad row is named once, and without --max-bad the exit status is 4 and there is no output.",
	short:   size{rows: 2_000, times: 1},
	long:    size{rows: 100_000, times: 1},
	cases: func(b *bench, _ context.Context, s size) (ways []way, _ error) {
		for _, f := range forms {
			ways = append(ways, way{name: f.name, try: func(ctx context.Context, rng *rand.Rand) (int, error) {
				damaged := map[int]int{} // row -> kind of damage
				for _, row := range rng.Perm(s.rows)[:s.rows/100] {
					damaged[row] = len(damaged) % damages
				}
				return 1, b.badForm(ctx, f, s.rows, damaged)
			}})
		}
		return ways, nil
	},
}

func (b *bench) badForm(ctx context.Context, f form, rows int, damaged map[int]int) error {
	source, want, got := b.path(f.source), b.path("want.raw"), b.path("got.raw")
	names := got + ".bad.jsonl"
	defer b.remove(source, want, got, names)
	if err := f.write(b, ctx, source, rows, nil); err != nil {
		return err
	}
	if _, err := b.well(ctx, process{args: b.encode(source, want)}); err != nil {
		return err
	}
	if err := f.write(b, ctx, source, rows, damaged); err != nil {
		return err
	}
	strict, err := b.do(ctx, process{args: b.encode(source, got)})
	if err != nil {
		return err
	}
	if strict.code != 4 || exists(got) {
		return strict.broken("bad rows without --max-bad must end with 4 and no output")
	}
	if err := b.remove(got, names); err != nil {
		return err
	}
	lenient, err := b.do(ctx, process{args: append(b.encode(source, got), "--max-bad", badRatio)})
	if err != nil {
		return err
	}
	if lenient.code != 3 {
		return lenient.broken("with --max-bad %s the exit status must be 3", badRatio)
	}
	wrong, err := wrongCodes(want, got, rows, damaged)
	if err != nil {
		return err
	}
	named, err := namedRows(names, f, damaged)
	if err != nil {
		return broken("%v; %s", err, lenient)
	}
	if wrong > 0 || named != len(damaged) {
		return lenient.broken("%d rows have other codes than they should; %d of %d bad rows are named", wrong, named, len(damaged))
	}
	return nil
}

// wrongCodes counts the rows whose codes differ from those of good input, or from zero where they are damaged.
func wrongCodes(want, got string, rows int, damaged map[int]int) (int, error) {
	good, err := os.ReadFile(want) // some MB
	if err != nil {
		return 0, err
	}
	theirs, err := os.ReadFile(got)
	if err != nil {
		return 0, err
	}
	if len(good) != len(theirs) || len(good) == 0 || len(good)%rows != 0 {
		return 0, fmt.Errorf("%d bytes of codes where good rows have %d", len(theirs), len(good))
	}
	width, wrong := len(good)/rows, 0
	for row := range rows {
		code := good[row*width:][:width]
		if _, ok := damaged[row]; ok {
			code = make([]byte, width)
		}
		if !bytes.Equal(code, theirs[row*width:][:width]) {
			wrong++
		}
	}
	return wrong, nil
}

// namedRows counts the damaged rows that the file names, once each and with a reason. Any other line is an error.
func namedRows(path string, f form, damaged map[int]int) (int, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	seen := map[int]bool{}
	for lines := json.NewDecoder(bufio.NewReader(file)); ; {
		var l struct {
			Row    int
			ID     any
			Reason string
		}
		if err := lines.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, err
		}
		if _, ok := damaged[l.Row]; !ok || seen[l.Row] || l.Reason == "" {
			return 0, fmt.Errorf("%s names row %d, for %q", filepath.Base(path), l.Row, l.Reason)
		}
		if f.id != nil {
			if name, _ := l.ID.(string); filepath.Base(name) != f.id(l.Row) {
				return 0, fmt.Errorf("row %d is called %v, its file is %s", l.Row, l.ID, f.id(l.Row))
			}
		}
		seen[l.Row] = true
	}
	return len(seen), nil
}
