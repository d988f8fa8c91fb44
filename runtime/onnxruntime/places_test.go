package onnxruntime

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/runtime/backend"
)

// The places are looked in, in order; one that is named must be there.
func TestFindLibrary(t *testing.T) {
	alone(t)
	dir := realDir(t)
	named := filepath.Join(dir, libraryName())
	if _, _, err := FindLibrary(t.Context(), WithLibrary(named)); !errors.Is(err, backend.ErrLibrary) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	put(t, named, []byte("not really"))
	if _, _, err := FindLibrary(t.Context(), WithLibrary(named)); !errors.Is(err, backend.ErrLibrary) || !strings.Contains(err.Error(), "no shared library") {
		t.Errorf("a file that is no library: %v", err)
	}
	put(t, named, fakeLibrary(t))
	lib, places, err := FindLibrary(t.Context(), WithLibrary(named))
	if err != nil || lib.Path != named || lib.Version != Version || places[0].Found != named {
		t.Errorf("%+v, %v, %v", lib, places, err)
	}
	t.Setenv("ONNXRUNTIME_SHARED_LIBRARY_PATH", named)
	if lib, _, err = FindLibrary(t.Context()); err != nil || lib.Source != "ONNXRUNTIME_SHARED_LIBRARY_PATH" {
		t.Errorf("%+v, %v", lib, err)
	}
	t.Setenv("CATVAE_ORT_LIB", filepath.Join(dir, "other.so"))
	if _, _, err = FindLibrary(t.Context()); err == nil || !strings.Contains(err.Error(), "CATVAE_ORT_LIB") {
		t.Errorf("a variable that names nothing: %v", err)
	}

	// A library of a version that is too old is passed over, and the reason is kept; so is one that is cut short.
	t.Setenv("CATVAE_ORT_LIB", "")
	t.Setenv("ONNXRUNTIME_SHARED_LIBRARY_PATH", "")
	for name, row := range map[string]struct {
		data []byte
		note string
	}{
		strings.Replace(libraryName(), Version, "1.17.1", 1): {fakeLibrary(t), "1.17.1 is too old"},
		libraryName(): {fakeLibrary(t)[:150], "cut short"},
	} {
		folder := realDir(t)
		t.Setenv("LD_LIBRARY_PATH", folder)
		put(t, filepath.Join(folder, name), row.data)
		_, places, err = FindLibrary(t.Context())
		if err == nil || !strings.Contains(err.Error(), row.note) {
			t.Errorf("%s: the error is %v: %+v", name, err, places)
		}
	}
}

// Libraries are found where pip and npm put them, by the places of their files alone.
func TestPackages(t *testing.T) {
	p, err := thisPlatform()
	if err != nil {
		t.Skip(err)
	}
	script := []byte("#!/bin/sh\nexit 1\n")
	found := executable
	t.Cleanup(func() { executable = found })
	for name, row := range map[string]struct {
		program      string            // this program's path, where it matters
		files, links map[string]string // relative to a folder, and what they hold or lead to
		env          map[string]string // "/" stands for the folder
		want         string            // the library's folder
	}{
		"a virtual environment that is active": {env: map[string]string{"VIRTUAL_ENV": "/venv"}, want: "venv/lib/python3.12/site-packages/onnxruntime/capi"},
		"a virtual environment's python on PATH": {files: map[string]string{"venv/bin/python3": "", "venv/pyvenv.cfg": "home = /usr/bin\n"},
			env: map[string]string{"PATH": "/venv/bin"}, want: "venv/lib/python3.12/site-packages/onnxruntime/capi"},
		"a virtual environment that has this program": {program: "venv/bin/catvae", files: map[string]string{"venv/bin/python": "", "venv/pyvenv.cfg": "home = /usr/bin\n"},
			env: map[string]string{"VIRTUAL_ENV": "/other"}, want: "venv/lib/python3.12/site-packages/onnxruntime/capi"},
		"the packages that a virtual environment shares": {files: map[string]string{"venv/bin/python": "", "venv/pyvenv.cfg": "home = ROOT/base/bin\ninclude-system-site-packages = true\n"},
			env: map[string]string{"PATH": "/venv/bin"}, want: "base/lib/python3.9/site-packages/onnxruntime/capi"},
		"an interpreter that is linked to": {files: map[string]string{"opt/py/bin/python3.11": ""}, links: map[string]string{"bin/python3": "../opt/py/bin/python3.11"},
			env: map[string]string{"PATH": "/bin"}, want: "opt/py/lib/python3.11/site-packages/onnxruntime/capi"},
		"Debian":             {files: map[string]string{"usr/bin/python3": ""}, env: map[string]string{"PATH": "/usr/bin"}, want: "usr/local/lib/python3.11/dist-packages/onnxruntime/capi"},
		"Debian's package":   {files: map[string]string{"usr/bin/python3": ""}, env: map[string]string{"PATH": "/usr/bin"}, want: "usr/lib/python3/dist-packages/onnxruntime/capi"},
		"pyenv":              {files: map[string]string{"pyenv/shims/python3": ""}, env: map[string]string{"PATH": "/pyenv/shims"}, want: "pyenv/versions/3.13.0/lib/python3.13/site-packages/onnxruntime/capi"},
		"asdf":               {files: map[string]string{"asdf/shims/python": ""}, env: map[string]string{"PATH": "/asdf/shims"}, want: "asdf/installs/python/3.13.0/lib/python3.13/site-packages/onnxruntime/capi"},
		"pip install --user": {env: map[string]string{"HOME": "/"}, want: ".local/lib/python3.11/site-packages/onnxruntime/capi"},
		"PYTHONUSERBASE":     {env: map[string]string{"PYTHONUSERBASE": "/base"}, want: "base/lib/python3.11/site-packages/onnxruntime/capi"},
		"npm next to node":   {files: map[string]string{"node/bin/node": ""}, env: map[string]string{"PATH": "/node/bin"}, want: "node/lib/node_modules/onnxruntime-node/bin/napi-v6/" + filepath.Dir(p.npmPath)},
		"npm's prefix in home": {files: map[string]string{".npmrc": "audit=false\nprefix=${HOME}/.npm-global\n"}, env: map[string]string{"HOME": "/"},
			want: ".npm-global/lib/node_modules/onnxruntime-node/bin/napi-v6/" + filepath.Dir(p.npmPath)},
		"npm's prefix in a variable": {env: map[string]string{"npm_config_prefix": "/n"}, want: "n/lib/node_modules/onnxruntime-node/bin/napi-v6/" + filepath.Dir(p.npmPath)},
		"next to a relative entry":   {env: map[string]string{"LD_LIBRARY_PATH": ":x:/lib"}, want: "lib"},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t)
			dir := realDir(t)
			executable = found
			if row.program != "" {
				executable = func() (string, error) { return filepath.Join(dir, row.program), nil }
			}
			want := put(t, filepath.Join(dir, row.want, libraryName()), fakeLibrary(t))
			for file, text := range row.files {
				data := []byte(strings.ReplaceAll(text, "ROOT", dir))
				if text == "" {
					data = script
				}
				if err := os.Chmod(put(t, filepath.Join(dir, file), data), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for link, target := range row.links {
				if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, link)), 0o755), os.Symlink(target, filepath.Join(dir, link))); err != nil {
					t.Fatal(err)
				}
			}
			for name, value := range row.env {
				if strings.HasPrefix(value, "/") {
					value = dir + value
				}
				t.Setenv(name, strings.ReplaceAll(value, ":/", ":"+dir+"/"))
			}
			if lib, places, err := FindLibrary(t.Context()); err != nil || lib.Path != want {
				t.Errorf("%+v, %v: %+v", lib, err, places)
			}
		})
	}
}
