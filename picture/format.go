package picture

import (
	"bytes"
	"image"
	"io"
	"path"
	"slices"
	"strings"
)

// A Format is a kind of picture: a row of the table that [Formats] returns.
type Format struct {
	Name string
	Ends []string // of names; lower case
	Spec string   // where the format is described

	magic  []string // the first bytes; ? stands for any
	config func(file []byte) (image.Config, error)
	decode func(r io.Reader) (image.Image, error)
	// memory estimates, from above, what decoding takes, without the grey picture.
	memory func(file []byte, c image.Config) int64
	// exif returns a file's EXIF content; nil where the format has none.
	exif func(file []byte) []byte
}

// Formats returns the table of formats.
func Formats() []Format { return []Format{png, jpeg, gif, webp, bmp, tiff} }

// Names names all formats, the last after a word: "PNG, JPEG or GIF".
func Names(last string) string {
	var names []string
	for _, f := range Formats() {
		names = append(names, f.Name)
	}
	return enumerate(last, names)
}

// Named reports a file name that ends as those of pictures do.
func Named(name string) bool {
	end := strings.ToLower(path.Ext(name))
	return slices.ContainsFunc(Formats(), func(f Format) bool { return slices.Contains(f.Ends, end) })
}

// Is reports content that begins as a picture of one of the formats does. 16 bytes are enough to tell.
func Is(head []byte) bool {
	_, ok := formatOf(head)
	return ok
}

// formatOf recognises the format of content by its first bytes.
func formatOf(head []byte) (Format, bool) {
	all := Formats()
	i := slices.IndexFunc(all, func(f Format) bool {
		return slices.ContainsFunc(f.magic, func(magic string) bool { return begins(head, magic) })
	})
	if i < 0 {
		return Format{}, false
	}
	return all[i], true
}

func begins(head []byte, magic string) bool {
	if len(head) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != head[i] {
			return false
		}
	}
	return true
}

// orientation returns how a file's pixels lie.
func (f Format) orientation(file []byte) orientation {
	if f.exif == nil {
		return upright
	}
	o := orientation(tags(f.exif(file))[tagOrientation])
	if o < upright || o > 8 {
		return upright
	}
	return o
}

// header returns a function that reads the header of a file.
func header(read func(r io.Reader) (image.Config, error)) func(file []byte) (image.Config, error) {
	return func(file []byte) (image.Config, error) { return read(bytes.NewReader(file)) }
}

// area is the number of pixels of a picture, with a border of some.
func area(c image.Config, border int) int64 { return int64(c.Width+border) * int64(c.Height+border) }
