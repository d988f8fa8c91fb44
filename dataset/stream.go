package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/catvae/catvae/dataset/internal/reading"
)

// A stream is a source's content, unpacked where it is gzip. Once its context is done, its reads fail: readers need not look.
type stream struct {
	*bufio.Reader
	name  string
	file  io.Closer
	size  int64         // of the file, 0 where it is not known
	plain int64         // bytes to come, where that is known before they are read, else -1: what a header may promise
	base  io.ReadSeeker // what the buffer reads from, nil where the content can only be read on

	packed bool // ends with a checksum
	pipe   bool // can be read once only
}

// bufferSize is what is read at once where rows are small. Larger reads go past the buffer.
const bufferSize = 1 << 18

// openStream opens a file. Opening a named pipe waits for its writer, or until the context is done.
func openStream(ctx context.Context, path string) (*stream, error) {
	f, err := openFile(ctx, path)
	if err != nil {
		return nil, err
	}
	s, err := newStream(ctx, path, f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

func openFile(ctx context.Context, path string) (*os.File, error) {
	f, err := reading.Await(ctx, func() (*os.File, error) {
		f, err := os.Open(path)
		if err == nil && ctx.Err() != nil { // nobody waits for it any more
			return nil, errors.Join(ctx.Err(), f.Close())
		}
		return f, err
	})
	if stopped := reading.Stopped(path, err); stopped != nil {
		return nil, stopped
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	return f, nil
}

func newStream(ctx context.Context, name string, f *os.File) (*stream, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if !info.Mode().IsRegular() {
		return newPipe(ctx, name, f, f)
	}
	base := reading.NewFile(ctx, f)
	s := &stream{Reader: bufio.NewReaderSize(base, bufferSize), name: name, file: f, size: info.Size(), plain: info.Size(), base: base}
	return s, s.unpack()
}

// newPipe returns the stream of what can only be read on.
func newPipe(ctx context.Context, name string, r io.Reader, c io.Closer) (*stream, error) {
	s := &stream{Reader: bufio.NewReaderSize(reading.NewPipe(ctx, r), bufferSize), name: name, file: c, plain: -1, pipe: true}
	return s, s.unpack()
}

// unpack reads on through gzip where the content is packed.
func (s *stream) unpack() error {
	if head, _ := s.Peek(2); !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return nil
	}
	z, err := gzip.NewReader(s.Reader)
	if err != nil {
		return s.broken("it is no gzip file", err)
	}
	s.Reader, s.plain, s.base, s.packed = bufio.NewReaderSize(z, bufferSize), -1, nil, true
	return nil
}

func (s *stream) Close() error {
	if err := s.file.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// broken returns the error of content that cannot be used, or that of a done context where that is the cause.
func (s *stream) broken(reason string, cause error) error { return broken(s.name, reason, cause) }

func broken(file, reason string, cause error) error {
	if err := reading.Stopped(file, cause); err != nil {
		return err
	}
	return &FormatError{File: file, Reason: reason, Cause: cause}
}

// expect reports a plain file that is shorter or longer than its header says.
func (s *stream) expect(header, body int64) error {
	if s.plain >= 0 && s.plain != header+body {
		return &FormatError{File: s.name, Reason: fmt.Sprintf("it has %d bytes, its header promises %d", s.plain, header+body)}
	}
	return nil
}

// read fills buf with the bytes of rows of size bytes each, from row on.
func (s *stream) read(buf []byte, row, size int) error {
	if n, err := io.ReadFull(s, buf); err != nil {
		return s.broken(fmt.Sprintf("it ends in row %d", row+n/max(size, 1)), err)
	}
	return nil
}

// end looks for the end of packed content, where its checksum is: what follows the last row, or a checksum that does not fit, is
// an error. The size of a plain file was compared with its header's before.
func (s *stream) end() error {
	if !s.packed {
		return nil
	}
	switch _, err := s.Peek(1); {
	case err == nil:
		return &FormatError{File: s.name, Reason: "it holds more than its header says"}
	case !errors.Is(err, io.EOF):
		return s.broken("its checksum cannot be confirmed", err)
	}
	return nil
}

// skip passes over n bytes.
func (s *stream) skip(n int64) error {
	if s.base == nil || n <= int64(s.Buffered()) {
		_, err := io.CopyN(io.Discard, s, n)
		return err
	}
	if _, err := s.base.Seek(n-int64(s.Buffered()), io.SeekCurrent); err != nil {
		return err
	}
	s.Reset(s.base)
	return nil
}

// skipRows passes over rows of size bytes each.
func (s *stream) skipRows(rows, size, at int) error {
	if err := s.skip(int64(rows) * int64(size)); err != nil {
		return s.broken(fmt.Sprintf("it ends in the rows from %d on", at), err)
	}
	return nil
}
