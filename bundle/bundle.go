package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// These errors occur when a bundle is read. Each is also an [ErrBad]: trying again will not help.
var (
	ErrBad    = errors.New("bad bundle")
	ErrFormat = fmt.Errorf("%w: broken", ErrBad)       // the manifest or a file is not what it must be
	ErrNewer  = fmt.Errorf("%w: newer", ErrBad)        // written by a newer major version
	ErrHash   = fmt.Errorf("%w: wrong hash", ErrBad)   // a file is not the one that the manifest names
	errTooBig = fmt.Errorf("%w: too large", ErrFormat) // a file is larger than any of its kind
)

// The largest files that are read: a manifest, and anything else. ONNX itself ends at 2 GiB.
const (
	maxManifest = 64 << 20
	maxFile     = 2<<30 - 1
)

// A Bundle is a bundle's folder and its checked manifest. It holds nothing open.
type Bundle struct {
	Dir      string
	Manifest *Manifest
}

// Open reads and checks the manifest of the bundle in dir. The graphs are read, and hashed, by [Bundle.Graph]. A folder
// or manifest that does not exist is fs.ErrNotExist; anything wrong with the manifest is an [ErrBad].
func Open(dir string) (*Bundle, error) {
	data, err := read(dir, ManifestFile, maxManifest)
	if err != nil {
		return nil, err
	}
	m, err := ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, filepath.Join(dir, ManifestFile))
	}
	return &Bundle{Dir: dir, Manifest: m}, nil
}

// File returns the content of a file that the manifest lists. The bytes returned are the bytes that were hashed.
func (b *Bundle) File(name string) ([]byte, error) {
	want, ok := b.Manifest.Files[name]
	if !ok {
		return nil, fmt.Errorf("bundle: %s: the manifest lists no file %q: %w", b.Dir, name, ErrFormat)
	}
	data, err := read(b.Dir, name, min(want.Size, maxFile))
	if err != nil {
		return nil, err
	}
	if got := Hash(data); got != want {
		return nil, fmt.Errorf("bundle: %s has %d bytes with SHA-256 %s, the manifest says %d with %s: %w: restore the file or export again",
			filepath.Join(b.Dir, name), got.Size, got.SHA256, want.Size, want.SHA256, ErrHash)
	}
	return data, nil
}

// Graph is [Bundle.File] for one of the three graphs.
func (b *Bundle) Graph(name string) ([]byte, error) { return b.File(name) }

// Verify hashes every file of the bundle.
func (b *Bundle) Verify() error {
	for _, name := range slices.Sorted(maps.Keys(b.Manifest.Files)) {
		if _, err := b.File(name); err != nil {
			return err
		}
	}
	return nil
}

// Hash returns the identity of the bundle: the SHA-256, in hexadecimal, over one line "name sha256 size\n" for each file
// of the manifest in the order of the names.
func (b *Bundle) Hash() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(b.Manifest.Files)) {
		f := b.Manifest.Files[name]
		fmt.Fprintf(h, "%s %s %d\n", name, f.SHA256, f.Size)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Hash returns the manifest's entry for a file with this content.
func Hash(data []byte) File {
	sum := sha256.Sum256(data)
	return File{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data))}
}

// read returns a file inside dir of at most limit bytes. It cannot leave dir, by a name or by a symbolic link.
func read(dir, name string, limit int64) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	defer root.Close()
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && name != ManifestFile {
			return nil, fmt.Errorf("bundle: %s is missing: %w: export the bundle again", filepath.Join(dir, name), ErrFormat)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("bundle: %s holds no %s: give the folder of a bundle: %w", dir, ManifestFile, fs.ErrNotExist)
		}
		return nil, fmt.Errorf("bundle: %w: %w", err, ErrFormat)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("bundle: %s is not a regular file: %w", filepath.Join(dir, name), ErrFormat)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("bundle: %s has %d bytes, at most %d are expected: %w", filepath.Join(dir, name), info.Size(), limit, errTooBig)
	}
	var buf bytes.Buffer
	buf.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := io.Copy(&buf, io.LimitReader(f, limit+1)); err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return buf.Bytes(), nil
}

// checkName refuses names that are not plain relative paths with slashes.
func checkName(name string) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) || strings.ContainsAny(name, "\\:") || strings.HasPrefix(name, "/") {
		return fmt.Errorf("bundle: the file name %q leaves the bundle's folder: %w", name, ErrFormat)
	}
	return nil
}
