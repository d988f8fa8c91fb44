package dataset

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/internal/packing"
)

// A stream is a source's content, unpacked where it is gzip or zstd. Once its context is done, its reads fail: readers need not look.
type stream struct {
	*bufio.Reader
	name  string
	from  origin
	size  int64 // of the file, 0 where it is not known
	plain int64 // bytes to come, where that is known before they are read, else -1: what a header may promise
	file  *File // what the buffer reads from, nil where the content can only be read on

	packed bool // ends with a checksum
	pipe   bool // can be read once only
}

// An origin is what bytes come from: a [File], or a pipe.
type origin interface {
	io.Closer
	Broken(reason string, cause error) error
	Changed() error
	Context() context.Context
}

// bufferSize is what is read at once where rows are small. Larger reads go past the buffer.
const bufferSize = 1 << 18

// openStream opens a file.
func openStream(ctx context.Context, path string) (*stream, error) {
	f, err := openFile(ctx, path)
	if err != nil {
		return nil, err
	}
	if !f.was.Mode().IsRegular() {
		return newPipe(ctx, path, f.file, f)
	}
	return newStream(f)
}

// newStream returns the content of a file, from where it is read on.
func newStream(f *File) (*stream, error) {
	s := newPlain(f)
	return s, s.unpack()
}

// newPlain is [newStream] for content that is packed in nothing.
func newPlain(f *File) *stream {
	return &stream{Reader: bufio.NewReaderSize(f, bufferSize), name: f.name, from: f, size: f.Bytes(), plain: f.Size(), file: f}
}

// newPipe returns the stream of what can only be read on.
func newPipe(ctx context.Context, name string, r io.Reader, c io.Closer) (*stream, error) {
	p := &pipe{failure{ctx: ctx, name: name}, reading.NewPipe(ctx, r), c}
	s := &stream{Reader: bufio.NewReaderSize(p, bufferSize), name: name, from: p, plain: -1, pipe: true}
	return s, s.unpack()
}

// unpack reads on through what the content is packed in. It closes a stream that it cannot read.
func (s *stream) unpack() (err error) {
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	head, err := s.peek(packing.Head)
	if err != nil {
		return err
	}
	p, ok := packing.Of(head)
	if !ok {
		return nil
	}
	z, err := p.Unpack(s.Reader)
	if err != nil {
		return s.broken("it is no "+p.Name+" file", err)
	}
	s.Reader, s.plain, s.file, s.packed = bufio.NewReaderSize(z, bufferSize), -1, nil, true
	return nil
}

// peek returns the next bytes, n or as many as there are.
func (s *stream) peek(n int) ([]byte, error) {
	head, err := s.Peek(n)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, s.broken("it cannot be read", err)
	}
	return head, nil
}

func (s *stream) Close() error { return s.from.Close() }

// broken returns the error of content that cannot be used, or that of a done context or of the system where that is the cause.
func (s *stream) broken(reason string, cause error) error { return s.from.Broken(reason, cause) }

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
// an error. The size of a plain file was compared with its header's before. No file may have changed until then.
func (s *stream) end() error {
	if err := s.from.Changed(); err != nil || !s.packed {
		return err
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
	if s.file == nil || n <= int64(s.Buffered()) {
		_, err := io.CopyN(io.Discard, s, n)
		return err
	}
	if _, err := s.file.Seek(n-int64(s.Buffered()), io.SeekCurrent); err != nil {
		return err
	}
	s.Reset(s.file)
	return nil
}

// skipRows passes over rows of size bytes each.
func (s *stream) skipRows(rows, size, at int) error {
	if err := s.skip(int64(rows) * int64(size)); err != nil {
		return s.broken(fmt.Sprintf("it ends in the rows from %d on", at), err)
	}
	return nil
}
