package main

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
)

const (
	side      = 28
	rowSize   = side * side
	idxHeader = 16
)

// writeIDX writes rows as a plain IDX file: MNIST's training split, repeated. The file is left in the page cache.
func (b *bench) writeIDX(path string, rows int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := binary.Write(w, binary.BigEndian, []uint32{0x803, uint32(rows), side, side}); err != nil {
		return err
	}
	for done := 0; done < rows; {
		n, err := b.eachRow(rows-done, func(_ int, row []byte) error {
			_, err := w.Write(row)
			return err
		})
		if err != nil {
			return err
		}
		done += n
	}
	return errors.Join(w.Flush(), f.Close())
}

// eachRow reads up to most of MNIST's training rows and returns how many there were. The file is read here, and not by the
// readers that are timed.
func (b *bench) eachRow(most int, f func(i int, row []byte) error) (int, error) {
	name := filepath.Join(b.Data, "train-images-idx3-ubyte")
	var source io.Reader
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		if file, err = os.Open(name + ".gz"); err == nil {
			defer file.Close()
			source, err = gzip.NewReader(file)
		}
	} else if err == nil {
		defer file.Close()
		source = bufio.NewReader(file)
	}
	if err != nil {
		return 0, err
	}
	if _, err := io.CopyN(io.Discard, source, idxHeader); err != nil {
		return 0, err
	}
	row := make([]byte, rowSize)
	for i := range most {
		if _, err := io.ReadFull(source, row); errors.Is(err, io.EOF) && i > 0 {
			return i, nil
		} else if err != nil {
			return i, fmt.Errorf("%s: %w", name, err)
		}
		if err := f(i, row); err != nil {
			return i, err
		}
	}
	return most, nil
}

// openNPY opens an NPY file at its first value. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
func openNPY(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	head := make([]byte, 10)
	if _, err := io.ReadFull(f, head); err != nil || string(head[:7]) != "\x93NUMPY\x01" {
		return nil, errors.Join(f.Close(), fmt.Errorf("%s: no NPY file of version 1", path))
	}
	_, err = f.Seek(int64(binary.LittleEndian.Uint16(head[8:])), io.SeekCurrent)
	if err != nil {
		return nil, errors.Join(f.Close(), err)
	}
	return f, nil
}

// agreement compares two files of packed codes, as far as the shorter one goes, and returns the share of equal bits.
func agreement(a, b string) (float64, error) {
	x, err := openNPY(a)
	if err != nil {
		return 0, err
	}
	defer x.Close()
	y, err := openNPY(b)
	if err != nil {
		return 0, err
	}
	defer y.Close()
	p, q := bufio.NewReader(x), bufio.NewReader(y)
	different, all := 0, 0
	for {
		m, err1 := p.ReadByte()
		n, err2 := q.ReadByte()
		if err := errors.Join(err1, err2); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, err
		}
		different += bits.OnesCount8(m ^ n)
		all += 8
	}
	if all == 0 {
		return 0, fmt.Errorf("%s or %s holds no codes", a, b)
	}
	return 1 - float64(different)/float64(all), nil
}
