package dataset

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Stdin is the source that is standard input.
const Stdin = "-"

// A format is a file format that is told by its first bytes and opened by its path.
type format struct {
	magic string
	open  func(path string, o Options) (Reader, error)
}

// formats are those that other packages add.
var formats []format

// RegisterFormat adds a file format, which is told by its first bytes. It is called in an init function; dataset/parquet does
// so, and is imported for it.
func RegisterFormat(magic string, open func(path string, o Options) (Reader, error)) {
	formats = append(formats, format{magic, open})
}

func open(source string, o Options) (Reader, error) {
	switch {
	case source == GlyphsSource:
		return NewGlyphs(o), nil
	case source == Stdin:
		return openStdin(o)
	}
	info, err := os.Stat(source)
	if err == nil && info.IsDir() {
		return openFolder(source, o)
	}
	if err == nil {
		return openFile(source, o)
	}
	if path, member, ok := cutMember(source); ok {
		return newNPZ(path, member)
	}
	if strings.ContainsAny(source, "*?[") {
		names, bad := filepath.Glob(source)
		if bad != nil {
			return nil, fmt.Errorf("dataset: the pattern %q: %w", source, bad)
		}
		var pictures []string
		for _, name := range names {
			if isPicture(name) {
				pictures = append(pictures, filepath.ToSlash(name))
			}
		}
		if len(pictures) == 0 {
			return nil, fmt.Errorf("dataset: no PNG or JPEG file fits the pattern %s: %w", source, fs.ErrNotExist)
		}
		return openImages(source, "", pictures, o)
	}
	return nil, fmt.Errorf("dataset: %w", err)
}

// cutMember takes "file.npz:member" apart.
func cutMember(source string) (path, member string, ok bool) {
	i := strings.LastIndex(source, ".npz:")
	if i < 0 {
		return "", "", false
	}
	return source[:i+4], source[i+5:], true
}

// openFolder opens the images and labels of a split of MNIST, under the names in use, plain or gzip, or the pictures below a
// folder that has none of those.
func openFolder(dir string, o Options) (Reader, error) {
	images, err1 := findMNIST(dir, o.Split, "images-idx3")
	labels, err2 := findMNIST(dir, o.Split, "labels-idx1")
	if err1 == nil && err2 == nil {
		return openLabelled(images, labels)
	}
	pictures, err := walkImages(dir)
	if err != nil {
		return nil, err
	}
	if len(pictures) > 0 {
		return openImages(dir, dir, pictures, o)
	}
	return nil, cmp.Or(err1, err2)
}

// findMNIST returns the path of one of MNIST's files.
func findMNIST(dir string, split Split, kind string) (string, error) {
	stem := map[Split]string{Train: "train", Test: "t10k"}[split]
	for _, name := range []string{stem + "-" + kind + "-ubyte", stem + "-" + strings.Replace(kind, "-", ".", 1) + "-ubyte"} {
		for _, suffix := range []string{"", ".gz"} {
			path := filepath.Join(dir, name+suffix)
			if _, err := os.Stat(path); err == nil {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("dataset: %s holds no %s-%s-ubyte (or .gz), and no PNG or JPEG files: give a file, a folder of pictures, or a folder with MNIST's four files: %w", dir, stem, kind, fs.ErrNotExist)
}

// openFile tells a file's format by its first bytes.
func openFile(path string, o Options) (Reader, error) {
	if isPicture(path) {
		return openImages(path, filepath.Dir(path), []string{filepath.Base(path)}, o)
	}
	s, err := openStream(path)
	if err != nil {
		return nil, err
	}
	if s.pipe {
		return openPipe(s, o)
	}
	r, err := sniff(s, func() (string, error) { return path, s.Close() }, o)
	if err != nil {
		s.Close()
		return nil, err
	}
	return r, nil
}

// sniff tells a content's format. IDX and NPY say in their headers how many rows follow and are streamed; the others are read
// from a file, for which file is asked.
func sniff(s *stream, file func() (path string, err error), o Options) (Reader, error) {
	head, err := s.Peek(512)
	if len(head) == 0 && errors.Is(err, io.EOF) {
		return nil, &FormatError{File: s.name, Reason: "it is empty"}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, &FormatError{File: s.name, Reason: "it cannot be read", Cause: err}
	}
	var openAs func(path string, o Options) (Reader, error)
	switch {
	case bytes.HasPrefix(head, []byte("\x93NUMPY")):
		return newNPY(s)
	case bytes.HasPrefix(head, []byte{0, 0}):
		return newIDX(s)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		openAs = func(path string, _ Options) (Reader, error) { return newNPZ(path, "") }
	case isText(head):
		openAs = newCSV
	}
	for _, f := range formats {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			openAs = f.open
		}
	}
	if openAs == nil {
		return nil, &UnsupportedError{File: s.name, Reason: fmt.Sprintf("it begins with %q: IDX, NPY and CSV files, plain or gzip, NPZ and Parquet files, and PNG and JPEG pictures are read", head[:min(len(head), 8)])}
	}
	path, err := file()
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	return openAs(path, o)
}

// isText reports bytes without control characters but those of lines.
func isText(head []byte) bool {
	return bytes.IndexFunc(head, func(c rune) bool { return c < ' ' && c != '\t' && c != '\r' && c != '\n' }) < 0
}

// openStdin reads standard input.
func openStdin(o Options) (Reader, error) {
	in := o.Stdin
	if in == nil {
		in = os.Stdin
	}
	s, err := newPipe("standard input", in, io.NopCloser(nil))
	if err != nil {
		return nil, err
	}
	return openPipe(s, o)
}

// openPipe reads what can only be read once. What must be read twice, to count its rows, is kept in a temporary file.
func openPipe(s *stream, o Options) (Reader, error) {
	var kept string
	r, err := sniff(s, func() (string, error) {
		f, err := os.CreateTemp("", "catvae-stdin-")
		if err != nil {
			return "", err
		}
		kept = f.Name()
		_, err = io.Copy(f, s)
		if err := cmp.Or(err, f.Close(), s.Close()); err != nil {
			return "", &FormatError{File: s.name, Reason: "it cannot be kept in a temporary file", Cause: err}
		}
		return kept, nil
	}, o)
	if err != nil {
		s.Close()
		if kept != "" {
			os.Remove(kept)
		}
		return nil, err
	}
	if kept == "" {
		return r, nil
	}
	if b, ok := r.(ByteReader); ok {
		return keptBytes{b, s.name, kept}, nil
	}
	return keptFloats{r, s.name, kept}, nil
}

// keptFloats and keptBytes remove the file that a pipe was kept in.
type (
	keptFloats struct {
		Reader
		name, path string
	}
	keptBytes struct {
		ByteReader
		name, path string
	}
)

func (k keptFloats) Info() Info { return keptInfo(k.Reader, k.name) }
func (k keptBytes) Info() Info  { return keptInfo(k.ByteReader, k.name) }

func keptInfo(r Reader, name string) Info {
	info := r.Info()
	info.Source, info.Bytes = name, 0
	return info
}

func (k keptFloats) Close() error { return errors.Join(k.Reader.Close(), removeKept(k.path)) }
func (k keptBytes) Close() error  { return errors.Join(k.ByteReader.Close(), removeKept(k.path)) }

func removeKept(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
