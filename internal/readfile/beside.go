package readfile

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Beside returns a function that reads parts of files in the folder of the given one, by names that the file holds: see [Local]. No name
// leads out of the folder, by links either, and only regular files are read. close closes what was opened.
func Beside(path string) (read func(name string, offset, length int64) ([]byte, error), close func()) {
	b := &beside{dir: filepath.Dir(path), files: map[string]*os.File{}}
	return b.read, b.close
}

type beside struct {
	dir   string
	root  *os.Root
	files map[string]*os.File
}

func (b *beside) read(name string, offset, length int64) ([]byte, error) {
	f, err := b.open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if offset < 0 || length < 0 || length > info.Size()-offset {
		return nil, fmt.Errorf("%q has %d bytes, and bytes %d to %d are wanted: %w", f.Name(), info.Size(), offset, offset+length, io.ErrUnexpectedEOF)
	}
	data := make([]byte, length)
	if n, err := f.ReadAt(data, offset); n < len(data) {
		return nil, err
	}
	return data, nil
}

// open opens a file once.
func (b *beside) open(name string) (*os.File, error) {
	local, err := Local(name)
	if err != nil {
		return nil, err
	}
	if f := b.files[local]; f != nil {
		return f, nil
	}
	if b.root == nil {
		if b.root, err = os.OpenRoot(b.dir); err != nil {
			return nil, err
		}
	}
	info, err := b.root.Stat(local)
	if err != nil {
		return nil, err
	}
	if err := regular(local, info); err != nil {
		return nil, err
	}
	f, err := b.root.OpenFile(local, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = regular(local, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	b.files[local] = f
	return f, nil
}

func (b *beside) close() {
	for _, f := range b.files {
		f.Close() // only read
	}
	if b.root != nil {
		b.root.Close()
	}
}
