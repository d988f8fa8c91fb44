//go:build unix

package onnxruntime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/runtime/backend"
)

// pinFake makes a library that is not onnxruntime the pinned one, and puts a pip on PATH that brings it, in a wheel. It returns
// the library's bytes and a file that gets a line each time pip is run.
func pinFake(t *testing.T) (library []byte, runs string) {
	t.Helper()
	library = append(fakeLibrary(t), "pinned"...)
	key := goruntime.GOOS + "/" + goruntime.GOARCH
	p, ok := platforms[key]
	if !ok {
		t.Skip("there is no onnxruntime for " + key)
	}
	fake := p
	fake.wheel = pinOf(library)
	fake.npm = pin{1, strings.Repeat("0", 64)}
	platforms[key] = fake
	t.Cleanup(func() { platforms[key] = p })
	dir := realDir(t)
	runs = filepath.Join(dir, "runs")
	wheel := zipOf(t, filepath.Join(dir, "onnxruntime-"+Version+"-cp311.whl"), "onnxruntime/capi/"+p.fileName, bytes.NewReader(library))
	script := fmt.Sprintf("#!/bin/sh\necho run >>'%s'\ncp '%s' .\n", runs, wheel)
	bin := filepath.Join(dir, "bin")
	if err := os.Chmod(put(t, filepath.Join(bin, "pip3"), []byte(script)), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	for _, python := range []string{"python3", "python"} { // which have no pip
		if err := os.Chmod(put(t, filepath.Join(bin, python), []byte("#!/bin/sh\nexit 1\n")), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(NoDownload, "")
	return library, runs
}

// A library in the cache that is not a pinned one is passed over, and replaced by the next install.
func TestDamagedCache(t *testing.T) {
	cache := alone(t)
	library, runs := pinFake(t)
	path := filepath.Join(cache, platforms[goruntime.GOOS+"/"+goruntime.GOARCH].fileName)
	flipped := bytes.Clone(library)
	flipped[len(flipped)-1] ^= 1
	write := func(data []byte) func() error { return func() error { return os.WriteFile(path, data, 0o755) } }
	for name, damage := range map[string]func() error{
		"cut short":          write(library[:100]),
		"empty":              write(nil),
		"one bit":            write(flipped),
		"longer":             write(append(bytes.Clone(library), 0)),
		"text":               write([]byte("not found")),
		"a folder":           func() error { return os.MkdirAll(filepath.Join(path, "full"), 0o755) },
		"a FIFO":             func() error { return syscall.Mkfifo(path, 0o644) },
		"a dangling link":    func() error { return os.Symlink("nowhere", path) },
		"a link to itself":   func() error { return os.Symlink(path, path) },
		"a link to a device": func() error { return os.Symlink("/dev/zero", path) },
		"unreadable":         func() error { return errors.Join(os.WriteFile(path, library[:200], 0o755), os.Chmod(path, 0)) },
		"writable by all":    func() error { return errors.Join(os.WriteFile(path, library, 0o755), os.Chmod(path, 0o777)) },
	} {
		if err := errors.Join(os.RemoveAll(path), damage()); err != nil {
			t.Fatal(err)
		}
		if lib, places, err := FindLibrary(t.Context()); !errors.Is(err, backend.ErrLibrary) || !strings.Contains(err.Error(), "--install") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: found %+v (%v)", name, lib, err)
		} else if d := (Diagnosis{Places: places}); !d.damaged() {
			t.Errorf("%s: the diagnosis does not see it: %+v", name, places)
		}
		if lib, err := EnsureLibrary(t.Context(), InstallOptions{}); err != nil || lib.Path != path || !lib.Pinned {
			t.Fatalf("%s: installed %+v, %v", name, lib, err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, library) {
			t.Errorf("%s: %d bytes are installed, %v", name, len(got), err)
		}
		if lib, _, err := FindLibrary(t.Context(), WithPinnedOnly(true)); err != nil || lib.Path != path || !lib.Pinned || lib.Version != Version {
			t.Errorf("%s: then found %+v, %v", name, lib, err)
		}
		if left := matching(cache, downloads+"*"); len(left) > 0 {
			t.Errorf("%s: %v are left", name, left)
		}
	}
	before, _ := os.ReadFile(runs)
	if _, err := Install(t.Context(), InstallOptions{}); err != nil {
		t.Error(err)
	}
	if after, _ := os.ReadFile(runs); !bytes.Equal(before, after) {
		t.Error("a library that is installed is fetched again")
	}
	// A file that is named gets no other treatment where it lies in the cache.
	if err := write(flipped)(); err != nil {
		t.Fatal(err)
	}
	if lib, _, err := FindLibrary(t.Context(), WithLibrary(path)); !errors.Is(err, errDamaged) || !errors.Is(err, backend.ErrLibrary) {
		t.Errorf("named: %+v, %v", lib, err)
	}
}

// Only those libraries are found whose SHA-256 is known, where that is asked for, by option or by variable.
func TestPinnedOnly(t *testing.T) {
	alone(t)
	library, _ := pinFake(t)
	t.Setenv("PATH", "")
	dir := realDir(t)
	path := put(t, filepath.Join(dir, libraryName()), fakeLibrary(t))
	t.Setenv("LD_LIBRARY_PATH", dir)
	if lib, _, err := FindLibrary(t.Context()); err != nil || lib.Path != path || lib.Pinned {
		t.Errorf("%+v, %v", lib, err)
	}
	for _, opts := range [][]Option{{WithPinnedOnly(true)}, {WithPinnedOnly(true), WithLibrary(path)}} {
		if lib, _, err := FindLibrary(t.Context(), opts...); !errors.Is(err, backend.ErrLibrary) || !strings.Contains(err.Error(), "SHA-256") {
			t.Errorf("%+v, %v", lib, err)
		}
	}
	if d := Diagnose(t.Context(), WithPinnedOnly(true)); d.Remedy != "catvae doctor --install --pinned-only" {
		t.Errorf("the remedy is %q", d.Remedy)
	}
	t.Setenv(PinnedOnly, "1")
	if lib, _, err := FindLibrary(t.Context(), WithPinnedOnly(false)); !errors.Is(err, backend.ErrLibrary) {
		t.Errorf("by the variable: %+v, %v", lib, err)
	}
	put(t, path, library)
	if lib, _, err := FindLibrary(t.Context()); err != nil || lib.Path != path || !lib.Pinned {
		t.Errorf("a pinned one: %+v, %v", lib, err)
	}
}

// What killed installs left is removed, unless an install is at work.
func TestSweep(t *testing.T) {
	cache := alone(t)
	_, _ = pinFake(t)
	left := filepath.Join(cache, downloads+"123", "half")
	put(t, left, []byte("half"))
	lock, err := atomicfile.TryLock(filepath.Join(cache, lockFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := Sweep(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(left); err != nil {
		t.Errorf("an install at work lost its files: %v", err)
	}
	waiting, cancel := context.WithCancel(t.Context())
	go cancel()
	if _, err := Install(waiting, InstallOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("an install that waits: %v", err)
	}
	lock.Release()
	if err := Sweep(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(left)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it stays: %v", err)
	}
	put(t, left, []byte("half"))
	if _, err := Install(t.Context(), InstallOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(left)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it stays after an install: %v", err)
	}
}

// Where nothing can be installed, the error says so and lets callers go on without onnxruntime.
func TestNowhereToInstall(t *testing.T) {
	for name, set := range map[string]func(t *testing.T, home string){
		"no home":                  func(t *testing.T, _ string) { t.Setenv("HOME", "") },
		"a home that is not there": func(t *testing.T, home string) { t.Setenv("HOME", filepath.Join(home, "none")) },
		"a relative home":          func(t *testing.T, home string) { t.Chdir(home); t.Setenv("HOME", ".") },
		"a home that is a file":    func(t *testing.T, home string) { t.Setenv("HOME", put(t, filepath.Join(home, "file"), nil)) },
		"a relative cache":         func(t *testing.T, home string) { t.Chdir(home); t.Setenv("XDG_CACHE_HOME", "cache") },
		"a cache that is a file":   func(t *testing.T, home string) { t.Setenv("XDG_CACHE_HOME", put(t, filepath.Join(home, "file"), nil)) },
		"a system's folder":        func(t *testing.T, home string) { t.Setenv("XDG_CACHE_HOME", "/proc") },
		"others write the cache": func(t *testing.T, home string) {
			cache := filepath.Join(home, "open")
			t.Setenv("XDG_CACHE_HOME", cache)
			if err := errors.Join(os.Mkdir(cache, 0o777), os.Chmod(cache, 0o777)); err != nil {
				t.Fatal(err)
			}
		},
		"a lock that is a FIFO": func(t *testing.T, home string) {
			dir := filepath.Join(home, ".cache/catvae/onnxruntime", Version)
			if err := errors.Join(os.MkdirAll(dir, 0o755), syscall.Mkfifo(filepath.Join(dir, "install.lock"), 0o600)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t)
			_, runs := pinFake(t)
			home := realDir(t)
			t.Setenv("XDG_CACHE_HOME", "")
			t.Setenv("HOME", home)
			set(t, home)
			if lib, err := EnsureLibrary(t.Context(), InstallOptions{}); !errors.Is(err, backend.ErrLibrary) {
				t.Errorf("%+v, %v", lib, err)
			}
			if ran, _ := os.ReadFile(runs); len(ran) > 0 {
				t.Error("pip was run")
			}
			if _, err := os.Stat(filepath.Join(home, "none")); err == nil {
				t.Error("a home was made")
			}
		})
	}
}
