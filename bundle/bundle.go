package bundle

import (
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

	"github.com/catvae/catvae/internal/foreign"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/visible"
)

// These errors occur when a bundle is read. Each is also an [ErrBad]: trying again will not help.
var (
	ErrBad    = errors.New("bad bundle")
	ErrFormat = fmt.Errorf("%w: broken", ErrBad)     // the manifest or a file is not what it must be
	ErrNewer  = fmt.Errorf("%w: newer", ErrBad)      // written by a newer major version
	ErrHash   = fmt.Errorf("%w: wrong hash", ErrBad) // a file is not the one that the manifest names
)

// The largest files that are read: manifest.json and verification.json, and anything else. ONNX itself ends at 2 GiB. A
// manifest has some KB; its longest lists are a learned prior's logits, of which 300,000 fit.
const (
	maxText = 8 << 20
	maxFile = 2<<30 - 1
)

// A Bundle is a bundle's folder and its checked manifest. It holds nothing open.
type Bundle struct {
	Dir      string
	Manifest *Manifest
}

// Open reads and checks the manifest of the bundle in dir. The graphs are read, and hashed, by [Bundle.Graph]. A folder
// or manifest that does not exist is fs.ErrNotExist; anything wrong with the manifest is an [ErrBad]. An error of the
// system, such as too many open files, is neither: the same call may succeed later.
func Open(dir string) (*Bundle, error) {
	b, err := open(dir)
	return b, visible.Error(err)
}

func open(dir string) (*Bundle, error) {
	data, err := read(dir, ManifestFile, maxText)
	if err != nil {
		if err := folder(dir); err != nil {
			return nil, err
		}
		return nil, err
	}
	m, err := ParseManifest(data)
	if err != nil {
		if err := pointer(filepath.Join(dir, ManifestFile), data, ErrFormat); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%w (%s)", err, filepath.Join(dir, ManifestFile))
	}
	return &Bundle{Dir: dir, Manifest: m}, nil
}

// File returns the content of a file that the manifest lists. The bytes returned are the bytes that were hashed. Links are
// followed, out of the folder too; whatever they lead to must be a regular file of the manifest's size and hash.
func (b *Bundle) File(name string) ([]byte, error) {
	data, err := b.file(name)
	return data, visible.Error(err)
}

func (b *Bundle) file(name string) ([]byte, error) {
	want, ok := b.Manifest.Files[name]
	if !ok {
		return nil, fmt.Errorf("bundle: %s: the manifest lists no file %.100q: %w", b.Dir, name, ErrFormat)
	}
	data, err := read(b.Dir, name, min(want.Size, maxFile))
	if err != nil {
		return nil, err
	}
	if got := Hash(data); got != want {
		if err := pointer(filepath.Join(b.Dir, name), data, ErrHash); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("bundle: %s has %d bytes with SHA-256 %s, the manifest says %d with %s: %w: restore the file or export again",
			filepath.Join(b.Dir, name), got.Size, got.SHA256, want.Size, want.SHA256, ErrHash)
	}
	return data, nil
}

// folder reports a path that leads to something else than a folder, and what it is.
func folder(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return nil
	}
	what := "no folder"
	if f, err := readfile.Open(path); err == nil {
		defer f.Close()
		head, _ := io.ReadAll(io.LimitReader(f, 1<<16)) // what cannot be read tells nothing
		if k, ok := foreign.Of(head); ok {
			what = k.Is + ": " + k.Way
		}
	}
	return fmt.Errorf("bundle: %s is %s: %w: a bundle is a folder with %s, which catvae train, export and import write", path, what, ErrFormat, ManifestFile)
}

// pointer reports a file that Git LFS has put in the place of another.
func pointer(path string, data []byte, kind error) error {
	if k, ok := foreign.Of(data); ok && foreign.Pointer(data) {
		return fmt.Errorf("bundle: %s is %s: %w: %s", path, k.Is, kind, k.Way)
	}
	return nil
}

// Graph is [Bundle.File] for one of [Manifest.Graphs].
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

// ReadVerification returns the verification.json of the bundle in dir, which is for people and not hashed. A bundle can do
// without: then the error is fs.ErrNotExist.
func ReadVerification(dir string) ([]byte, error) {
	data, err := readfile.Bytes(filepath.Join(dir, VerificationFile), maxText)
	if err != nil {
		return nil, visible.Error(readError(err))
	}
	return data, nil
}

// read returns a file of the bundle in dir, of at most limit bytes.
func read(dir, name string, limit int64) ([]byte, error) {
	local, err := checkName(name)
	if err != nil {
		return nil, err
	}
	data, err := readfile.Bytes(filepath.Join(dir, local), limit)
	switch {
	case err == nil:
		return data, nil
	case errors.Is(err, fs.ErrNotExist) && name == ManifestFile:
		return nil, fmt.Errorf("bundle: %s holds no %s: give the folder of a bundle: %w", dir, ManifestFile, fs.ErrNotExist)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("bundle: %s is missing: %w: export the bundle again", filepath.Join(dir, local), ErrFormat)
	}
	return nil, readError(err)
}

// readError says whose fault it is that a file was not read: the system's, which another try may not meet, or the bundle's.
func readError(err error) error {
	if readfile.System(err) {
		return fmt.Errorf("bundle: %w", err)
	}
	return fmt.Errorf("bundle: %w: %w", err, ErrFormat)
}

// checkName returns a name of the manifest as a path, or refuses it.
func checkName(name string) (string, error) {
	local, err := readfile.Local(name)
	if err != nil {
		return "", fmt.Errorf("bundle: the file name %w: %w", err, ErrFormat)
	}
	return local, nil
}
