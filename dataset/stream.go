package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
)

// A stream is a source's content, unpacked where it is gzip.
type stream struct {
	*bufio.Reader
	name  string
	file  io.Closer
	size  int64     // of the file, 0 where it is not known
	plain int64     // bytes to come, where that is known before they are read, else -1: what a header may promise
	seek  io.Seeker // nil where the content can only be read on

	packed bool // ends with a checksum
	pipe   bool // can be read once only
}

// bufferSize is what is read at once where rows are small. Larger reads go past the buffer.
const bufferSize = 1 << 18

func openStream(path string) (*stream, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	s, err := newStream(path, f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

func newStream(name string, f *os.File) (*stream, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	s := &stream{Reader: bufio.NewReaderSize(f, bufferSize), name: name, file: f, size: info.Size(), plain: info.Size(), seek: f}
	if !info.Mode().IsRegular() {
		s.size, s.plain, s.seek, s.pipe = 0, -1, nil, true
	}
	return s, s.unpack()
}

// newPipe returns the stream of what can only be read on.
func newPipe(name string, r io.Reader, c io.Closer) (*stream, error) {
	s := &stream{Reader: bufio.NewReaderSize(r, bufferSize), name: name, file: c, plain: -1}
	return s, s.unpack()
}

// unpack reads on through gzip where the content is packed.
func (s *stream) unpack() error {
	if head, _ := s.Peek(2); !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return nil
	}
	z, err := gzip.NewReader(s.Reader)
	if err != nil {
		return &FormatError{File: s.name, Reason: "it is no gzip file", Cause: err}
	}
	s.Reader, s.plain, s.seek, s.packed = bufio.NewReaderSize(z, bufferSize), -1, nil, true
	return nil
}

func (s *stream) Close() error {
	if err := s.file.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// expect reports a plain file that is shorter or longer than its header says.
func (s *stream) expect(header, body int64) error {
	if s.plain >= 0 && s.plain != header+body {
		return &FormatError{File: s.name, Reason: fmt.Sprintf("it has %d bytes, its header promises %d", s.plain, header+body)}
	}
	return nil
}

// read fills buf with the bytes of rows from row on, of so many bytes each.
func (s *stream) read(buf []byte, row, size int) error {
	if n, err := io.ReadFull(s, buf); err != nil {
		return &FormatError{File: s.name, Reason: fmt.Sprintf("it ends in row %d", row+n/max(size, 1)), Cause: err}
	}
	return nil
}

// end looks for the end of packed content, where its checksum is: what follows the last row, or a checksum that does not fit, is
// an error. Of plain files the size was held against the header's.
func (s *stream) end() error {
	if !s.packed {
		return nil
	}
	switch _, err := s.Peek(1); {
	case err == nil:
		return &FormatError{File: s.name, Reason: "it holds more than its header says"}
	case !errors.Is(err, io.EOF):
		return &FormatError{File: s.name, Reason: "its checksum cannot be confirmed", Cause: err}
	}
	return nil
}

// skip passes over n bytes.
func (s *stream) skip(n int64) error {
	if s.seek == nil || n <= int64(s.Buffered()) {
		_, err := io.CopyN(io.Discard, s, n)
		return err
	}
	if _, err := s.seek.Seek(n-int64(s.Buffered()), io.SeekCurrent); err != nil {
		return err
	}
	s.Reset(s.seek.(io.Reader))
	return nil
}

// skipRows passes over rows of so many bytes.
func (s *stream) skipRows(rows, size, at int) error {
	if err := s.skip(int64(rows) * int64(size)); err != nil {
		return &FormatError{File: s.name, Reason: fmt.Sprintf("it ends in the rows from %d on", at), Cause: err}
	}
	return nil
}
