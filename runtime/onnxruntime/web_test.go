//go:build unix

package onnxruntime

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/runtime/backend"
)

// pinWeb makes two short texts the pinned files, and puts an npm on PATH that brings them. It returns the folder of the cache and a file that gets a
// line each time npm is run.
func pinWeb(t *testing.T) (cache, runs string) {
	t.Helper()
	alone(t)
	script, wasm := webScript, webWasm
	t.Cleanup(func() { webScript, webWasm = script, wasm })
	webScript.pin, webWasm.pin = pinOf([]byte("script")), pinOf([]byte("wasm"))
	dir := realDir(t)
	runs = filepath.Join(dir, "runs")
	var archive bytes.Buffer
	z := gzip.NewWriter(&archive)
	w := tar.NewWriter(z)
	for _, f := range []struct{ name, data string }{{"package/dist/other.mjs", "other"}, {"package/dist/" + webScript.name, "script"}, {"package/dist/" + webWasm.name, "wasm"}} {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(f.data))}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(f.data))
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	packed := put(t, filepath.Join(dir, "onnxruntime-web-"+WebVersion+".tgz"), archive.Bytes())
	npm := put(t, filepath.Join(dir, "bin", "npm"), fmt.Appendf(nil, "#!/bin/sh\necho \"$@\" >>'%s'\ncp '%s' .\n", runs, packed))
	if err := os.Chmod(npm, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(npm)+":/usr/bin:/bin")
	t.Setenv(NoDownload, "")
	cache, err := webCache()
	if err != nil {
		t.Fatal(err)
	}
	return cache, runs
}

func fetched(t *testing.T, runs string) int {
	t.Helper()
	data, err := os.ReadFile(runs)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if strings.Count(string(data), "pack onnxruntime-web@"+WebVersion+" ") != strings.Count(string(data), "\n") {
		t.Errorf("npm was run with %s", data)
	}
	return strings.Count(string(data), "\n")
}

// onnxruntime-web is fetched once; what is damaged in the cache is fetched again; nothing is left of a download.
func TestEnsureWeb(t *testing.T) {
	cache, runs := pinWeb(t)
	for i, damage := range []func() error{
		func() error { return nil },
		func() error { return nil },
		func() error { return os.WriteFile(filepath.Join(cache, webWasm.name), []byte("wasn"), 0o644) },
		func() error { return os.Remove(filepath.Join(cache, webScript.name)) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		w, err := EnsureWeb(t.Context(), InstallOptions{})
		if err != nil || string(w.Script) != "script" || string(w.Wasm) != "wasm" || !w.Pinned {
			t.Fatalf("%+v, %v", w, err)
		}
		if want := []int{1, 1, 2, 3}[i]; fetched(t, runs) != want {
			t.Errorf("after %d calls npm was run %d times, want %d", i+1, fetched(t, runs), want)
		}
	}
	if left := leftovers(cache); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}

// Files that are not the pinned ones are not taken; a download that is forbidden or fails says what to do.
func TestEnsureWebRefuses(t *testing.T) {
	cache, runs := pinWeb(t)
	webWasm.pin = pinOf([]byte("wasn"))
	if _, err := EnsureWeb(t.Context(), InstallOptions{}); !errors.Is(err, backend.ErrLibrary) || !strings.Contains(err.Error(), "pinned") {
		t.Errorf("another file: %v", err)
	}
	if _, err := os.Stat(filepath.Join(cache, webWasm.name)); !os.IsNotExist(err) {
		t.Errorf("it is in the cache: %v", err)
	}
	t.Setenv(NoDownload, "1")
	before := fetched(t, runs)
	if _, err := EnsureWeb(t.Context(), InstallOptions{}); !errors.Is(err, backend.ErrLibrary) || !strings.Contains(err.Error(), NoDownload) || !strings.Contains(err.Error(), "npm install") {
		t.Errorf("a forbidden download: %v", err)
	}
	if fetched(t, runs) != before {
		t.Error("npm was run although downloads are forbidden")
	}
	t.Setenv(NoDownload, "")
	t.Setenv("PATH", "/nowhere")
	if _, err := EnsureWeb(t.Context(), InstallOptions{}); !errors.Is(err, backend.ErrLibrary) || !strings.Contains(err.Error(), "npm is not on PATH") {
		t.Errorf("without npm: %v", err)
	}
}

// A folder is found as npm leaves it; another version is taken, and is not pinned.
func TestOpenWeb(t *testing.T) {
	pinWeb(t)
	for _, below := range []string{"", "dist", "onnxruntime-web/dist", "node_modules/onnxruntime-web/dist"} {
		dir := t.TempDir()
		if _, err := OpenWeb(dir); !errors.Is(err, backend.ErrLibrary) || !strings.Contains(err.Error(), webScript.name) {
			t.Errorf("an empty folder: %v", err)
		}
		put(t, filepath.Join(dir, below, webScript.name), []byte("script"))
		if _, err := OpenWeb(dir); err == nil || !strings.Contains(err.Error(), webWasm.name) {
			t.Errorf("%s: without the wasm: %v", below, err)
		}
		put(t, filepath.Join(dir, below, webWasm.name), []byte("wasm"))
		if w, err := OpenWeb(dir); err != nil || !w.Pinned {
			t.Errorf("%s: %+v, %v", below, w, err)
		}
		put(t, filepath.Join(dir, below, webWasm.name), []byte("newer"))
		if w, err := OpenWeb(dir); err != nil || w.Pinned || string(w.Wasm) != "newer" {
			t.Errorf("%s, another version: %+v, %v", below, w, err)
		}
	}
}
