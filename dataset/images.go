package dataset

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/catvae/catvae/dataset/internal/content"
	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/picture"
	"golang.org/x/sync/semaphore"
)

// An Image says what pictures are made to fit: see [picture.Rule]. Where its height and width are 0, all pictures must have the size
// of the first.
type Image = picture.Rule

// What a picture's file may have, and what all files take that are read at once: see [picture.Budget] for their decoding.
const (
	maxPictureBytes  = 64 << 20
	keptPictureBytes = 1 << 20 // of memory for a file, which is kept for the next one
)

// heldFiles is what is left for files that are decoded.
var heldFiles = semaphore.NewWeighted(maxPictureBytes)

// images reads pictures, each a row of bytes. Files are opened and decoded where rows are decoded.
type images struct {
	info  Info
	ctx   context.Context // of all reading
	root  string          // folder that names are relative to
	names []string
	fit   Image
	own   bool          // fit has the first picture's size
	seen  func() string // the sizes of pictures
	row   int
	tally *Tally
	buf   []byte
	raw   pool
	files sync.Pool     // of *bytes.Buffer
	table *[256]float32 // what bytes become
}

// openPicture opens one picture.
func openPicture(ctx context.Context, path string, o Options) (Reader, error) {
	return openImages(ctx, path, filepath.Dir(path), []string{filepath.Base(path)}, Passed{}, o)
}

// openImages opens pictures by their names below root, in the order of names.
func openImages(ctx context.Context, source, root string, names []string, passed Passed, o Options) (Reader, error) {
	slices.Sort(names)
	r := &images{
		ctx: ctx, root: root, names: names, table: tableOf(o.Values),
		info: Info{Source: source, Rows: len(names), DType: "uint8", Pictures: true, Passed: passed},
	}
	r.files.New = func() any { return new(bytes.Buffer) }
	r.seen = sync.OnceValue(r.sizes)
	if o.Image != nil {
		r.fit = *o.Image
	}
	if err := r.fit.Check(); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if r.fit.Size() == 0 {
		if err := r.firstSize(); err != nil {
			return nil, err
		}
	}
	r.info.Shape = r.fit.Shape()
	r.buf = make([]byte, r.info.RowSize())
	r.tally = o.Tally(r.info.Rows, "pictures", ruleText(r.fit))
	return r, nil
}

// ruleText is a rule as sums have it. A rule that has always been has the text that it always had.
func ruleText(r Image) string {
	text := fmt.Sprintf("{%d %d %s}", r.Height, r.Width, r.Resize)
	if r.Background != "" || r.Orientation != "" {
		text += fmt.Sprintf(" on %s, orientation %s", r.Background, r.Orientation)
	}
	if r.Fit != "" || r.Color != "" {
		text += fmt.Sprintf(", fit %s, color %s", r.Fit, r.Color)
	}
	return text
}

// firstSize takes the size of the first picture that has one.
func (r *images) firstSize() error {
	for row := range min(len(r.names), 1000) {
		err := r.content(row, io.Discard, func(raw []byte) error {
			grey, err := r.fit.Grey(r.ctx, raw)
			if err == nil {
				r.fit.Height, r.fit.Width, r.own = grey.Rect.Dy(), grey.Rect.Dx(), true
			}
			return r.refusal(row, err)
		})
		if err == nil || rowOf(err) < 0 {
			return err
		}
	}
	return &FormatError{File: r.info.Source, Reason: "none of its first pictures can be decoded"}
}

func (r *images) Info() Info { return r.info }

// ID returns a picture's path, relative to the folder that is the source, as UTF-8.
func (r *images) ID(row int) string { return visible.EscapeID(r.names[row]) }

func (r *images) Close() error { return nil }

func (r *images) Skip(rows int) error {
	r.row = min(r.row+rows, r.info.Rows)
	return nil
}

func (r *images) Next(row []float32) (int, error) {
	if _, err := r.NextBytes(r.buf); err != nil {
		return -1, err
	}
	greyOf(row, r.buf, r.table)
	return -1, nil
}

// NextBytes is Next for the bytes themselves.
func (r *images) NextBytes(row []byte) (int, error) {
	if r.row == r.info.Rows {
		return -1, io.EOF
	}
	report := r.report(1)
	sum, err := r.decode(r.row-1, row, report != nil)
	if report != nil && (err == nil || rowOf(err) >= 0) {
		report(sum)
	}
	return -1, err
}

// report passes over the next rows and returns what their bytes are reported to, nil where nobody asks.
func (r *images) report(rows int) func(sums ...[]byte) {
	r.row += rows
	return r.tally.Later(r.row-rows, rows)
}

// Scan reads files without decoding them.
func (r *images) Scan(rows int) error {
	for range min(rows, r.info.Rows-r.row) {
		if report := r.report(1); report != nil {
			h := content.New()
			err := r.content(r.row-1, h, func([]byte) error { return nil })
			if err != nil && rowOf(err) < 0 {
				return err
			}
			report(h.Sum(nil))
		}
	}
	return nil
}

// Bytes takes the next names; files are read where rows are decoded.
func (r *images) Bytes(dst []byte) (int, Decode, error) {
	size := r.info.RowSize()
	n, err := reading.RowsIn(len(dst), size, r.info.Rows-r.row)
	if err != nil {
		return 0, nil, err
	}
	first := r.row
	report := r.report(n)
	return n, func() (bad []error, _ error) {
		var sums []byte
		for i := range n {
			row := dst[i*size:][:size]
			sum, err := r.decode(first+i, row, report != nil)
			if err != nil {
				if rowOf(err) < 0 {
					return nil, err
				}
				clear(row)
				bad = append(bad, err)
			}
			sums = append(sums, sum...)
		}
		if report != nil {
			report(sums)
		}
		return bad, nil
	}, nil
}

func (r *images) Floats(dst []float32) (int, Decode, error) {
	return floatsOfBytes(dst, r.info.RowSize(), r.row, &r.raw, r.table, r.Bytes)
}

// decode writes a picture's bytes to row, and returns the sum of its file where it is wanted.
func (r *images) decode(number int, row []byte, wanted bool) (sum []byte, err error) {
	h := io.Discard
	if wanted {
		s := content.New()
		h = s
		defer func() { sum = s.Sum(nil) }()
	}
	return nil, r.content(number, h, func(raw []byte) error {
		return r.refusal(number, r.fit.Decode(r.ctx, row, raw))
	})
}

// content reads a picture's file, adds its name and its bytes to a sum, and hands the bytes on. What is no file to decode adds
// the reason.
func (r *images) content(number int, sum io.Writer, use func(raw []byte) error) error {
	fmt.Fprintf(sum, "%q\n", r.names[number])
	f, was, err := r.open(number)
	if err != nil {
		if rowOf(err) >= 0 {
			fmt.Fprintf(sum, "%v", err)
		}
		return err
	}
	defer f.Close()
	if err := heldFiles.Acquire(r.ctx, was.Size()); err != nil {
		return unreadable(r.info.Source, err)
	}
	defer heldFiles.Release(was.Size())
	buf := r.files.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= keptPictureBytes {
			buf.Reset()
			r.files.Put(buf)
		}
		buf = nil // free before its bytes are given back
	}()
	if err := r.read(number, f, was, buf); err != nil {
		return err
	}
	sum.Write(buf.Bytes())
	return use(buf.Bytes())
}

// open opens a picture's file.
func (r *images) open(number int) (handle, fs.FileInfo, error) {
	path := r.path(number)
	if err := r.ctx.Err(); err != nil {
		return nil, nil, unreadable(r.info.Source, err)
	}
	opened, err := readfile.Open(path) // a pipe, which would wait for its writer, is none
	if errors.Is(err, readfile.ErrIrregular) {
		return nil, nil, r.bad(number, "it is no file", nil)
	}
	if err != nil {
		return nil, nil, unreadable(path, err)
	}
	f := handleOf(opened)
	info, err := f.Stat()
	switch {
	case err != nil:
		err = unreadable(path, err)
	case info.Size() == 0:
		err = r.bad(number, "it is empty", nil)
	case info.Size() > maxPictureBytes:
		err = r.bad(number, fmt.Sprintf("it has %d bytes, up to %d are read", info.Size(), maxPictureBytes), nil)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// read reads a picture's file whole, so that nothing that decoding meets is the system's.
func (r *images) read(number int, f handle, was fs.FileInfo, buf *bytes.Buffer) error {
	path := r.path(number)
	buf.Grow(int(was.Size()) + bytes.MinRead)
	if _, err := buf.ReadFrom(io.LimitReader(f, was.Size()+1)); err != nil {
		return unreadable(path, err)
	}
	is, err := f.Stat()
	if err != nil {
		return unreadable(path, err)
	}
	return changed(path, was, is)
}

func (r *images) path(number int) string {
	return filepath.Join(r.root, filepath.FromSlash(r.names[number]))
}

func (r *images) bad(number int, reason string, cause error) error {
	return &RowError{File: r.names[number], Row: number, Reason: reason, Cause: cause}
}

// refusal returns the error of a row whose picture cannot be used. One of another size names the way out.
func (r *images) refusal(number int, err error) error {
	var bad *picture.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &bad):
		return unreadable(r.info.Source, err)
	case bad.Height == 0:
		return r.bad(number, bad.Reason, bad.Cause)
	case r.own:
		return r.bad(number, fmt.Sprintf("%s: set data.image_size, such as %dx%d, and data.resize, such as bilinear, in training to make all pictures one size; %s", bad.Reason, r.fit.Height, r.fit.Width, r.seen()), nil)
	}
	return r.bad(number, bad.Reason+": resize the picture, or set data.resize, such as bilinear, in training, for a model that takes all sizes", nil)
}

// What is looked at to say which sizes there are: pictures, the first bytes of each, and how many sizes are named.
const (
	sizedPictures = 100
	sizedBytes    = 1 << 18
	namedSizes    = 3
)

// sizes says which sizes pictures have, most frequent first.
func (r *images) sizes() string {
	count := map[string]int{}
	n := min(len(r.names), sizedPictures)
	for i := range n {
		row := i * len(r.names) / n
		f, _, err := r.open(row)
		if err != nil {
			continue
		}
		head, _ := io.ReadAll(io.LimitReader(f, sizedBytes))
		f.Close()
		if height, width, err := r.fit.Measure(head); err == nil {
			count[fmt.Sprintf("%dx%d", height, width)]++
		}
	}
	names := slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(count[b]-count[a], strings.Compare(a, b)) })
	more := ""
	if left := len(names) - namedSizes; left > 0 {
		names, more = names[:namedSizes], fmt.Sprintf(" and %d other sizes", left)
	}
	for i, name := range names {
		names[i] = fmt.Sprintf("%s (%d)", name, count[name])
	}
	return fmt.Sprintf("of %d pictures these are the sizes: %s%s", n, strings.Join(names, ", "), more)
}
