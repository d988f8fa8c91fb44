package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxRow bounds the values of one row, and so what is allocated for a header's word.
const maxRow = 1 << 24

// maxBytes bounds the bytes of an array: products below it cannot overflow.
const maxBytes = 1 << 50

// deflateRatio is the most that deflate can pack: two bits for 258 bytes (https://zlib.net/zlib_tech.html).
const deflateRatio = 1032

// A stream is a file's content, unpacked where it is gzip. Its first error stays: what follows a broken row is not read.
type stream struct {
	*bufio.Reader
	name   string
	file   io.Closer
	size   int64 // of the file in bytes, -1 where it has none, as a pipe
	packed bool
	left   int64 // bytes of values to come
	err    error
}

func newStream(name string, f *os.File) (*stream, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	s := &stream{Reader: bufio.NewReaderSize(f, 1<<18), name: name, file: f, size: -1}
	if info.Mode().IsRegular() {
		s.size = info.Size()
	}
	if head, _ := s.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(s.Reader)
		if err != nil {
			return nil, s.broken("it is no gzip file", err)
		}
		s.Reader, s.packed = bufio.NewReaderSize(z, 1<<18), true
	}
	return s, nil
}

// Close closes the file; reading on is an error. It may be called twice.
func (s *stream) Close() error {
	s.err = fmt.Errorf("dataset: %s: %w", s.name, fs.ErrClosed)
	if err := s.file.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("dataset: %w", err)
	}
	return nil
}

// broken returns the error for content that cannot be read on, unless it is the file system that failed.
func (s *stream) broken(reason string, cause error) error {
	var system *fs.PathError
	if errors.As(cause, &system) {
		return fmt.Errorf("dataset: %w", cause)
	}
	return &FormatError{File: s.name, Reason: reason, Cause: cause}
}

// expect takes a header's word: its own bytes, and the shape and width in bytes of the values that follow. Everything
// that a reader allocates afterwards is bounded by what is checked here.
func (s *stream) expect(header int64, shape []int, width int64) error {
	body, ok := arrayBytes(shape, width)
	if !ok {
		return &FormatError{File: s.name, Reason: fmt.Sprintf("its header declares the shape %v: that is no array of less than 2^50 bytes", shape)}
	}
	if row, _ := arrayBytes(shape[1:], 1); body == 0 || row > maxRow {
		return &FormatError{File: s.name, Reason: fmt.Sprintf("it has %d rows of shape %v: at least one row of 1 to %d values is needed", shape[0], shape[1:], maxRow)}
	}
	switch {
	case s.size < 0:
	case !s.packed && s.size != header+body:
		return &FormatError{File: s.name, Reason: fmt.Sprintf("it has %d bytes, its header promises %d", s.size, header+body)}
	case s.packed && (header+body)/deflateRatio > s.size:
		return &FormatError{File: s.name, Reason: fmt.Sprintf("its header promises %d bytes, more than %d packed bytes can hold", header+body, s.size)}
	}
	s.left = body
	return nil
}

// read fills buf with a row's bytes. With the last ones it also reads the end of the file, where gzip keeps its checksum.
func (s *stream) read(buf []byte, row int) error {
	if s.err != nil {
		return s.err
	}
	if _, err := io.ReadFull(s, buf); err != nil {
		s.err = s.broken(fmt.Sprintf("it ends in row %d", row), err)
	} else if s.left -= int64(len(buf)); s.left == 0 {
		s.err = s.end()
	}
	return s.err
}

func (s *stream) end() error {
	switch _, err := s.ReadByte(); {
	case err == nil:
		return &FormatError{File: s.name, Reason: "it goes on after the values that its header promises"}
	case errors.Is(err, io.EOF):
		return nil
	default:
		return s.broken("its end cannot be read", err)
	}
}

// arrayBytes returns the bytes of an array, and false where an axis is negative or the axes other than 0 multiply to
// maxBytes or more.
func arrayBytes(shape []int, width int64) (total int64, ok bool) {
	total = width
	empty := false
	for _, d := range shape {
		switch {
		case d < 0:
			return 0, false
		case d == 0:
			empty = true
		case total > maxBytes/int64(d):
			return 0, false
		default:
			total *= int64(d)
		}
	}
	if empty {
		total = 0
	}
	return total, true
}

// fits reports a buffer of another size than a row's.
func fits(got, want int) error {
	if got != want {
		return fmt.Errorf("dataset: the buffer for a row has %d values, rows have %d", got, want)
	}
	return nil
}

// scaled holds b/255 for each byte, in float32.
var scaled = func() (t [256]float32) {
	for i := range t {
		t[i] = float32(i) / 255
	}
	return t
}()

// scale writes b/255 for each byte of src; dst has its length.
func scale(dst []float32, src []byte) {
	for i, b := range src {
		dst[i] = scaled[b]
	}
}
