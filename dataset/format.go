package dataset

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/picture"
)

// A Format is a kind of file that holds rows: a row of the table that [Formats] returns. Help texts, errors and documents are
// made from the table.
type Format struct {
	Name   string
	Magic  string   // the first bytes, by which a file is recognised
	Ends   []string // of names, in lower case: by which a picture is recognised, and a file that neither its first bytes nor its text tell
	Mark   string   // how a file is recognised, in words
	Member string   // what FILE:NAME names of a file whose name has one of Ends, such as "an array"; "" where a file holds one thing
	Packed bool     // files may be packed in gzip or zstd
	Rows   string   // what its rows are
	Spec   string   // where the format is described

	// Open reads a file from its start. The reader closes it; where there is an error, the caller does. It is nil for pictures.
	Open func(f *File, o Options) (Reader, error)

	// Texts reads the texts that Options.Texts asks for; the reader closes the file. It is nil where a format recognised by its Magic holds none.
	Texts func(f *File, o Options) (TextReader, error)

	stream  func(s *stream, o Options) (Reader, error) // in place of Open, where rows can be read as they come
	content func(head []byte) bool                     // recognises a file that has no magic
}

// Streamed reports whether rows of standard input are read as they come. Content of other formats is kept in a temporary file
// first.
func (f Format) Streamed() bool { return f.stream != nil }

// Picture reports whether a file is one row.
func (f Format) Picture() bool { return f.Open == nil && f.stream == nil }

// registered are the formats that other packages add.
var registered []Format

// RegisterFormat adds a format that is recognised by its Magic. It is called in an init function, as dataset/parquet does.
func RegisterFormat(f Format) { registered = append(registered, f) }

// Formats returns the table of formats: those of this package and those that were registered.
func Formats() []Format {
	files := []Format{
		{
			Name: "IDX", Magic: "\x00\x00", Mark: "begins with two zero bytes", Packed: true, stream: newIDX, Spec: "http://yann.lecun.com/exdb/mnist/",
			Rows: "bytes, int8, int16, int32, float or double; the first dimension counts the rows",
		},
		{
			Name: "NPY", Magic: "\x93NUMPY", Mark: "begins with \\x93NUMPY", Packed: true, stream: newNPY, Spec: "https://numpy.org/neps/nep-0001-npy-format.html",
			Rows: "booleans, integers of 8 to 64 bits, or floats of 16 to 64 bits, in either order; the first axis counts the rows",
		},
		{
			Name: "NPZ", Magic: "PK\x03\x04", Mark: "begins with PK\\x03\\x04", Ends: []string{".npz"}, Member: "an array", Open: openNPZ, Spec: "https://numpy.org/doc/stable/reference/generated/numpy.savez.html",
			Rows: "one NPY array of an archive: the only one, one with a usual name, or FILE.npz:NAME; or SciPy's sparse matrix in CSR (scipy.sparse.save_npz)",
		},
		{
			Name: "safetensors", Mark: "begins with the length of its header, 8 bytes, and a {", content: isSafetensors, Ends: []string{".safetensors"}, Member: "a tensor", Open: openSafetensors, Spec: "https://huggingface.co/docs/safetensors/index#format",
			Rows: "one tensor: the only one of two axes, or FILE.safetensors:NAME; floats of 16 to 64 bits, bfloat16 too, integers and booleans",
		},
		{
			Name: "fvecs", Mark: "its name ends in .fvecs, .bvecs or .ivecs", Ends: []string{".fvecs", ".bvecs", ".ivecs"}, Open: openVecs, Spec: "http://corpus-texmex.irisa.fr/",
			Rows: "the number of values before each row, and float32, bytes or int32",
		},
		{
			Name: "LIBSVM", Mark: "is text of labels and pairs such as `1 3:0.5`", content: isLibSVM, Packed: true, Open: newLibSVM, Spec: "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/",
			Rows: "the numbers that are not 0, each after its column's, from 1 or from 0; as svmlight's; all others are 0",
		},
		{
			Name: "JSON lines", Mark: "is text that begins with {", content: isJSONLines, Packed: true, Ends: []string{".jsonl", ".ndjson", ".json"}, Member: "a field", Open: newJSONLines, Spec: "https://jsonlines.org/",
			Rows: "an object a line, of which one field is an array of numbers: the only such field, or FILE.jsonl:NAME; label and id as in CSV",
		},
		{
			Name: "word vectors", Mark: "is text of a word and eight numbers or more a line", content: isWordVectors, Packed: true, Open: newWordVectors, Spec: "https://nlp.stanford.edu/projects/glove/",
			Rows: "a word, which is the id, and then numbers, between spaces or tabs, as GloVe, word2vec and fastText have them, with or without a first line of their numbers",
		},
		{
			Name: "CSV", Mark: "is text", content: isText, Packed: true, Ends: []string{".csv", ".tsv"}, Member: "a column", Open: newCSV, Spec: "https://www.rfc-editor.org/rfc/rfc4180",
			Rows: "numbers, a row a line, with or without a header, between commas, semicolons, tabs, bars or spaces; the column label is the label, id is no value; or one column of lists such as [0.1,0.2], as FILE.csv:NAME",
		},
	}
	var pictures []Format
	for _, f := range picture.Formats() {
		pictures = append(pictures, Format{Name: f.Name, Ends: f.Ends, Mark: "its name ends in " + enumerate("or", f.Ends), Rows: "one row a picture, grey or in colours", Spec: f.Spec})
	}
	return slices.Concat(files, registered, pictures)
}

// formatOf recognises the format of content that begins with head, of a file with a name.
func formatOf(name string, head []byte) (Format, bool) {
	all := Formats()
	for _, f := range all { // of which any number may come first
		if f.Magic == "" && !f.Picture() && f.called(name) && (f.content == nil || !isText(head) && f.content(head)) {
			return f, true
		}
	}
	i := slices.IndexFunc(all, func(f Format) bool { return f.Magic != "" && bytes.HasPrefix(head, []byte(f.Magic)) })
	if i < 0 {
		i = slices.IndexFunc(all, func(f Format) bool { return f.content != nil && f.content(head) })
	}
	if i < 0 {
		return Format{}, false
	}
	return all[i], true
}

// called reports a name with one of the format's ends.
func (f Format) called(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(f.Ends, func(end string) bool { return strings.HasSuffix(name, end) })
}

// sniffed is how much of a content tells its format.
const sniffed = 512

// sniff recognises the format of content and opens it, or closes the stream. Formats that are not streamed are read from a file,
// for which file is asked.
func sniff(s *stream, file func() (*File, error), o Options) (_ Reader, err error) {
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	head, err := s.peek(sniffed)
	if err != nil {
		return nil, err
	}
	if len(head) == 0 {
		return nil, &FormatError{File: s.name, Reason: "it is empty"}
	}
	if err := refuseForeign(s.name, head); err != nil {
		return nil, err
	}
	f, ok := formatOf(s.name, head)
	switch {
	case ok && o.Member != "" && f.Member == "":
		return nil, &UnsupportedError{File: s.name, Reason: fmt.Sprintf("it is %s, of which %q is no part: leave :%s out", f.Name, visible.Name(o.Member), visible.Name(o.Member))}
	case !ok:
		return nil, &UnsupportedError{File: s.name, Reason: fmt.Sprintf("it begins with %q: %s are read", head[:min(len(head), 8)], readable())}
	case f.stream != nil:
		return f.stream(s, o)
	case s.packed && !s.pipe && !f.Packed:
		return nil, &UnsupportedError{File: s.name, Reason: fmt.Sprintf("it is %s that is packed: unpack it first", f.Name)}
	}
	content, err := file()
	if err != nil {
		return nil, err
	}
	r, err := f.Open(content, o)
	if err != nil {
		content.Close()
		return nil, err
	}
	return r, nil
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

func isPacked(f Format) bool { return f.Packed }
func plain(f Format) bool    { return !f.Packed && !f.Picture() }

// readable says what is read, for errors.
func readable() string {
	return fmt.Sprintf("%s files, plain or in gzip or zstd, %s files, and %s pictures", names("and", isPacked), names("and", plain), names("and", Format.Picture))
}
