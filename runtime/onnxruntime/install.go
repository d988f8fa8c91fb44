package onnxruntime

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	goruntime "runtime"
	"strings"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/gofrs/flock"
)

// NoDownload is the environment variable that forbids every download when it is "1".
const NoDownload = "CATVAE_NO_DOWNLOAD"

// maxLibrary bounds what is taken out of an archive.
const maxLibrary = 512 << 20

// platform is how the sources name an operating system and processor, and the SHA-256 of the library that each holds.
type platform struct {
	archive, pip, npm string // "" where the source has nothing
	archiveHash       string // "" where it could not be checked when this was written
	pipHash, npmHash  string
	fileName          string // in the archive, the wheel and the cache
}

// platforms holds the sources of onnxruntime 1.29.0. The hashes are of the library files inside the wheels and the npm
// package, computed from the files themselves; every wheel of a platform holds the same library.
var platforms = map[string]platform{
	"linux/amd64": {
		archive: "onnxruntime-linux-x64-1.29.0.tgz", pip: "manylinux_2_28_x86_64", npm: "linux/x64/libonnxruntime.so.1",
		pipHash:  "8902e52a04bf6bf26f1613746811d6194f9c97ce7a6a7a28452b48522d3bd8d0",
		npmHash:  "89688f5cf51c7e31befbb7b9101bc027799009b18d1baa9a5b1146a72e69538d",
		fileName: "libonnxruntime.so.1.29.0",
	},
	"linux/arm64": {
		archive: "onnxruntime-linux-aarch64-1.29.0.tgz", pip: "manylinux_2_28_aarch64", npm: "linux/arm64/libonnxruntime.so.1",
		pipHash:  "1444bdca675524f4d265f71397810c9b1f39164b6dccc8f1a39cd81d938e98f4",
		npmHash:  "a27d21126db312aa8f02f3d5eaebe466e991f51f469882e6d0407d5a8b64afda",
		fileName: "libonnxruntime.so.1.29.0",
	},
	"windows/amd64": {
		archive: "onnxruntime-win-x64-1.29.0.zip", pip: "win_amd64", npm: "win32/x64/onnxruntime.dll",
		pipHash:  "590ef4358a8fb8e4fcea23113838eed4384f12f358eab4412d6c3e22e3048a0e",
		npmHash:  "5e289b5494cc338d62806f2d24c24aa7cc09a00bbab0404d9169487a45e0053a",
		fileName: "onnxruntime.dll",
	},
	"windows/arm64": {
		archive: "onnxruntime-win-arm64-1.29.0.zip", pip: "win_arm64", npm: "win32/arm64/onnxruntime.dll",
		pipHash:  "da8fc438fdb6de98b016943f8d2564765dcf4a4306986c28a3a0b87ef5856fa7",
		npmHash:  "020f2f84f8029f2fa4b4c1443f8b1e0a659dc6cbed4a105ff908ff9a24d46306",
		fileName: "onnxruntime.dll",
	},
	"darwin/arm64": {
		archive: "onnxruntime-osx-arm64-1.29.0.tgz", pip: "macosx_14_0_arm64", npm: "darwin/arm64/libonnxruntime.1.29.0.dylib",
		pipHash:  "7af5534acfb76283a8734a6f8684617879446e98823f0144ea918438a15981e2",
		npmHash:  "3e4c63909e9fc6648c93c68741c1ccf1e3d89218dd1d6a7d4f3d629ffc7f9918",
		fileName: "libonnxruntime.1.29.0.dylib",
	},
}

// InstallOptions say how [Install] goes about it. The zero value works.
type InstallOptions struct {
	// Progress gets each step as one line of text. It may be nil, and must not block.
	Progress func(line string)
	// AllowUnpinned also accepts a library whose SHA-256 this program does not know (the release archive's).
	AllowUnpinned bool
}

// Install fetches onnxruntime [Version] into the user's cache and returns the library. It tries the project's release archive,
// then a Python wheel through pip, then the npm package, and takes a library only when its SHA-256 is the one pinned
// here. Processes that install at once wait for each other. Nothing is downloaded when [NoDownload] is "1".
func Install(ctx context.Context, o InstallOptions) (Library, error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	key := goruntime.GOOS + "/" + goruntime.GOARCH
	p, ok := platforms[key]
	if !ok {
		if key == "darwin/amd64" {
			return Library{}, fmt.Errorf("onnxruntime: there is no build of onnxruntime %s for Intel Macs: build it from source and set CATVAE_ORT_LIB: %w", Version, backend.ErrLibrary)
		}
		return Library{}, fmt.Errorf("onnxruntime: there is no build of onnxruntime %s for %s: build it from source and set CATVAE_ORT_LIB: %w", Version, key, backend.ErrLibrary)
	}
	dir, err := cacheDir()
	if err != nil {
		return Library{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Library{}, fmt.Errorf("onnxruntime: make the cache folder: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "install.lock"))
	if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
		return Library{}, fmt.Errorf("onnxruntime: wait for another install: %w", err)
	}
	defer lock.Unlock()
	if place := lookIn("user cache", dir); place.Found != "" && place.Note == "" { // another process was faster
		return Library{Path: place.Found, Version: Version, Source: "user cache"}, nil
	}
	if os.Getenv(NoDownload) == "1" {
		return Library{}, fmt.Errorf("onnxruntime: onnxruntime %s is not installed and %s=1 forbids its download: set CATVAE_ORT_LIB to the library's file: %w", Version, NoDownload, backend.ErrLibrary)
	}
	return p.install(ctx, dir, o)
}

// A download brings the library of one source into memory.
type download struct {
	name  string
	hash  string // the SHA-256 that the library must have
	fetch func(ctx context.Context, tmp string) ([]byte, error)
}

func (p platform) install(ctx context.Context, dir string, o InstallOptions) (Library, error) {
	tmp, err := os.MkdirTemp(dir, "download-")
	if err != nil {
		return Library{}, fmt.Errorf("onnxruntime: make a folder for the download: %w", err)
	}
	defer os.RemoveAll(tmp)
	var failures []error
	for _, d := range []download{
		{"release archive " + p.archive, p.archiveHash, p.fromArchive},
		{"Python wheel onnxruntime " + Version, p.pipHash, p.fromPip},
		{"npm package onnxruntime-node " + Version, p.npmHash, p.fromNPM},
	} {
		if d.hash == "" && !o.AllowUnpinned {
			o.Progress(d.name + ": passed over, its SHA-256 is not pinned in this version")
			continue
		}
		o.Progress(d.name + ": fetching")
		data, err := d.fetch(ctx, tmp)
		if err == nil {
			err = d.check(data)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", d.name, err))
			o.Progress(failures[len(failures)-1].Error())
			if ctx.Err() != nil {
				break
			}
			continue
		}
		target := filepath.Join(dir, p.fileName)
		if err := atomicfile.WriteBytes(target, 0o755, data); err != nil {
			return Library{}, fmt.Errorf("onnxruntime: install: %w", err)
		}
		sum := sha256.Sum256(data)
		o.Progress(fmt.Sprintf("%s: %s, %.1f MB, SHA-256 %s", d.name, target, float64(len(data))/1e6, hex.EncodeToString(sum[:])))
		return Library{Path: target, Version: Version, Source: d.name}, nil
	}
	return Library{}, fmt.Errorf("onnxruntime: onnxruntime %s could not be fetched: install it with `pip install onnxruntime==%s`, or set CATVAE_ORT_LIB: %w: %w", Version, Version, backend.ErrLibrary, errors.Join(failures...))
}

func (d download) check(library []byte) error {
	sum := sha256.Sum256(library)
	if got := hex.EncodeToString(sum[:]); d.hash != "" && got != d.hash {
		return fmt.Errorf("its library has SHA-256 %s, %s is pinned: it is not taken", got, d.hash)
	}
	return nil
}

// EnsureLibrary finds the library, or installs it where nobody names a file: see [FindLibrary] and [Install].
func EnsureLibrary(ctx context.Context, explicit string, o InstallOptions) (Library, error) {
	lib, _, err := FindLibrary(ctx, explicit)
	if err == nil || ctx.Err() != nil || explicit != "" || LibraryVariable() != "" {
		return lib, err
	}
	return Install(ctx, o)
}

func (p platform) fromPip(ctx context.Context, tmp string) ([]byte, error) {
	args := []string{"download", "onnxruntime==" + Version, "--no-deps", "--only-binary=:all:", "--disable-pip-version-check",
		"--platform", p.pip, "--python-version", "311", "--implementation", "cp", "--abi", "cp311", "-d", tmp}
	var err error
	for _, pip := range [][]string{{"python3", "-m", "pip"}, {"pip3"}, {"pip"}, {"python", "-m", "pip"}} {
		if err = command(ctx, tmp, append(pip, args...)...); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	wheels, _ := filepath.Glob(filepath.Join(tmp, "onnxruntime-*.whl"))
	if len(wheels) == 0 {
		return nil, errors.New("pip left no wheel behind")
	}
	return fromZip(wheels[0], "onnxruntime/capi/"+p.fileName)
}

func (p platform) fromNPM(ctx context.Context, tmp string) ([]byte, error) {
	if err := command(ctx, tmp, "npm", "pack", "onnxruntime-node@"+Version, "--silent"); err != nil {
		return nil, err
	}
	return fromTar(filepath.Join(tmp, "onnxruntime-node-"+Version+".tgz"), "package/bin/napi-v6/"+p.npm)
}

func command(ctx context.Context, dir string, args ...string) error {
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%s: %w: %s", strings.Join(args[:min(len(args), 3)], " "), err, lines[len(lines)-1])
	}
	return nil
}

// fromZip returns one file of a zip archive.
func fromZip(archive, name string) ([]byte, error) {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	defer z.Close()
	for _, f := range z.File {
		if f.Name == name || strings.HasSuffix(f.Name, "/lib/"+path.Base(name)) {
			r, err := f.Open()
			if err != nil {
				return nil, err
			}
			defer r.Close()
			return readLibrary(r)
		}
	}
	return nil, fmt.Errorf("the archive holds no %s", name)
}

// fromTar returns one file of a gzipped tar archive.
func fromTar(archive, name string) ([]byte, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	g, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	for t := tar.NewReader(g); ; {
		h, err := t.Next()
		if err != nil {
			return nil, fmt.Errorf("the archive holds no %s: %w", name, err)
		}
		if h.Typeflag == tar.TypeReg && (h.Name == name || strings.HasSuffix(h.Name, "/lib/"+path.Base(name))) {
			return readLibrary(t)
		}
	}
}

func readLibrary(r io.Reader) ([]byte, error) {
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(r, maxLibrary+1))
	if err == nil && n > maxLibrary {
		err = fmt.Errorf("the library has more than %d bytes", maxLibrary)
	}
	return buf.Bytes(), err
}
