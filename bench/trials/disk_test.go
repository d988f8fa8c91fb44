//go:build unix

package main

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A disk that loses nothing proves nothing: each thing that was not synced is lost for some seed and kept for another, and what was
// synced is never lost.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	const (
		create     = "1 openat(AT_FDCWD</>, \"DIR/.tmp-x\", O_RDWR|O_CREAT|O_EXCL, 0600) = 3<DIR/.tmp-x>"
		write      = "1 write(3<DIR/.tmp-x>, \"\"..., 4) = 4"
		syncFile   = "1 fsync(3<DIR/.tmp-x> <unfinished ...>\n2 write(2</dev/null>, \"\"..., 4) = 4\n1 <... fsync resumed>)              = 0"
		rename     = "1 renameat(AT_FDCWD</>, \"DIR/.tmp-x\", AT_FDCWD</>, \"DIR/x\") = 0"
		syncFolder = "1 fsync(4<DIR>) = 0"
	)
	for name, c := range map[string]struct {
		trace []string
		want  []string // all that may be left: names and contents
	}{
		"nothing synced":       {[]string{create, write, rename}, []string{"x=new!", "x=cut", "x=old", ".tmp-x=new! x=old", ".tmp-x=cut x=old"}},
		"folder not synced":    {[]string{create, write, syncFile, rename}, []string{"x=new!", "x=old", ".tmp-x=new! x=old"}},
		"file not synced":      {[]string{create, write, rename, syncFolder}, []string{"x=new!", "x=cut"}},
		"all synced":           {[]string{create, write, syncFile, rename, syncFolder}, []string{"x=new!"}},
		"synced before rename": {[]string{create, write, syncFile, syncFolder, rename}, []string{"x=new!", ".tmp-x=new! x=old"}},
		"written after sync":   {[]string{create, syncFile, write, rename, syncFolder}, []string{"x=new!", "x=cut"}},
		"sync that failed":     {[]string{create, write, "1 fsync(3<DIR/.tmp-x>) = -1 EIO (Input/output error)", rename, syncFolder}, []string{"x=new!", "x=cut"}},
	} {
		seen := map[string]bool{}
		for seed := range uint64(60) {
			base := t.TempDir()
			dir := filepath.Join(base, "out")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "x"), []byte("old"), 0o644); err != nil {
				t.Fatal(err)
			}
			d, err := newDisk(dir, filepath.Join(base, "kept"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, ".tmp-x"), []byte("new!"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := readTrace(strings.NewReader(strings.ReplaceAll(strings.Join(c.trace, "\n"), "DIR", dir)), func(e syscallEvent) { d.see(e) }); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(dir, ".tmp-x"), filepath.Join(dir, "x")); err != nil {
				t.Fatal(err)
			}
			if err := d.check(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if _, err := d.cut(rand.New(rand.NewPCG(seed, 0))); err != nil {
				t.Fatal(err)
			}
			var left []string
			names, err := files(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range names {
				data, err := os.ReadFile(filepath.Join(dir, n))
				if err != nil {
					t.Fatal(err)
				}
				text := string(data)
				if text != "new!" && text != "old" {
					text = "cut"
				}
				left = append(left, n+"="+text)
			}
			seen[strings.Join(left, " ")] = true
		}
		got := slices.Sorted(maps.Keys(seen))
		for _, s := range got {
			if !slices.Contains(c.want, s) {
				t.Errorf("%s: %q may be left; want one of %q", name, s, c.want)
			}
		}
		if len(c.want) > 1 && len(got) < 2 {
			t.Errorf("%s: only %q is ever left; want some of %q", name, got, c.want)
		}
	}
}

// Names that change places do so together.
func TestExchange(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for seed := range uint64(40) {
		base := t.TempDir()
		dir := filepath.Join(base, "out")
		for _, name := range []string{"a", "b"} {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name, "in-"+name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		d, err := newDisk(dir, filepath.Join(base, "kept"))
		if err != nil {
			t.Fatal(err)
		}
		trace := strings.ReplaceAll("1 renameat2(AT_FDCWD</>, \"DIR/a\", AT_FDCWD</>, \"DIR/b\", RENAME_EXCHANGE) = 0\n", "DIR", dir)
		if err := readTrace(strings.NewReader(trace), func(e syscallEvent) { d.see(e) }); err != nil {
			t.Fatal(err)
		}
		if _, err := d.cut(rand.New(rand.NewPCG(seed, 0))); err != nil {
			t.Fatal(err)
		}
		names, err := files(dir)
		if err != nil {
			t.Fatal(err)
		}
		seen[strings.Join(names, " ")] = true
	}
	if got, want := slices.Sorted(maps.Keys(seen)), []string{"a/in-a b/in-b", "a/in-b b/in-a"}; !slices.Equal(got, want) {
		t.Errorf("%q may be left, want %q", got, want)
	}
}

func TestSplitArgs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`AT_FDCWD</a b, c>, "x, \" y", O_RDWR|O_CREAT, 0600`: {`AT_FDCWD</a b, c>`, `"x, \" y"`, "O_RDWR|O_CREAT", "0600"},
		`8</tmp/x>, ""..., 400`:                              {"8</tmp/x>", `""...`, "400"},
		``:                                                   nil,
	} {
		if got := splitArgs(text); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
