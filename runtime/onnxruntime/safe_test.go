//go:build unix

package onnxruntime

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catvae/catvae/runtime/backend"
)

// What is loaded lies where only root and the user can write: file, folder, folders above, links and their targets.
func TestSafeFile(t *testing.T) {
	t.Parallel()
	mode := func(path string, m fs.FileMode) {
		if err := os.Chmod(path, m); err != nil {
			t.Fatal(err)
		}
	}
	link := func(target, path string) {
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
	}
	chown := func(path string, uid int) {
		if err := os.Lchown(path, uid, -1); err != nil {
			t.Fatal(err)
		}
	}
	for name, row := range map[string]struct {
		make func(dir string) // which holds a/b/lib
		path string           // a/b/lib
		safe bool
		root bool // only root can make it
	}{
		"as it is":                       {safe: true},
		"the file":                       {make: func(d string) { mode(d+"/a/b/lib", 0o666) }},
		"the file's group":               {make: func(d string) { mode(d+"/a/b/lib", 0o664); os.Lchown(d+"/a/b/lib", -1, 4242) }, root: true},
		"the group of root":              {make: func(d string) { mode(d+"/a/b/lib", 0o664); mode(d+"/a/b", 0o775) }, safe: true, root: true},
		"the folder":                     {make: func(d string) { mode(d+"/a/b", 0o777) }},
		"the folder, sticky":             {make: func(d string) { mode(d+"/a/b", 0o777|fs.ModeSticky) }},
		"a folder above":                 {make: func(d string) { mode(d+"/a", 0o777) }},
		"a folder above, sticky":         {make: func(d string) { mode(d+"/a", 0o777|fs.ModeSticky) }, safe: true},
		"another's file":                 {make: func(d string) { chown(d+"/a/b/lib", 4242) }, root: true},
		"another's folder":               {make: func(d string) { chown(d+"/a/b", 4242) }, root: true},
		"another's in a sticky folder":   {make: func(d string) { mode(d+"/a", 0o777|fs.ModeSticky); chown(d+"/a/b", 4242) }, root: true},
		"another's sticky folder":        {make: func(d string) { mode(d+"/a", 0o777|fs.ModeSticky); chown(d+"/a", 4242) }, root: true},
		"a link":                         {make: func(d string) { link("a/b/lib", d+"/to") }, path: "to", safe: true},
		"a link to a link":               {make: func(d string) { link(d+"/a/../a/b", d+"/mid"); link("mid/lib", d+"/to") }, path: "to", safe: true},
		"a link that others can replace": {make: func(d string) { os.Mkdir(d+"/c", 0o755); link("../a/b/lib", d+"/c/to"); mode(d+"/c", 0o777) }, path: "c/to"},
		"a target that others can write": {make: func(d string) { link("a/b/lib", d+"/to"); mode(d+"/a/b/lib", 0o646) }, path: "to"},
		"a target in an open folder":     {make: func(d string) { link("a/b/lib", d+"/to"); mode(d+"/a/b", 0o777|fs.ModeSticky) }, path: "to"},
		"a folder's link":                {make: func(d string) { link("b", d+"/a/other"); mode(d+"/a/b", 0o757) }, path: "a/other/lib"},
		"another's link":                 {make: func(d string) { link("a/b/lib", d+"/to"); chown(d+"/to", 4242) }, path: "to", root: true},
		"through an open folder and out": {make: func(d string) { os.Mkdir(d+"/c", 0o777); mode(d+"/c", 0o777); link("c/../a/b/lib", d+"/to") }, path: "to"},
		"links in a ring":                {make: func(d string) { link("to", d+"/to") }, path: "to"},
		"nothing":                        {path: "a/b/none"},
		"a file as a folder":             {path: "a/b/lib/none"},
	} {
		if row.root && os.Geteuid() != 0 {
			continue
		}
		dir := realDir(t)
		put(t, dir+"/a/b/lib", nil)
		if row.make != nil {
			row.make(dir)
		}
		if row.path == "" {
			row.path = "a/b/lib"
		}
		got, err := safeFile(filepath.Join(dir, row.path))
		if row.safe && (err != nil || got != dir+"/a/b/lib") || !row.safe && err == nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := safeFile("safe_test.go"); !errors.Is(err, errUnsafe) {
		t.Errorf("a relative path: %v", err)
	}
	// What belongs to the user is another's to everybody else.
	file := put(t, realDir(t)+"/lib", nil)
	if os.Geteuid() == 0 {
		chown(file, 4242)
	}
	if _, err := (user{4243}).follow(file); !errors.Is(err, errUnsafe) {
		t.Errorf("another's file: %v", err)
	}
}

// A user's private group is nobody else's; one that others share is theirs, too.
func TestPrivateGroup(t *testing.T) {
	t.Parallel()
	const passwd = "root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\nyou:x:1001:1001::/:/bin/sh\nold:x:1002:100::/:/bin/sh\nnew:x:1003:100::/:/bin/sh\n"
	const group = "root:x:0:\nusers:x:100:\nme:x:1000:\nyou:x:1001:me\nlab:x:2000:me\nbad line\n"
	for name, row := range map[string]struct {
		uid, gid      int
		passwd, group string
		want          bool
	}{
		"private":                     {1000, 1000, passwd, group, true},
		"with another member":         {1001, 1001, passwd, group, false},
		"of another user":             {1000, 1001, passwd, group, false},
		"shared as first group":       {1002, 100, passwd, group, false},
		"a group of several":          {1000, 2000, passwd, group, false},
		"a second user's first group": {1000, 1000, passwd + "it:x:1005:1000::/:/bin/sh\n", group, false},
		"members root and oneself":    {1000, 1000, passwd, "me:x:1000:me,root\n", true},
		"another name":                {1000, 1000, passwd, "staff:x:1000:\n", false},
		"unknown user":                {1009, 1009, passwd, group, false},
		"unknown group":               {1000, 1000, passwd, "", false},
		"Debian's, empty":             {1000, 50, passwd, "staff:x:50:\n", true},
		"Debian's, with root in it":   {1000, 50, passwd, "staff:x:50:root\n", true},
		"Debian's, with a member":     {1000, 50, passwd, "staff:x:50:you\n", false},
		"Debian's, a first group":     {1000, 50, passwd + "it:x:1005:50::/:/bin/sh\n", "staff:x:50:\n", false},
	} {
		if got := privateGroup(row.uid, row.gid, row.passwd, row.group); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// In a user namespace that does not know root, root's files belong to nobody there; where nobody is somebody, they do not.
func TestUnmapped(t *testing.T) {
	t.Parallel()
	for uidMap, want := range map[string]int{
		"         0          0 4294967295\n": -1,
		"      1000       1000          1\n": 65534,
		"0 1000 1\n1 100000 65536\n":         -1,
		"0 1000 1\n1 100000 1000\n":          65534,
		"65534 1000 1\n":                     -1,
		"not a map\n":                        -1,
	} {
		if got := unmapped("65534", uidMap); got != want {
			t.Errorf("%q: %d, want %d", uidMap, got, want)
		}
	}
	for path, want := range map[string]bool{"/": true, "/usr": true, "/home": true, "/usr/lib/x": true, "/home/you": false, "/tmp/you": false, "/opt/x/y": false} {
		if got := ofSystem(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// A library that is planted is passed over wherever it is found, and refused where it is named.
func TestPlantedLibraries(t *testing.T) {
	fake := fakeLibrary(t)
	open := func(dir string) {
		if err := os.Chmod(dir, 0o777|fs.ModeSticky); err != nil {
			t.Fatal(err)
		}
	}
	planted := func(t *testing.T, path string) {
		t.Helper()
		_, places, err := FindLibrary(t.Context())
		if !errors.Is(err, backend.ErrLibrary) {
			t.Errorf("%s is found: %v", path, err)
		}
		for _, p := range places {
			if p.Found == path && p.Note != "" || p.Found == "" && p.Where == path {
				return
			}
		}
		t.Errorf("nothing is said of %s: %+v", path, places)
	}
	t.Run("LD_LIBRARY_PATH that others can write", func(t *testing.T) {
		alone(t)
		dir := realDir(t)
		path := put(t, filepath.Join(dir, libraryName()), fake)
		t.Setenv("LD_LIBRARY_PATH", dir)
		if lib, _, err := FindLibrary(t.Context()); err != nil || lib.Path != path || lib.Version != Version {
			t.Errorf("one in a folder of one's own: %+v, %v", lib, err)
		}
		open(dir)
		planted(t, path)
	})
	t.Run("a provider that others can write", func(t *testing.T) {
		alone(t)
		dir := realDir(t)
		path := put(t, filepath.Join(dir, libraryName()), fake)
		if err := os.Chmod(put(t, filepath.Join(dir, "libonnxruntime_providers_cuda.so"), fake), 0o666); err != nil {
			t.Fatal(err)
		}
		t.Setenv("LD_LIBRARY_PATH", dir)
		planted(t, path)
	})
	t.Run("named", func(t *testing.T) {
		alone(t)
		dir := realDir(t)
		path := put(t, filepath.Join(dir, libraryName()), fake)
		open(dir)
		for _, variable := range append([]string{""}, LibraryVariables...) {
			var opts []Option
			if variable == "" {
				opts = append(opts, WithLibrary(path))
			} else {
				t.Setenv(variable, path)
			}
			if _, _, err := FindLibrary(t.Context(), opts...); !errors.Is(err, errUnsafe) || !errors.Is(err, backend.ErrLibrary) {
				t.Errorf("%q: %v", variable, err)
			}
		}
	})
	t.Run("in the current folder", func(t *testing.T) {
		alone(t)
		dir := realDir(t)
		t.Chdir(dir)
		p, err := thisPlatform()
		if err != nil {
			t.Skip(err)
		}
		put(t, "node_modules/onnxruntime-node/bin/napi-v6/"+p.npmPath, fake)
		put(t, libraryName(), fake)
		put(t, "bin/python3", []byte("#!/bin/sh\ntouch "+dir+"/ran\necho "+dir+"\n"))
		put(t, "lib/python3.11/site-packages/onnxruntime/capi/"+libraryName(), fake)
		put(t, "onnxruntime/capi/"+libraryName(), fake)
		for _, program := range []string{"python3", "python", "npm", "pip", "pip3", "bin/python3", "bin/npm"} {
			put(t, program, []byte("#!/bin/sh\ntouch "+dir+"/ran\necho "+dir+"\n"))
			if err := os.Chmod(program, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for _, list := range []string{"", ".", "bin", ":", "bin:.:"} {
			t.Setenv("PATH", list)
			t.Setenv("LD_LIBRARY_PATH", list)
			if lib, _, err := FindLibrary(t.Context()); !errors.Is(err, backend.ErrLibrary) {
				t.Errorf("%q: %+v, %v", list, lib, err)
			}
			if _, err := Install(t.Context(), InstallOptions{}); !errors.Is(err, backend.ErrLibrary) {
				t.Errorf("%q: installed: %v", list, err)
			}
		}
		t.Setenv("PATH", "")
		t.Setenv("VIRTUAL_ENV", ".")
		t.Setenv("PYTHONUSERBASE", ".")
		t.Setenv("npm_config_prefix", ".")
		for _, home := range []string{"", ".", dir + "/none"} {
			t.Setenv("HOME", home)
			t.Setenv("XDG_CACHE_HOME", "")
			if lib, _, err := FindLibrary(t.Context()); !errors.Is(err, backend.ErrLibrary) {
				t.Errorf("HOME %q: %+v, %v", home, lib, err)
			}
		}
		t.Setenv("CATVAE_ORT_LIB", libraryName())
		if _, _, err := FindLibrary(t.Context()); !errors.Is(err, errUnsafe) {
			t.Errorf("a variable with a relative path: %v", err)
		}
		t.Setenv("CATVAE_ORT_LIB", "")
		if lib, _, err := FindLibrary(t.Context(), WithLibrary(libraryName())); err != nil || lib.Path != filepath.Join(dir, libraryName()) {
			t.Errorf("a relative path in a call: %+v, %v", lib, err)
		}
		if _, err := os.Stat("ran"); err == nil {
			t.Error("a program in the current folder was run")
		}
	})
}

// An error of the system is no verdict on a library: it ends the search, and is not "missing".
func TestSystemErrors(t *testing.T) {
	alone(t)
	broken := "/proc/self/mem" // whose first bytes give EIO
	if _, err := os.ReadFile(broken); !errors.Is(err, syscall.EIO) {
		t.Skipf("%s gives %v", broken, err)
	}
	if _, _, err := FindLibrary(t.Context(), WithLibrary(broken)); !errors.Is(err, syscall.EIO) || errors.Is(err, backend.ErrLibrary) {
		t.Errorf("named: %v", err)
	}
	dir := realDir(t)
	if err := os.Symlink(broken, filepath.Join(dir, libraryName())); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LD_LIBRARY_PATH", dir)
	if _, _, err := FindLibrary(t.Context()); !errors.Is(err, syscall.EIO) || errors.Is(err, backend.ErrLibrary) {
		t.Errorf("found: %v", err)
	}
}

// Programs that others could change are not run, and interpreters are told of no more code.
func TestCommand(t *testing.T) {
	dir := realDir(t)
	program := put(t, filepath.Join(dir, "bin", "python3"), []byte("#!/bin/sh\nexec env\n"))
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Join(dir, "bin"))
	if got, err := lookPath("python3"); err != nil || got != program {
		t.Errorf("%q, %v", got, err)
	}
	if err := os.Chmod(filepath.Join(dir, "bin"), 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if got, err := lookPath("python3"); !errors.Is(err, errUnsafe) {
		t.Errorf("%q, %v", got, err)
	}
	t.Setenv("PATH", "bin:/usr/bin:.::"+filepath.Join(dir, "bin")+":/bin")
	got := cleanEnvironment([]string{"A=1", "PYTHONPATH=.", "PYTHONSTARTUP=x", "NODE_OPTIONS=--require ./x", "PATH=.", "PIP_PYTHON=./x", "BASH_ENV=x", "HOME=/"})
	want := []string{"A=1", "HOME=/", "PATH=/usr/bin:/bin"}
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%q", got)
	}
}

// A command that is cancelled ends with what it started.
func TestCommandIsKilled(t *testing.T) {
	dir := realDir(t)
	pid := filepath.Join(dir, "pid")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { // the child has begun once it opens the FIFO
		f, err := os.OpenFile(fifo, os.O_WRONLY, 0)
		if err == nil {
			f.Close()
		}
		cancel()
	}()
	err := command(ctx, dir, "sh", "-c", "sleep 1000 & echo $! >"+pid+"; cat <"+fifo+"; wait")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if data, err := os.ReadFile(pid); err != nil {
		t.Error(err)
	} else if alive(t, string(data)) {
		t.Error("what the command started still runs")
	}
}

// alive reports whether a process runs. One that was killed may take a moment to end, and stays as a zombie where nobody waits.
func alive(t *testing.T, pid string) bool {
	t.Helper()
	for range 200 {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return true
}
