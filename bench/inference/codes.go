package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
)

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
