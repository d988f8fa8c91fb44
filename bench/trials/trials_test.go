//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A trial that cannot fail says nothing: what compares folders sees each way in which they can differ.
func TestCompareTrees(t *testing.T) {
	t.Parallel()
	tree := func(files map[string]string) string {
		dir := t.TempDir()
		for name, text := range files {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	want := tree(map[string]string{"a": "1", "parts/b": "22"})
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"equal":      {map[string]string{"a": "1", "parts/b": "22"}, ""},
		"missing":    {map[string]string{"a": "1"}, "parts/b is missing"},
		"left over":  {map[string]string{"a": "1", "parts/b": "22", "parts/b.tmp": ""}, "parts/b.tmp is left over"},
		"cut":        {map[string]string{"a": "1", "parts/b": "2"}, "parts/b has other bytes"},
		"other byte": {map[string]string{"a": "2", "parts/b": "22"}, "a has other bytes"},
	} {
		got, err := compareTrees(want, tree(c.files), nil)
		if err != nil || got != filepath.FromSlash(c.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
	}
}

func TestWrongCodes(t *testing.T) {
	t.Parallel()
	write := func(codes ...byte) string {
		path := filepath.Join(t.TempDir(), "codes")
		if err := os.WriteFile(path, codes, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write(1, 2, 3, 4)
	damaged := map[int]int{1: 0}
	for name, c := range map[string]struct {
		got  string
		want int
	}{
		"as it should be":        {write(1, 2, 0, 0), 0},
		"a good row is another":  {write(1, 5, 0, 0), 1},
		"a bad row is not zeros": {write(1, 2, 3, 4), 1},
		"both":                   {write(0, 0, 3, 4), 2},
	} {
		if n, err := wrongCodes(good, c.got, 2, damaged); err != nil || n != c.want {
			t.Errorf("%s: %d wrong codes, %v, want %d", name, n, err, c.want)
		}
	}
	if _, err := wrongCodes(good, write(1, 2), 2, damaged); err == nil {
		t.Error("a file that is cut is no error")
	}
}

// Every trial is described, and in the long form every one is made.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, x := range trials {
		if x.name == "" || x.promise == "" || x.does == "" || x.counts == "" || x.passes == "" || x.cases == nil || x.long == (size{}) {
			t.Errorf("trial %q lacks a name, words, a function or its long size", x.name)
		}
	}
}

// Pieces of a long run add up, a trial of other programs begins anew, and what broke is in the document.
func TestResults(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "results.json")
	piece := func(version string, count, broken int) *results {
		r, err := openResults(path)
		if err != nil {
			t.Fatal(err)
		}
		r.version, r.machine = version, "a machine"
		w := r.way("kills", "train")
		w.Count += count
		w.Tries++
		w.Broken += broken
		if err := r.save(); err != nil {
			t.Fatal(err)
		}
		return r
	}
	piece("1", 30, 0)
	if r := piece("1", 12, 0); !strings.Contains(string(r.document()), "42 kills, 1 ways | kept |") || !strings.Contains(string(r.document()), "Made with 1, on a machine.") {
		t.Errorf("after two pieces the document says\n%s", r.document())
	}
	if r := piece("2", 5, 1); !strings.Contains(string(r.document()), "5 kills, 1 ways | **broken** in 1 of 1 ways |") {
		t.Errorf("with other programs the document says\n%s", r.document())
	}
}

// The document is made from the results of the last long run, and not typed.
func TestDocument(t *testing.T) {
	t.Parallel()
	r, err := openResults("results.json")
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != string(r.document()) {
		t.Error("docs/reliability.md is not what bench/trials/run.sh --results bench/trials/results.json --write docs/reliability.md makes")
	}
}
