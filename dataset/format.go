package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// A Format is a kind of file that holds rows: a row of the table that [Formats] returns. Help texts, errors and documents are
// made from the table.
type Format struct {
	Name  string
	Magic string   // the first bytes, by which a file is recognised
	Ends  []string // of names, by which a picture is recognised; lower case
	Mark  string   // how a file is recognised, in words
	Gzip  bool     // files may be packed in gzip
	Rows  string   // what its rows are
	Spec  string   // where the format is described

	// Open opens a file. The reader ends with an error that wraps ctx.Err() once the context is done.
	Open func(ctx context.Context, path string, o Options) (Reader, error)

	stream  func(s *stream, o Options) (Reader, error) // in place of Open, where rows can be read as they come
	content func(head []byte) bool                     // recognises a file that has no magic
}

// Streamed reports whether rows of standard input are read as they come. Content of other formats is kept in a temporary file
// first.
func (f Format) Streamed() bool { return f.stream != nil }

// Picture reports whether a file is one row.
func (f Format) Picture() bool { return len(f.Ends) > 0 }

// registered are the formats that other packages add.
var registered []Format

// RegisterFormat adds a format that is recognised by its Magic. It is called in an init function, as dataset/parquet does.
func RegisterFormat(f Format) { registered = append(registered, f) }

// Formats returns the table of formats: those of this package and those that were registered.
func Formats() []Format {
	files := []Format{
		{
			Name: "IDX", Magic: "\x00\x00", Mark: "begins with two zero bytes", Gzip: true, stream: newIDX, Spec: "http://yann.lecun.com/exdb/mnist/",
			Rows: "bytes; the first dimension counts the rows",
		},
		{
			Name: "NPY", Magic: "\x93NUMPY", Mark: "begins with \\x93NUMPY", Gzip: true, stream: newNPY, Spec: "https://numpy.org/neps/nep-0001-npy-format.html",
			Rows: "uint8, float32 or float64 in C order; the first axis counts the rows",
		},
		{
			Name: "NPZ", Magic: "PK\x03\x04", Mark: "begins with PK\\x03\\x04", Open: openNPZ, Spec: "https://numpy.org/doc/stable/reference/generated/numpy.savez.html",
			Rows: "one NPY array of an archive: the only one, one with a usual name, or FILE.npz:NAME",
		},
		{
			Name: "CSV", Mark: "is text", content: isText, Gzip: true, Open: newCSV, Spec: "https://www.rfc-editor.org/rfc/rfc4180",
			Rows: "numbers, a row a line, with or without a header; the column label is the label, id is no value",
		},
	}
	pictures := []Format{
		{Name: "PNG", Ends: []string{".png"}, Mark: "its name ends in .png", Open: openPicture, Rows: "one row a picture, turned grey", Spec: "https://www.w3.org/TR/png/"},
		{Name: "JPEG", Ends: []string{".jpg", ".jpeg"}, Mark: "its name ends in .jpg or .jpeg", Open: openPicture, Rows: "one row a picture, turned grey", Spec: "https://www.w3.org/Graphics/JPEG/"},
	}
	return slices.Concat(files, registered, pictures)
}

// formatOf recognises the format of content that begins with head.
func formatOf(head []byte) (Format, bool) {
	all := Formats()
	i := slices.IndexFunc(all, func(f Format) bool { return f.Magic != "" && bytes.HasPrefix(head, []byte(f.Magic)) })
	if i < 0 {
		i = slices.IndexFunc(all, func(f Format) bool { return f.content != nil && f.content(head) })
	}
	if i < 0 {
		return Format{}, false
	}
	return all[i], true
}

// pictureFormat recognises a picture's format by its name.
func pictureFormat(name string) (Format, bool) {
	all := Formats()
	i := slices.IndexFunc(all, func(f Format) bool { return slices.Contains(f.Ends, strings.ToLower(filepath.Ext(name))) })
	if i < 0 {
		return Format{}, false
	}
	return all[i], true
}

// pictureNames returns a function that recognises pictures by their names.
func pictureNames() func(name string) bool {
	var ends []string
	for _, f := range Formats() {
		ends = append(ends, f.Ends...)
	}
	return func(name string) bool { return slices.Contains(ends, strings.ToLower(filepath.Ext(name))) }
}

// sniff recognises the format of content and opens it. Formats that are not streamed are read from a file, for which file is asked.
func sniff(ctx context.Context, s *stream, file func() (path string, err error), o Options) (Reader, error) {
	head, err := s.Peek(512)
	if len(head) == 0 && errors.Is(err, io.EOF) {
		return nil, &FormatError{File: s.name, Reason: "it is empty"}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, s.broken("it cannot be read", err)
	}
	f, ok := formatOf(head)
	switch {
	case !ok:
		return nil, &UnsupportedError{File: s.name, Reason: fmt.Sprintf("it begins with %q: %s are read", head[:min(len(head), 8)], readable())}
	case f.stream != nil:
		return f.stream(s, o)
	case s.packed && !s.pipe && !f.Gzip:
		return nil, &UnsupportedError{File: s.name, Reason: fmt.Sprintf("it is %s packed in gzip: unpack it first", f.Name)}
	}
	path, err := file()
	if err != nil {
		return nil, err
	}
	return f.Open(ctx, path, o)
}

// isText reports bytes without control characters other than those of lines.
func isText(head []byte) bool {
	return bytes.IndexFunc(head, func(c rune) bool { return c < ' ' && c != '\t' && c != '\r' && c != '\n' }) < 0
}

// names returns the names of formats that fit, joined by a word for the last: "IDX, NPY and CSV".
func names(last string, fits func(Format) bool) string {
	var names []string
	for _, f := range Formats() {
		if fits(f) {
			names = append(names, f.Name)
		}
	}
	return enumerate(last, names)
}

func enumerate(last string, words []string) string {
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
	}
	return strings.Join(words, "")
}

// namesOfPictures names the formats of pictures: "PNG or JPEG".
func namesOfPictures() string { return names("or", Format.Picture) }

func inGzip(f Format) bool { return f.Gzip }
func plain(f Format) bool  { return !f.Gzip && !f.Picture() }

// readable says what is read, for errors.
func readable() string {
	return fmt.Sprintf("%s files, plain or gzip, %s files, and %s pictures", names("and", inGzip), names("and", plain), names("and", Format.Picture))
}
