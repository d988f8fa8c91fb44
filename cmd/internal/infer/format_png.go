package infer

import (
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/imgrid"
)

// maxSheet bounds the pictures on one sheet, which is made in memory: see Plan.fit.
const maxSheet = 10_000

func newSheet(p *Plan, w io.Writer, _ int) (formatter, error) {
	return &sheetFormatter{p: p, w: w}, nil
}

// sheetFormatter lays reconstructions out on one sheet.
type sheetFormatter struct {
	p      *Plan
	w      io.Writer
	images [][]float32
}

func (f *sheetFormatter) write(r results) error {
	width := f.p.out.width()
	for i := range r.n {
		f.images = append(f.images, append([]float32(nil), r.floats[i*width:][:width]...))
	}
	return nil
}

func (f *sheetFormatter) close() error {
	return imgrid.Grid{Columns: 16}.WritePNG(f.w, f.images, f.p.imageFormat())
}

// imageFormat says how reconstructions are images.
func (p *Plan) imageFormat() imgrid.Format {
	f := imgrid.Of(p.out.dims)
	f.Black, f.White = p.bundle.Manifest.Input.Values().Shades()
	return f
}

// pictures is a part that is a folder with a PNG for each row, named by the row's id.
type pictures struct {
	p       *Plan
	folder  *atomicfile.Folder
	encoder png.Encoder
}

// bufferPool keeps the encoder's memory, most of a megabyte, from one picture to the next.
type bufferPool struct{ kept *png.EncoderBuffer }

func (b *bufferPool) Get() *png.EncoderBuffer  { return b.kept }
func (b *bufferPool) Put(e *png.EncoderBuffer) { b.kept = e }

func newPictures(p *Plan, path string) (partBody, error) {
	folder, err := atomicfile.CreateFolder(path)
	if err != nil {
		return nil, fmt.Errorf("infer: %w", err)
	}
	return &pictures{p: p, folder: folder, encoder: png.Encoder{BufferPool: &bufferPool{}}}, nil
}

// unfit are the characters that an id may have and a file's name should not.
var unfit = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// pictureName sorts by row, and ends with the id where the id is a name.
func (p *Plan) pictureName(row int) string {
	name := fmt.Sprintf("%09d", row)
	if id, ok := p.id(row).(string); ok {
		base := unfit.ReplaceAllString(strings.TrimSuffix(id, filepath.Ext(id)), "_")
		name += "-" + base[max(0, len(base)-100):]
	}
	return name + ".png"
}

func (f *pictures) write(r results) error {
	format := f.p.imageFormat()
	img := format.New(format.Width, format.Height)
	for i := range r.n {
		format.Draw(img, 0, 0, 1, r.floats[i*format.Size():])
		file, err := os.Create(filepath.Join(f.folder.Path(), f.p.pictureName(r.first+i)))
		if err != nil {
			return fmt.Errorf("infer: %w", err)
		}
		if err := f.encoder.Encode(file, img); err != nil {
			file.Close()
			return fmt.Errorf("infer: %w", err)
		}
		if err := file.Close(); err != nil {
			return fmt.Errorf("infer: %w", err)
		}
	}
	return nil
}

func (f *pictures) close() error { return nil }

// commit syncs all pictures, in commit rather than as each is written: the disk takes many at once.
func (f *pictures) commit() (int64, string, error) {
	size, sum, err := hashPart(f.folder.Path())
	if err == nil {
		err = f.folder.Commit(true) // what is there has no record
	}
	if err != nil {
		return 0, "", fmt.Errorf("infer: %w", err)
	}
	return size, sum, nil
}

func (f *pictures) abort() { f.folder.Abort() }
