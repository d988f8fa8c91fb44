package onnxruntime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/runtime/backend"
)

// NoDownload is the environment variable that forbids every download when it is "1".
const NoDownload = "CATVAE_NO_DOWNLOAD"

// downloads begins the names of the folders that downloads are made in; whoever downloads holds the lock of lockFile.
const (
	downloads = "download-"
	lockFile  = "install.lock"
)

// InstallOptions say how [Install] goes about it. The zero value works.
type InstallOptions struct {
	// Progress gets each step as one line of text. It may be nil, and must not block.
	Progress func(line string)
}

// Install fetches onnxruntime [Version] into the user's cache and returns the library. It tries a Python wheel through pip,
// then the npm package, and takes a library only when its size and SHA-256 are those pinned here. What is in its place and is not
// one of the pinned libraries is replaced. Processes that install at once wait for each other; what earlier ones left
// unfinished is removed. Nothing is downloaded when [NoDownload] is "1". Errors wrap [backend.ErrLibrary], or are ctx.Err().
func Install(ctx context.Context, o InstallOptions) (Library, error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	lib, err := install(ctx, o)
	switch {
	case err == nil:
		return lib, nil
	case ctx.Err() != nil:
		return Library{}, fmt.Errorf("onnxruntime: install: %w", ctx.Err())
	case !errors.Is(err, backend.ErrLibrary):
		err = fmt.Errorf("onnxruntime: install: %w: %w", backend.ErrLibrary, err)
	}
	return Library{}, err
}

func install(ctx context.Context, o InstallOptions) (Library, error) {
	p, err := thisPlatform()
	if err != nil {
		return Library{}, err
	}
	dir, err := makeCache()
	if err != nil {
		return Library{}, cmp.Or(forbidden(), err)
	}
	lock, err := atomicfile.WaitLock(ctx, filepath.Join(dir, lockFile))
	if err != nil {
		return Library{}, fmt.Errorf("wait for another install: %w", err)
	}
	defer lock.Release()
	if err := sweep(dir); err != nil {
		return Library{}, err
	}
	lib, err := examine(ctx, filepath.Join(dir, p.fileName), options{})
	switch {
	case err == nil: // another process was faster
		lib.Source = userCacheName
		return lib, nil
	case !errors.Is(err, fs.ErrNotExist):
		o.Progress(fmt.Sprintf("%s %s", filepath.Join(dir, p.fileName), err))
	}
	if err := forbidden(); err != nil {
		return Library{}, err
	}
	return p.install(ctx, dir, o)
}

// forbidden is the error where the environment forbids downloads.
func forbidden() error {
	if os.Getenv(NoDownload) != "1" {
		return nil
	}
	return fmt.Errorf("onnxruntime: onnxruntime %s is not installed and %s=1 forbids its download: set CATVAE_ORT_LIB to the library's file: %w", Version, NoDownload, backend.ErrLibrary)
}

// makeCache makes the folder that is installed to, and returns it with its links followed. Nobody else may write there.
func makeCache() (string, error) {
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	return makeInCache(dir)
}

// makeInCache is makeCache for a folder three levels below the user's cache.
func makeInCache(dir string) (string, error) {
	if os.Getenv("XDG_CACHE_HOME") == "" { // the cache may be new, the home may not: it would be made for nobody
		home := dir
		for range 4 {
			home = filepath.Dir(home)
		}
		if _, err := os.Stat(home); err != nil {
			return "", fmt.Errorf("the home folder: %w", err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	real, err := safeFolder(dir)
	if err != nil {
		return "", fmt.Errorf("the cache folder: %w", err)
	}
	return real, nil
}

// sweep removes what installs that were killed left in the cache. The lock is held.
func sweep(dir string) error {
	for _, left := range leftovers(dir) {
		if err := os.RemoveAll(left); err != nil {
			return fmt.Errorf("remove what an install left: %w", err)
		}
	}
	return nil
}

func leftovers(dir string) []string {
	return append(matching(dir, downloads+"*"), matching(dir, ".tmp-*onnxruntime*")...)
}

// Sweep removes what installs that were killed left in the user's cache, unless one is at work now. [Install] does the same.
func Sweep() error {
	dir, err := cacheDir()
	if err != nil {
		return nil // no cache, nothing left in it
	}
	if len(leftovers(dir)) == 0 {
		return nil
	}
	lock, err := atomicfile.TryLock(filepath.Join(dir, lockFile))
	if errors.Is(err, atomicfile.ErrHeld) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("onnxruntime: %w", err)
	}
	defer lock.Release()
	if err := sweep(dir); err != nil {
		return fmt.Errorf("onnxruntime: %w", err)
	}
	return nil
}

// A download brings the library of one source to a file.
type download struct {
	name  string
	pin   pin // what the library must be
	fetch func(ctx context.Context, tmp string) (member, error)
}

func (p platform) install(ctx context.Context, dir string, o InstallOptions) (Library, error) {
	tmp, err := os.MkdirTemp(dir, downloads) // nobody else can read or write there
	if err != nil {
		return Library{}, fmt.Errorf("make a folder for the download: %w", err)
	}
	defer os.RemoveAll(tmp)
	var failures []error
	for _, d := range []download{
		{"Python wheel onnxruntime " + Version, p.wheel, p.fromPip},
		{"npm package onnxruntime-node " + Version, p.npm, p.fromNPM},
	} {
		o.Progress(d.name + ": fetching")
		file, err := d.get(ctx, tmp)
		if err == nil {
			target := filepath.Join(dir, p.fileName)
			if err := replace(file, target, tmp); err != nil {
				return Library{}, err
			}
			o.Progress(fmt.Sprintf("%s: %s, %.1f MB, SHA-256 %s", d.name, target, float64(d.pin.size)/1e6, d.pin.sha256))
			return Library{Path: target, Version: Version, Source: d.name, SHA256: d.pin.sha256, Pinned: true}, nil
		}
		failures = append(failures, fmt.Errorf("%s: %w", d.name, err))
		o.Progress(failures[len(failures)-1].Error())
		if ctx.Err() != nil {
			break
		}
	}
	return Library{}, fmt.Errorf("onnxruntime: onnxruntime %s could not be fetched: install it with `pip install onnxruntime==%s`, or set CATVAE_ORT_LIB: %w: %w", Version, Version, backend.ErrLibrary, errors.Join(failures...))
}

// get fetches the library to a file in tmp, which is the pinned one.
func (d download) get(ctx context.Context, tmp string) (string, error) {
	m, err := d.fetch(ctx, tmp)
	if err != nil {
		return "", err
	}
	file := filepath.Join(tmp, "library")
	return file, m.extract(ctx, file, d.pin)
}

// replace gives a file its name in the cache. A folder that has the name is moved into tmp, which is removed later.
func replace(file, target, tmp string) error {
	if info, err := os.Lstat(target); err == nil && info.IsDir() {
		if err := os.Rename(target, filepath.Join(tmp, "replaced")); err != nil {
			return err
		}
	}
	return os.Rename(file, target)
}

// EnsureLibrary finds the library, or installs it where nobody names a file: see [FindLibrary] and [Install].
func EnsureLibrary(ctx context.Context, install InstallOptions, opts ...Option) (Library, error) {
	o, err := newOptions(opts)
	if err != nil {
		return Library{}, err
	}
	lib, _, err := findLibrary(ctx, o)
	if err == nil || ctx.Err() != nil || o.library != "" || LibraryVariable() != "" {
		return lib, err
	}
	return Install(ctx, install)
}

func (p platform) fromPip(ctx context.Context, tmp string) (member, error) {
	args := []string{"download", "onnxruntime==" + Version, "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input", "--retries", "1",
		"--platform", p.wheelTag, "--python-version", "311", "--implementation", "cp", "--abi", "cp311", "-d", tmp}
	var err error
	for _, pip := range [][]string{{"python3", "-I", "-m", "pip"}, {"pip3"}, {"pip"}, {"python", "-I", "-m", "pip"}} {
		if err = command(ctx, tmp, append(pip, args...)...); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return member{}, err
	}
	wheels := matching(tmp, "onnxruntime-*.whl")
	if len(wheels) == 0 {
		return member{}, errors.New("pip left no wheel behind")
	}
	return member{archive: wheels[0], name: "onnxruntime/capi/" + p.fileName, open: openZip}, nil
}

func (p platform) fromNPM(ctx context.Context, tmp string) (member, error) {
	if err := command(ctx, tmp, "npm", "pack", "onnxruntime-node@"+Version, "--silent", "--ignore-scripts", "--fetch-retries=1"); err != nil {
		return member{}, err
	}
	return member{archive: filepath.Join(tmp, "onnxruntime-node-"+Version+".tgz"), name: "package/bin/napi-v6/" + p.npmPath, open: openTar}, nil
}
