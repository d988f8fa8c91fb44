package dataset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
)

// stopped reports whether a done context is what an error is about, and nothing else is blamed.
func stopped(err error, name string) bool {
	return errors.Is(err, context.Canceled) && !errors.Is(err, dataset.ErrData) && strings.Contains(err.Error(), name) && !strings.Contains(err.Error(), "\n")
}

// A done context ends opening and loading of every source before anything is read.
func TestDoneContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, s := range sources(t) {
		s.o.Stdin = bytes.NewReader(s.stdin)
		if _, err := dataset.Open(ctx, s.path, s.o); !stopped(err, s.path) {
			t.Errorf("open %s: %v", name, err)
		}
		if _, err := dataset.Load(ctx, s.path, s.o); !stopped(err, s.path) {
			t.Errorf("load %s: %v", name, err)
		}
		if left := s.o.Stdin.(*bytes.Reader).Len(); left != len(s.stdin) {
			t.Errorf("%s: %d of %d bytes are left", name, left, len(s.stdin))
		}
	}
}

// stopping is a source without an end, which ends a context in the middle and counts what is read after that.
type stopping struct {
	head   []byte
	line   string
	cancel context.CancelFunc
	reads  int
	after  int
}

func (s *stopping) Read(p []byte) (int, error) {
	s.reads++
	if s.reads == 20 {
		s.cancel()
	} else if s.reads > 20 {
		s.after++
	}
	if n := copy(p, s.head); n > 0 {
		s.head = s.head[n:]
		return n, nil
	}
	n := copy(p, strings.Repeat(s.line, max(1, len(p)/len(s.line))))
	return n, nil
}

// A context that ends while a pipe is read ends the reading at once: content that is streamed, kept in a file first, or packed.
func TestContextEndsPipe(t *testing.T) {
	t.Parallel()
	endless := append([]byte{0, 0, 8, 2, 64, 0, 0, 0}, 0, 0, 4, 0)
	for name, s := range map[string]*stopping{
		"IDX":                       {head: endless, line: "abc"},
		"NPY":                       {head: npyHeader("1073741824, 256"), line: "\x00\x00\x00\x00"},
		"CSV":                       {head: []byte("a,b\n"), line: "0,1\n"},
		"NPZ":                       {head: []byte("PK\x03\x04"), line: "a"},
		"one record without an end": {line: "0,"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s.cancel = cancel
		if _, err := dataset.Load(ctx, dataset.Stdin, dataset.Options{Stdin: s}); !stopped(err, "standard input") || s.reads < 20 || s.after > 0 {
			t.Errorf("%s: %d reads, %d after the context was done: %v", name, s.reads, s.after, err)
		}
	}
}

// waiting is a pipe that nobody writes to.
type waiting struct{ reading, end chan struct{} }

func (w waiting) Read([]byte) (int, error) {
	close(w.reading)
	<-w.end
	return 0, io.EOF
}

// A context also ends a read that waits.
func TestContextEndsWaiting(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	w := waiting{make(chan struct{}), make(chan struct{})}
	defer close(w.end)
	go func() {
		<-w.reading
		cancel()
	}()
	if _, err := dataset.Open(ctx, dataset.Stdin, dataset.Options{Stdin: w}); !stopped(err, "standard input") {
		t.Error(err)
	}
}

// counting is a context that is done after it was asked some times.
type counting struct {
	context.Context
	left, after int
}

func (c *counting) Err() error {
	if c.left--; c.left < 0 {
		c.after++
		return context.Canceled
	}
	return nil
}

// A context that ends while files are read ends it at the next look, wherever that is: in the counting of lines, in a header,
// in a folder, in the rows.
func TestContextEndsFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	csv := []byte(strings.Repeat("0,1,0.5,0.25\n", 200_000))
	npy := append(npyHeader("1000, 1024"), make([]byte, 4096*1000)...)
	for i := range 50 {
		put(fmt.Sprintf("pictures/%d.png", i), []byte("no picture"))
	}
	for name, path := range map[string]string{
		"CSV":        put("x.csv", csv),
		"CSV packed": put("x.csv.gz", packed(t, csv)),
		"NPY":        put("x.npy", npy),
		"NPY packed": put("x.npy.gz", packed(t, npy)),
		"NPZ":        put("x.npz", archive(t, 8, []string{"x.npy"}, npy)),
		"IDX":        put("x.idx", idxBytes(t, 1000, 1024)),
		"Parquet":    "testdata/columns.parquet",
		"pictures":   filepath.Join(dir, "pictures"),
		"MNIST":      filepath.Dir(put("mnist/train-images-idx3-ubyte", idxBytes(t, 100, 2, 2))),
		"glyphs":     "glyphs",
	} {
		put("mnist/train-labels-idx1-ubyte", idxBytes(t, 100))
		asked := 0
		for looks := 1; ; looks *= 2 {
			ctx := &counting{Context: context.Background(), left: looks}
			_, err := dataset.Load(ctx, path, dataset.Options{Rows: 100})
			if ctx.after == 0 {
				break
			}
			asked++
			if !stopped(err, "") || ctx.after > 4 {
				t.Errorf("%s, done at look %d: asked %d times after that: %v", name, looks, ctx.after, err)
			}
		}
		if asked < 3 {
			t.Errorf("%s: the context was hardly looked at", name)
		}
	}
}
