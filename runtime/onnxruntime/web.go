package onnxruntime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/runtime/backend"
)

// WebVersion is the version of onnxruntime-web, the build for browsers, that [EnsureWeb] brings.
const WebVersion = "1.30.0"

// A Web is onnxruntime-web for one thread on the processor, as bytes: what a page needs to run graphs by itself.
type Web struct {
	Script []byte // a module of JavaScript
	Wasm   []byte // what env.wasm.wasmBinary takes
	Source string // where it was found
	Pinned bool   // both are those of WebVersion
}

// maxWeb bounds the files of a folder that somebody names. Those of 1.30.0 have 14 MB.
const maxWeb = 64 << 20

// The files, as the npm package has them in its folder dist, and what they must be.
var (
	webScript = webFile{"ort.wasm.bundle.min.mjs", pin{73054, "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90"}}
	webWasm   = webFile{"ort-wasm-simd-threaded.wasm", pin{14239897, "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"}}
)

type webFile struct {
	name string
	pin  pin
}

// is reports the content that is pinned.
func (f webFile) is(data []byte) bool {
	sum := sha256.Sum256(data)
	return f.pin == pin{int64(len(data)), hex.EncodeToString(sum[:])}
}

// OpenWeb reads onnxruntime-web from a folder: the npm package, its folder dist, or one in which it is installed. Versions other than
// [WebVersion] are taken, and are not Pinned.
func OpenWeb(dir string) (Web, error) {
	tried := []string{dir, filepath.Join(dir, "dist"), filepath.Join(dir, "onnxruntime-web", "dist"), filepath.Join(dir, "node_modules", "onnxruntime-web", "dist")}
	for _, at := range tried {
		if _, err := os.Stat(filepath.Join(at, webScript.name)); err != nil {
			continue
		}
		return readWeb(at)
	}
	return Web{}, fmt.Errorf("onnxruntime: %s holds no onnxruntime-web: %s is missing there: `npm install onnxruntime-web@%s` makes node_modules/onnxruntime-web: %w", dir, webScript.name, WebVersion, backend.ErrLibrary)
}

// readWeb reads both files of a folder.
func readWeb(dir string) (w Web, err error) {
	w = Web{Source: dir}
	if w.Script, err = readfile.Bytes(filepath.Join(dir, webScript.name), maxWeb); err == nil {
		w.Wasm, err = readfile.Bytes(filepath.Join(dir, webWasm.name), maxWeb)
	}
	if err != nil {
		return Web{}, fmt.Errorf("onnxruntime: onnxruntime-web in %s: %w", dir, err)
	}
	w.Pinned = webScript.is(w.Script) && webWasm.is(w.Wasm)
	return w, nil
}

// EnsureWeb returns onnxruntime-web [WebVersion] from the user's cache, or fetches it there through npm. It takes files only when their sizes and
// SHA-256 are those pinned here. Nothing is downloaded when [NoDownload] is "1". Errors wrap [backend.ErrLibrary], or are ctx.Err().
func EnsureWeb(ctx context.Context, o InstallOptions) (Web, error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	w, err := ensureWeb(ctx, o)
	switch {
	case err == nil:
		return w, nil
	case ctx.Err() != nil:
		return Web{}, fmt.Errorf("onnxruntime: install onnxruntime-web: %w", ctx.Err())
	}
	return Web{}, fmt.Errorf("onnxruntime: onnxruntime-web %s: %w: `npm install onnxruntime-web@%s` makes a folder of it: %w", WebVersion, err, WebVersion, backend.ErrLibrary)
}

func ensureWeb(ctx context.Context, o InstallOptions) (Web, error) {
	dir, err := webCache()
	if err != nil {
		return Web{}, err
	}
	if w, err := readWeb(dir); err == nil && w.Pinned {
		return w, nil
	}
	if os.Getenv(NoDownload) == "1" {
		return Web{}, fmt.Errorf("it is not in the cache, and %s=1 forbids its download", NoDownload)
	}
	if dir, err = makeInCache(dir); err != nil {
		return Web{}, err
	}
	lock, err := atomicfile.WaitLock(ctx, filepath.Join(dir, lockFile))
	if err != nil {
		return Web{}, fmt.Errorf("wait for another install: %w", err)
	}
	defer lock.Release()
	if err := sweep(dir); err != nil {
		return Web{}, err
	}
	if w, err := readWeb(dir); err == nil && w.Pinned { // another process was faster
		return w, nil
	}
	if err := fetchWeb(ctx, dir, o); err != nil {
		return Web{}, err
	}
	w, err := readWeb(dir)
	if err == nil && !w.Pinned {
		err = errors.New("what was put into the cache was changed there")
	}
	return w, err
}

// webCache is the folder in the user's cache that EnsureWeb fills.
func webCache() (string, error) {
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(filepath.Dir(dir)), "onnxruntime-web", WebVersion), nil
}

// fetchWeb brings the pinned files into the cache.
func fetchWeb(ctx context.Context, dir string, o InstallOptions) error {
	tmp, err := os.MkdirTemp(dir, downloads) // nobody else can read or write there
	if err != nil {
		return fmt.Errorf("make a folder for the download: %w", err)
	}
	defer os.RemoveAll(tmp)
	o.Progress("npm package onnxruntime-web " + WebVersion + ": fetching, 33 MB")
	if err := command(ctx, tmp, "npm", "pack", "onnxruntime-web@"+WebVersion, "--silent", "--ignore-scripts", "--fetch-retries=1"); err != nil {
		return fmt.Errorf("it could not be fetched: %w", err)
	}
	archive := filepath.Join(tmp, "onnxruntime-web-"+WebVersion+".tgz")
	for _, f := range []webFile{webScript, webWasm} {
		file := filepath.Join(tmp, f.name)
		if err := (member{archive: archive, name: "package/dist/" + f.name, open: openTar}).extract(ctx, file, f.pin); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if err := replace(file, filepath.Join(dir, f.name), tmp); err != nil {
			return err
		}
	}
	o.Progress(fmt.Sprintf("npm package onnxruntime-web %s: %s, %.1f MB", WebVersion, dir, float64(webScript.pin.size+webWasm.pin.size)/1e6))
	return nil
}
