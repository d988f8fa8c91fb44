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

	"github.com/catvae/catvae/bench/internal/commands"
)

const badRatio = "0.02" // tolerated; half as many are damaged

// form is a form that rows come in: written whole, and written again with some rows damaged.
type form struct {
	name   string
	source string // file or folder in the work folder
	flags  []string
	write  func(b *bench, ctx context.Context, path string, rows int, damaged map[int]int) error
	id     func(row int) string // what bad rows are called; nil where that is their number
}

var forms = []form{
	{name: "PNG", source: "pictures", write: (*bench).writePNGs, id: pictureName},
	{name: "CSV", source: "rows.csv", write: (*bench).writeCSV, flags: []string{"--divide", "255"}},
	{name: "NPY", source: "rows.npy", write: (*bench).writeFloats},
}

// bad damages one row in a hundred of each form. Every good row must have the code that it has among good ones, and every
// bad one be named with a reason.
func (b *bench) bad(ctx context.Context, s size) error {
	rng := rand.New(rand.NewPCG(b.Seed, 1))
	damaged := map[int]int{} // row -> kind of damage
	for _, row := range rng.Perm(s.rows)[:s.rows/100] {
		damaged[row] = len(damaged) % damages
	}
	for _, f := range forms {
		if err := b.badForm(ctx, f, s.rows, damaged); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil { // the other forms are tried all the same
			b.promise(false, "%s: %v", f.name, err)
		}
	}
	return nil
}

func (b *bench) badForm(ctx context.Context, f form, rows int, damaged map[int]int) error {
	source, want, got := b.path(f.source), b.path("want.raw"), b.path("got.raw")
	names := got + ".bad.jsonl"
	defer b.remove(source, want, got, names)
	fmt.Fprintf(os.Stderr, "%s: writing and encoding good rows, then damaged ones\n", f.name)
	if err := f.write(b, ctx, source, rows, nil); err != nil {
		return err
	}
	if _, err := b.infer.Infer(ctx, b.infer.Encode(source, want, f.flags...)...); err != nil {
		return err
	}
	if err := f.write(b, ctx, source, rows, damaged); err != nil {
		return err
	}
	strict, _ := b.infer.Infer(ctx, b.infer.Encode(source, got, f.flags...)...)
	_, missing := os.Stat(got)
	b.promise(strict.Code == 4 && missing != nil, "%s without --max-bad: exit status %d, no output; %s", f.name, strict.Code, commands.LastLine(strict.Stderr))
	if err := b.remove(got, names); err != nil {
		return err
	}
	lenient, _ := b.infer.Infer(ctx, append(b.infer.Encode(source, got, f.flags...), "--max-bad", badRatio)...)
	if lenient.Code != 3 {
		return fmt.Errorf("with --max-bad %s: exit status %d; %s", badRatio, lenient.Code, commands.LastLine(lenient.Stderr))
	}
	wrong, err := wrongCodes(want, got, rows, damaged)
	if err != nil {
		return err
	}
	named, err := namedRows(names, f, damaged)
	if err != nil {
		return err
	}
	b.promise(wrong == 0 && named == len(damaged), "%s with --max-bad %s: exit status 3; %d rows have other codes than they should; %d of %d bad rows are named with a reason",
		f.name, badRatio, wrong, named, len(damaged))
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
	reasons := map[int]string{} // an example of each kind of damage
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
		kind, ok := damaged[l.Row]
		if !ok || seen[l.Row] || l.Reason == "" {
			return 0, fmt.Errorf("%s names row %d, for %q", filepath.Base(path), l.Row, l.Reason)
		}
		if f.id != nil {
			if name, _ := l.ID.(string); filepath.Base(name) != f.id(l.Row) {
				return 0, fmt.Errorf("row %d is called %v, its file is %s", l.Row, l.ID, f.id(l.Row))
			}
		}
		seen[l.Row], reasons[kind] = true, l.Reason
	}
	for kind := range damages {
		fmt.Fprintf(os.Stderr, "%s: %s\n", f.name, reasons[kind])
	}
	return len(seen), nil
}
