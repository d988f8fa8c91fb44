//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/atomicfile"
)

// results are what trials found, as a file: pieces of a long run add to it. A trial that was made with other programs, or on
// another kind of machine, begins anew.
type results struct {
	Trials map[string]*found `json:"trials"`

	path    string // "" keeps them in memory
	version string // of the programs now
	machine string // this one
}

// found is what a trial found.
type found struct {
	Version string                `json:"version"`
	Machine string                `json:"machine"`
	Skipped string                `json:"skipped,omitempty"` // why
	Ways    map[string]*wayResult `json:"ways"`
}

// wayResult is what one way of a trial found.
type wayResult struct {
	Count  int      `json:"count"` // things that were done
	Tries  int      `json:"tries"`
	Broken int      `json:"broken,omitempty"` // tries
	Notes  []string `json:"notes,omitempty"`  // what broke; or a figure
}

func openResults(path string) (*results, error) {
	r := &results{path: path, Trials: map[string]*found{}}
	if path == "" {
		return r, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(data, r)
	}
	return r, err
}

// identify notes which programs are tried, and where.
func (r *results) identify(ctx context.Context, b *bench) error {
	o, err := b.well(ctx, process{args: b.inferArgs("--version")})
	if err != nil {
		return err
	}
	version, _, _ := strings.Cut(string(o.stdout), ",")
	hash := sha256.New()
	for _, name := range []string{"infer", "catvae"} {
		data, err := os.ReadFile(filepath.Join(b.infer.Folder, name))
		if err != nil {
			return err
		}
		hash.Write(data)
	}
	r.version = fmt.Sprintf("%s, programs %.4x", strings.TrimSpace(version), hash.Sum(nil))
	r.machine = fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				r.machine += ", " + strings.TrimSpace(strings.TrimLeft(name, "\t :"))
				break
			}
		}
	}
	return nil
}

// of returns what a trial found with these programs.
func (r *results) of(trial string) *found {
	f := r.Trials[trial]
	if f == nil || f.Version != r.version || f.Machine != r.machine {
		f = &found{Version: r.version, Machine: r.machine, Ways: map[string]*wayResult{}}
		r.Trials[trial] = f
	}
	return f
}

func (r *results) way(trial, name string) *wayResult {
	ways := r.of(trial).Ways
	if ways[name] == nil {
		ways[name] = &wayResult{}
	}
	return ways[name]
}

func (r *results) skip(trial, why string) { r.of(trial).Skipped = why }

// skipWay says why a way could not be tried here.
func (r *results) skipWay(trial, way, why string) {
	fmt.Printf("  %s/%s: %s\n", trial, way, why)
	r.way(trial, way).note(why)
}

func (w *wayResult) note(text string) {
	if len(w.Notes) < 5 {
		w.Notes = append(w.Notes, text)
	}
}

// save writes the file whole, so that stopping at any time loses one try at most.
func (r *results) save() error {
	if r.path == "" {
		return nil
	}
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(r.path, 0o644, append(data, '\n'))
}

// broken is the number of ways that broke the promise.
func (f *found) broken() (n int) {
	for _, w := range f.Ways {
		if w.Broken > 0 {
			n++
		}
	}
	return n
}

func (f *found) count() (n int) {
	for _, w := range f.Ways {
		n += w.Count
	}
	return n
}

// summary says what was counted, and the ways that broke the promise.
func (f *found) summary(counts string) string {
	var names []string
	for name, w := range f.Ways {
		if w.Broken > 0 {
			names = append(names, fmt.Sprintf("%s (%d of %d tries)", name, w.Broken, w.Tries))
		}
	}
	slices.Sort(names)
	ways := "one way"
	if len(f.Ways) != 1 {
		ways = fmt.Sprintf("%d ways", len(f.Ways))
	}
	s := fmt.Sprintf("%d %s in %s.", f.count(), counts, ways)
	if len(names) > 0 {
		s += fmt.Sprintf(" Broken in %d: %s.", len(names), strings.Join(names[:min(len(names), 6)], ", "))
	}
	return s
}

//go:embed introduction.txt
var introduction string

// document returns docs/reliability.md.
func (r *results) document() []byte {
	var s bytes.Buffer
	s.WriteString(introduction)
	s.WriteString("\n| promise | trial | what is done | count | result |\n| --- | --- | --- | --- | --- |\n")
	var made []string
	for _, t := range trials {
		f := r.Trials[t.name]
		count, result := "-", "not made yet"
		switch {
		case f == nil:
		case f.Skipped != "" && len(f.Ways) == 0:
			result = f.Skipped
		default:
			count = fmt.Sprintf("%d %s, %d ways", f.count(), t.counts, len(f.Ways))
			result = "kept"
			if n := f.broken(); n > 0 {
				result = fmt.Sprintf("**broken** in %d of %d ways", n, len(f.Ways))
			}
			if by := fmt.Sprintf("%s, on %s", f.Version, f.Machine); !slices.Contains(made, by) {
				made = append(made, by)
			}
		}
		fmt.Fprintf(&s, "| %s | `%s` | %s %s | %s | %s |\n", t.promise, t.name, t.does, t.passes, count, result)
	}
	if len(made) > 0 {
		fmt.Fprintf(&s, "\nMade with %s.\n", strings.Join(made, "; and with "))
	}
	return s.Bytes()
}
