package dataset

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	_ "image/jpeg" // decoded
	_ "image/png"  // decoded
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/catvae/catvae/dataset/internal/content"
	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/internal/readfile"
	xdraw "golang.org/x/image/draw"
)

// An Image says what pictures are made to fit: they are turned grey, then resized.
type Image struct {
	Height, Width int
	Resize        string // "none": another size is a bad row; "nearest", "bilinear" or "catmull-rom": stretched to size
}

// scalers hold the ways to resize.
var scalers = map[string]xdraw.Scaler{"nearest": xdraw.NearestNeighbor, "bilinear": xdraw.BiLinear, "catmull-rom": xdraw.CatmullRom}

// What a picture may have before it is decoded: bytes in its file, and pixels, which a small file may claim many of.
const (
	maxPictureBytes = 64 << 20
	maxPixels       = 1 << 26

	keptPictureBytes = 1 << 20 // of memory for a file, which is kept for the next one
)

// images reads pictures, PNG and JPEG, each a row of grey bytes. Files are opened and decoded where rows are decoded.
type images struct {
	info    Info
	ctx     context.Context // of all reading
	root    string          // folder that names are relative to
	names   []string
	formats map[string]bool // formats, as package image names them
	fit     Image
	row     int
	tally   *Tally
	buf     []byte
	raw     pool
	files   sync.Pool     // of *bytes.Buffer
	table   *[256]float32 // what bytes become
}

// openPicture opens one picture.
func openPicture(ctx context.Context, path string, o Options) (Reader, error) {
	return openImages(ctx, path, filepath.Dir(path), []string{filepath.Base(path)}, o)
}

// openImages opens pictures by their names below root, in the order of names.
func openImages(ctx context.Context, source, root string, names []string, o Options) (Reader, error) {
	slices.Sort(names)
	r := &images{ctx: ctx, info: Info{Source: source, Rows: len(names), DType: "uint8"}, root: root, names: names, formats: map[string]bool{}, table: tableOf(o.Values)}
	for _, f := range Formats() {
		r.formats[strings.ToLower(f.Name)] = f.Picture()
	}
	r.files.New = func() any { return new(bytes.Buffer) }
	if o.Image != nil {
		r.fit = *o.Image
	} else {
		var err error
		if r.fit, err = r.firstSize(); err != nil {
			return nil, err
		}
	}
	if _, ok := scalers[r.fit.Resize]; !ok && r.fit.Resize != "none" && r.fit.Resize != "" {
		return nil, fmt.Errorf("dataset: pictures are resized by %q: use none, nearest, bilinear or catmull-rom", r.fit.Resize)
	}
	if r.fit.Height < 1 || r.fit.Width < 1 || r.fit.Height > maxRow/r.fit.Width {
		return nil, fmt.Errorf("dataset: pictures of %dx%d: a row has 1 to %d values", r.fit.Height, r.fit.Width, maxRow)
	}
	r.info.Shape = []int{r.fit.Height, r.fit.Width}
	r.buf = make([]byte, r.info.RowSize())
	r.tally = o.Tally(r.info.Rows, "pictures", fmt.Sprint(r.fit))
	return r, nil
}

// firstSize returns the size of the first picture that has one.
func (r *images) firstSize() (Image, error) {
	for row := range min(len(r.names), 1000) {
		var size Image
		err := r.picture(row, io.Discard, func(img image.Image) { size = Image{Height: img.Bounds().Dy(), Width: img.Bounds().Dx()} })
		if err == nil || rowOf(err) < 0 {
			return size, err
		}
	}
	return Image{}, &FormatError{File: r.info.Source, Reason: "none of its first pictures can be decoded"}
}

// walkImages returns the pictures below a folder, by their slash-separated names.
func walkImages(ctx context.Context, dir string) (names []string, err error) {
	root := filepath.Clean(dir) + string(filepath.Separator) // a link to a folder is followed, which without it would be a file
	isPicture := pictureNames()
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		if !d.IsDir() && isPicture(path) {
			names = append(names, filepath.ToSlash(strings.TrimPrefix(path, root)))
		}
		return nil
	})
	if err != nil {
		return nil, unreadable(dir, err)
	}
	return names, nil
}

func (r *images) Info() Info { return r.info }

// ID returns a picture's path, relative to the folder that is the source.
func (r *images) ID(row int) string { return r.names[row] }

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
			err := r.content(r.row-1, h, nil, func([]byte) error { return nil })
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

// decode writes a picture's grey bytes to row, and returns the sum of its file where it is wanted.
func (r *images) decode(number int, row []byte, wanted bool) (sum []byte, err error) {
	h := io.Discard
	if wanted {
		s := content.New()
		h = s
		defer func() { sum = s.Sum(nil) }()
	}
	return nil, r.picture(number, h, func(img image.Image) { r.fitTo(row, img) })
}

// fitTo writes the grey bytes of a picture to row, resized where that is needed.
func (r *images) fitTo(row []byte, img image.Image) {
	b, grey := img.Bounds(), greyImage(img)
	if b.Dx() != r.fit.Width || b.Dy() != r.fit.Height {
		to := image.Rect(0, 0, r.fit.Width, r.fit.Height)
		scalers[r.fit.Resize].Scale(&image.Gray{Pix: row, Stride: r.fit.Width, Rect: to}, to, grey, grey.Bounds(), draw.Src, nil)
		return
	}
	for y := range r.fit.Height {
		copy(row[y*r.fit.Width:][:r.fit.Width], grey.Pix[grey.PixOffset(b.Min.X, b.Min.Y+y):])
	}
}

// greyImage returns a picture in grey: 0.299 R + 0.587 G + 0.114 B, on black where it is transparent.
func greyImage(img image.Image) *image.Gray {
	if g, ok := img.(*image.Gray); ok {
		return g
	}
	g := image.NewGray(img.Bounds())
	draw.Draw(g, g.Bounds(), img, g.Bounds().Min, draw.Src)
	return g
}

// content reads a picture's file, adds its name and its bytes to a sum, and hands the bytes on. What is no file to decode adds
// the reason. cost says how much memory decoding takes, nil where nothing is decoded: the budget is taken for it.
func (r *images) content(number int, sum io.Writer, cost func(raw []byte) (int64, error), use func(raw []byte) error) error {
	fmt.Fprintf(sum, "%q\n", r.names[number])
	for taken := int64(0); ; {
		if again, err := r.attempt(number, &taken, sum, cost, use); !again {
			return err
		}
	}
}

// attempt is content within a budget of some bytes, or of the file's size where none is named. Where it turns out that more is
// needed, which others have, it says how much, and that the budget is to be asked for all of it again: nobody keeps some and
// waits for more.
func (r *images) attempt(number int, taken *int64, sum io.Writer, cost func(raw []byte) (int64, error), use func(raw []byte) error) (again bool, err error) {
	refused := func(err error) (bool, error) {
		if rowOf(err) >= 0 {
			fmt.Fprintf(sum, "%v", err)
		}
		return false, err
	}
	f, was, err := r.open(number)
	if err != nil {
		return refused(err)
	}
	defer f.Close()
	need := max(*taken, was.Size())
	if err := decoding.Acquire(r.ctx, need); err != nil {
		return false, unreadable(r.info.Source, err)
	}
	defer func() { release(need) }()
	buf := r.files.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= keptPictureBytes {
			buf.Reset()
			r.files.Put(buf)
		}
		buf = nil // free before its bytes are given back
	}()
	if err := r.read(number, f, was, buf); err != nil {
		return false, err
	}
	raw := buf.Bytes()
	if cost != nil {
		more, err := cost(raw)
		if err == nil && int64(len(raw))+more > pictureBudget {
			err = r.bad(number, fmt.Sprintf("decoding it takes %d MiB of memory, up to %d are given", (int64(len(raw))+more)>>20+1, pictureBudget>>20), nil)
		}
		if err != nil {
			sum.Write(raw)
			return false, err
		}
		if extra := int64(len(raw)) + more - need; extra > 0 {
			if !decoding.TryAcquire(extra) {
				*taken = need + extra
				return true, nil
			}
			need += extra
		}
	}
	sum.Write(raw)
	return false, use(raw)
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

// picture reads and decodes a file, after a look at what it claims to be, and hands it to use.
func (r *images) picture(number int, sum io.Writer, use func(img image.Image)) error {
	return r.content(number, sum, func(raw []byte) (int64, error) {
		config, kind, err := image.DecodeConfig(bytes.NewReader(raw))
		if err != nil {
			return 0, r.bad(number, "it is no "+namesOfPictures(), err)
		}
		if !r.formats[kind] { // other packages may have registered more with package image
			return 0, r.bad(number, fmt.Sprintf("it is no %s: it is %s", namesOfPictures(), kind), nil)
		}
		if config.Width < 1 || config.Height < 1 || config.Width > maxPixels/config.Height {
			return 0, r.bad(number, fmt.Sprintf("it has %dx%d pixels, up to %d in all are decoded", config.Height, config.Width, maxPixels), nil)
		}
		if fit := r.fit; fit.Width > 0 && scalers[fit.Resize] == nil && (config.Width != fit.Width || config.Height != fit.Height) {
			return 0, r.bad(number, fmt.Sprintf("it has %dx%d pixels, rows have %dx%d (height x width)", config.Height, config.Width, fit.Height, fit.Width), nil)
		}
		return decodingBytes(raw, config, kind, r.fit), nil
	}, func(raw []byte) error {
		img, _, err := image.Decode(bytes.NewReader(raw))
		if err != nil {
			return r.bad(number, "it cannot be decoded", err)
		}
		use(img)
		return nil
	})
}

func (r *images) bad(number int, reason string, cause error) error {
	return &RowError{File: r.names[number], Row: number, Reason: reason, Cause: cause}
}
