//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

var libraryTrial = trial{
	name:    "library",
	promise: "No code is run from the current folder or from folders that others can write, a damaged library is mended by the command that is named, and without a cache the work goes on.",
	does:    "Libraries and Python modules that leave a mark when they are loaded, in the places where they were looked for; a cached library that is empty, cut short, changed, a folder, a FIFO or a link; no home, and caches that cannot be used.",
	counts:  "runs",
	passes:  "Passes where no mark is left, infer ends with 0 or 5 whatever the cache holds, and doctor --install ends with the right library in it. Without a home or a cache programs with pure Go and those that are given a library go on.",
	short:   size{times: 1, rows: 100, most: 24},
	long:    size{times: 5, rows: 100},
	cases: func(b *bench, _ context.Context, s size) (ways []way, _ error) {
		for _, p := range plants {
			for _, command := range []string{"infer", "doctor"} {
				ways = append(ways, way{name: p.name + ", " + command, try: func(ctx context.Context, _ *rand.Rand) (int, error) {
					return b.planted(ctx, p, command, s)
				}})
			}
		}
		for _, d := range libraryDamages {
			ways = append(ways, way{name: "the cached library is " + d.name, try: func(ctx context.Context, rng *rand.Rand) (int, error) {
				return 1, b.damagedLibrary(ctx, rng, d.put, s)
			}})
		}
		for _, h := range homes {
			for _, command := range []string{"infer", "infer with CATVAE_ORT_LIB", "infer-purego", "catvae encode", "quickstart"} {
				ways = append(ways, way{name: h.name + ", " + command, try: func(ctx context.Context, _ *rand.Rand) (int, error) {
					return b.homeless(ctx, h, command, s)
				}})
			}
		}
		return ways, nil
	},
}

// A plant puts files into a folder, from which a command is run; library is a shared library, module a Python module, each of which leaves a mark.
type plant struct {
	name string
	put  func(dir, library, module string) error
	env  func(dir string) []string
}

var plants = []plant{
	{name: "./sysconfig.py", put: func(dir, _, module string) error { return put(module, filepath.Join(dir, "sysconfig.py")) }},
	{name: "./site.py", put: func(dir, _, module string) error { return put(module, filepath.Join(dir, "site.py")) }},
	{name: "./onnxruntime/__init__.py", put: func(dir, _, module string) error {
		if err := os.MkdirAll(filepath.Join(dir, "onnxruntime"), 0o755); err != nil {
			return err
		}
		return put(module, filepath.Join(dir, "onnxruntime", "__init__.py"))
	}},
	{name: "./node_modules", put: func(dir, library, _ string) error {
		for _, napi := range []string{"napi-v3", "napi-v6"} {
			folder := filepath.Join(dir, "node_modules", "onnxruntime-node", "bin", napi, runtime.GOOS, strings.Replace(runtime.GOARCH, "amd64", "x64", 1))
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
			for _, name := range libraryNames {
				if err := put(library, filepath.Join(folder, name)); err != nil {
					return err
				}
			}
		}
		return nil
	}},
	{name: "./libonnxruntime.so", put: func(dir, library, _ string) error {
		for _, name := range libraryNames {
			if err := put(library, filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		return nil
	}, env: func(string) []string { return []string{"LD_LIBRARY_PATH=.:"} }},
	{name: "beside the program in a folder that all can write", put: func(dir, library, _ string) error {
		if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
			return err
		}
		if err := os.Chmod(filepath.Join(dir, "bin"), 0o777|os.ModeSticky); err != nil {
			return err
		}
		for _, name := range libraryNames {
			if err := put(library, filepath.Join(dir, "bin", name)); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "a cache that is not what was installed", put: func(dir, library, _ string) error {
		cached, err := cachedLibrary()
		if err != nil {
			return err
		}
		folder := filepath.Join(dir, "cache", "catvae", "onnxruntime", filepath.Base(filepath.Dir(cached)))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		return put(library, filepath.Join(folder, filepath.Base(cached)))
	}},
}

var libraryNames = []string{"libonnxruntime.so", "libonnxruntime.so.1", "libonnxruntime.so.1.29.0"}

// plantFiles makes the library and the module that leave a mark in the file of the variable TRIALS_MARK.
func (b *bench) plantFiles() (library, module string, ok bool) {
	library, module = b.path("plant.so"), b.path("plant.py")
	if exists(library) {
		return library, module, true
	}
	code := b.path("plant.c")
	text := "#include <stdio.h>\n#include <stdlib.h>\n" +
		"__attribute__((constructor)) static void mark(void) { const char *p = getenv(\"TRIALS_MARK\"); if (p) { FILE *f = fopen(p, \"w\"); if (f) fclose(f); } }\n"
	if os.WriteFile(code, []byte(text), 0o644) != nil {
		return "", "", false
	}
	if os.WriteFile(module, []byte("import os\nopen(os.environ['TRIALS_MARK'], 'w').close()\n"), 0o644) != nil {
		return "", "", false
	}
	return library, module, exec.Command("cc", "-shared", "-fPIC", "-o", library, code).Run() == nil
}

func (b *bench) planted(ctx context.Context, p plant, command string, s size) (int, error) {
	library, module, ok := b.plantFiles()
	if !ok {
		b.results.skipWay("library", p.name+", "+command, "skipped: a C compiler is missing")
		return 0, nil
	}
	dir, err := b.empty("planted")
	if err != nil {
		return 0, err
	}
	if err := p.put(dir, library, module); err != nil {
		return 0, err
	}
	source, mark := b.path("rows.idx"), filepath.Join(dir, "mark")
	if err := b.source.WriteIDX(ctx, source, s.rows); err != nil {
		return 0, err
	}
	args := b.encode(source, filepath.Join(dir, "codes.npy"))
	if command == "doctor" {
		args = b.catvae("doctor")
	}
	if bin := filepath.Join(dir, "bin"); exists(bin) {
		program := filepath.Join(bin, filepath.Base(args[0]))
		if err := put(args[0], program); err != nil {
			return 0, err
		}
		if err := os.Chmod(program, 0o755); err != nil {
			return 0, err
		}
		args[0] = program
	}
	env := []string{"HOME=" + dir, "XDG_CACHE_HOME=" + filepath.Join(dir, "cache"), "CATVAE_ORT_LIB=", "ONNXRUNTIME_SHARED_LIBRARY_PATH=", "LD_LIBRARY_PATH=", "CATVAE_NO_DOWNLOAD=1", "TRIALS_MARK=" + mark}
	if p.env != nil {
		env = append(env, p.env(dir)...)
	}
	o, err := b.do(ctx, process{args: args, dir: dir, env: env, limit: 30 * time.Second})
	if err != nil {
		return 0, err
	}
	if exists(mark) {
		return 1, o.broken("code that was planted was run")
	}
	if o.crashed() || o.hung {
		return 1, o.broken("it died")
	}
	return 1, nil
}

var libraryDamages = []struct {
	name string
	put  func(rng *rand.Rand, path string, good []byte) error
}{
	{"empty", func(_ *rand.Rand, path string, _ []byte) error { return os.WriteFile(path, nil, 0o755) }},
	{"cut short", func(rng *rand.Rand, path string, good []byte) error {
		return os.WriteFile(path, good[:rng.IntN(len(good))], 0o755)
	}},
	{"changed in one byte", func(rng *rand.Rand, path string, good []byte) error {
		good[rng.IntN(len(good))] ^= 1 << rng.IntN(8)
		return os.WriteFile(path, good, 0o755)
	}},
	{"zeros", func(_ *rand.Rand, path string, good []byte) error {
		return os.WriteFile(path, make([]byte, len(good)), 0o755)
	}},
	{"text", func(_ *rand.Rand, path string, _ []byte) error {
		return os.WriteFile(path, []byte("not a library\n"), 0o755)
	}},
	{"a FIFO", func(_ *rand.Rand, path string, _ []byte) error { return syscall.Mkfifo(path, 0o755) }},
	{"a link to nothing", func(_ *rand.Rand, path string, _ []byte) error { return os.Symlink("nothing", path) }},
}

func (b *bench) damagedLibrary(ctx context.Context, rng *rand.Rand, damage func(*rand.Rand, string, []byte) error, s size) error {
	if err := b.fakePip(); err != nil {
		return err
	}
	cached, err := cachedLibrary()
	if err != nil {
		return err
	}
	good, err := os.ReadFile(cached)
	if err != nil {
		return err
	}
	dir, err := b.empty("damaged")
	if err != nil {
		return err
	}
	library := filepath.Join(dir, "cache", "catvae", "onnxruntime", filepath.Base(filepath.Dir(cached)), filepath.Base(cached))
	if err := os.MkdirAll(filepath.Dir(library), 0o755); err != nil {
		return err
	}
	if err := damage(rng, library, good); err != nil {
		return err
	}
	source := b.path("rows.idx")
	if err := b.source.WriteIDX(ctx, source, s.rows); err != nil {
		return err
	}
	env := append(b.fakeEnv(dir), "CATVAE_NO_DOWNLOAD=1")
	o, err := b.do(ctx, process{args: b.encode(source, filepath.Join(dir, "codes.npy")), env: env, limit: 30 * time.Second})
	if err != nil {
		return err
	}
	if o.crashed() || o.hung || o.code != 0 && o.code != 5 {
		return o.broken("with a damaged library infer must end with 0 or 5")
	}
	if o, err = b.do(ctx, process{args: b.catvae("doctor", "--install"), env: b.fakeEnv(dir), limit: time.Minute}); err != nil {
		return err
	}
	if bad, err := sameFile(cached, library); err != nil || bad != "" || o.code != 0 {
		return o.broken("doctor --install must mend the library: %s", fmt.Sprint(bad))
	}
	return nil
}
