package onnxruntime

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/catvae/catvae/internal/readfile"
)

// Bounds of what a download may hold. The wheels of onnxruntime 1.29.0 have up to 23 MB, its npm package has 112 MB and unpacks to
// 262 MB.
const (
	maxArchive   = 512 << 20 // bytes of an archive
	maxUnpacked  = 2 << 30   // bytes of a tar archive that are passed over to get at a file
	maxDirectory = 4 << 20   // bytes of a zip archive's list of files
)

// A member is one file of an archive.
type member struct {
	archive string // the archive's file
	name    string // in the archive
	open    func(archive *os.File, size int64, name string) (io.ReadCloser, error)
}

// extract writes a member to a file while it hashes it. It stops at the first byte that is too many, and leaves no file that is
// not what is pinned.
func (m member) extract(ctx context.Context, file string, want pin) (err error) {
	archive, err := readfile.Open(m.archive)
	if err != nil {
		return err
	}
	defer archive.Close()
	info, err := archive.Stat()
	switch {
	case err != nil:
		return err
	case info.Size() > maxArchive:
		return fmt.Errorf("the archive has %d bytes, and at most %d are read", info.Size(), maxArchive)
	}
	r, err := m.open(archive, info.Size(), m.name)
	if err != nil {
		return err
	}
	defer r.Close()
	return save(contextReader{ctx, r}, file, want)
}

// save writes what a reader gives to a file, if it is what is pinned.
func save(r io.Reader, file string, want pin) (err error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			os.Remove(file) // the error to report is another
		}
	}()
	h := sha256.New()
	n, err := io.CopyBuffer(io.MultiWriter(f, h), onlyReader{io.LimitReader(r, want.size+1)}, make([]byte, 256<<10))
	if err != nil {
		return err
	}
	if n > want.size {
		return fmt.Errorf("its file has more than the %d bytes that are pinned: it is not taken", want.size)
	}
	if got := hex.EncodeToString(h.Sum(nil)); n < want.size || got != want.sha256 {
		return fmt.Errorf("its file has %d bytes and SHA-256 %s, %d and %s are pinned: it is not taken", n, got, want.size, want.sha256)
	}
	return errors.Join(f.Chmod(0o755), f.Sync())
}

// openZip opens one file of a zip archive.
func openZip(archive *os.File, size int64, name string) (io.ReadCloser, error) {
	list := &boundedReaderAt{ReaderAt: archive, left: maxDirectory}
	z, err := zip.NewReader(list, size)
	if err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	list.done = true
	for _, f := range z.File {
		if f.Name == name {
			return f.Open()
		}
	}
	return nil, fmt.Errorf("the archive holds no %s", name)
}

// boundedReaderAt bounds how much is read until it is done.
type boundedReaderAt struct {
	io.ReaderAt
	left int64
	done bool
}

func (r *boundedReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if r.left -= int64(len(p)); r.left < 0 && !r.done {
		return 0, fmt.Errorf("its list of files has more than %d bytes", maxDirectory)
	}
	return r.ReaderAt.ReadAt(p, off)
}

// openTar opens one file of a gzipped tar archive.
func openTar(archive *os.File, _ int64, name string) (io.ReadCloser, error) {
	g, err := gzip.NewReader(archive)
	if err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	for t := tar.NewReader(io.LimitReader(g, maxUnpacked)); ; {
		h, err := t.Next()
		if err != nil {
			return nil, fmt.Errorf("the archive holds no %s: %w", name, err)
		}
		if h.Typeflag == tar.TypeReg && h.Name == name {
			return io.NopCloser(t), nil
		}
	}
}
