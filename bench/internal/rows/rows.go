// Package rows gives benchmarks and trials the rows that they encode: the training rows of a data set, from the beginning again
// when they end.
package rows

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/catvae/catvae/dataset"
)

// Side is the height and width of a row's picture, Size the number of its bytes.
const (
	Side = 28
	Size = Side * Side
)

const idxHeader = 16 // bytes: magic number and three sizes

// A Source is a folder with MNIST's files, or glyphs: what package dataset reads as bytes.
type Source string

// Each calls f for so many rows. A row is valid until f returns, and f may change it.
func (s Source) Each(ctx context.Context, n int, f func(i int, row []byte) error) error {
	for done := 0; done < n; {
		m, err := s.pass(ctx, done, n, f)
		if err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
		done += m
	}
	return nil
}

// pass reads the source once, or until n rows are done, and returns the number of rows that it read.
func (s Source) pass(ctx context.Context, done, n int, f func(i int, row []byte) error) (read int, err error) {
	r, err := dataset.Open(ctx, string(s), dataset.Options{})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	b, ok := r.(dataset.ByteReader)
	if !ok || r.Info().RowSize() != Size {
		return 0, fmt.Errorf("want rows of %d bytes, have %s of shape %v", Size, r.Info().DType, r.Info().Shape)
	}
	row := make([]byte, Size)
	for ; done+read < n; read++ {
		if err := ctx.Err(); err != nil {
			return read, err
		}
		if _, err := b.NextBytes(row); errors.Is(err, io.EOF) && read > 0 {
			break
		} else if err != nil {
			return read, err
		}
		if err := f(done+read, row); err != nil {
			return read, err
		}
	}
	return read, nil
}

// WriteIDX writes so many rows as a plain IDX file, which is left in the page cache.
func (s Source) WriteIDX(ctx context.Context, path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := binary.Write(w, binary.BigEndian, []uint32{0x803, uint32(n), Side, Side}); err != nil {
		return err
	}
	first, err := s.pass(ctx, 0, n, func(_ int, row []byte) error {
		_, err := w.Write(row)
		return err
	})
	if err := errors.Join(err, w.Flush()); err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	for done := first; done < n; { // the file's own beginning is read faster than the source
		if err := ctx.Err(); err != nil {
			return err
		}
		m := min(first, n-done)
		if _, err := io.Copy(f, io.NewSectionReader(f, idxHeader, int64(m)*Size)); err != nil {
			return err
		}
		done += m
	}
	return f.Close()
}
