package foreign

import (
	"bytes"
	"strings"
)

// begins recognises content by its first bytes.
func begins(magics ...string) func(head []byte) bool {
	return func(head []byte) bool {
		for _, m := range magics {
			if bytes.HasPrefix(head, []byte(m)) {
				return true
			}
		}
		return false
	}
}

// The ways to rows that several have.
const (
	saveArray = "save its array by numpy.save"
	saveTable = "save its table as CSV or Parquet"
)

// noRows are kinds that hold no rows, or none that are read; they are tried in their order.
var noRows = []struct {
	is        func(head []byte) bool
	what, way string
}{
	{Pointer, "a Git LFS pointer, which stands for a file that was not fetched", "run git lfs pull"},
	{safetensors, "a safetensors file of weights", saveArray},
	{isPickle, "a Python pickle, as torch.save and joblib write it", saveArray + ": numpy.save(\"rows.npy\", tensor.numpy())"},
	{isONNX, "an ONNX model, which holds no rows", "give it to the command that imports models, or a file of rows here"},
	{begins("\x89HDF\r\n\x1a\n"), "an HDF5 file", saveArray},
	{begins("MATLAB 5.0 MAT-file", "MATLAB 7.3 MAT-file"), "a file of MATLAB's", "read it by scipy.io.loadmat, and " + saveArray},
	{begins("ARROW1", "FEA1"), "an Arrow or Feather file", saveTable},
	{begins("ORC"), "an ORC file", saveTable},
	{begins("Obj\x01"), "an Avro file", saveTable},
	{begins("SQLite format 3\x00"), "an SQLite database", saveTable},
	{begins("RDX2", "RDX3", "RDA2", "RDA3", "X\n\x00", "A\n"), "a file of R's", "save its table by write.csv"},
	{begins("\xd0\xcf\x11\xe0"), "an old Excel or other Office file", saveTable},
	{begins("GGUF"), "a GGUF file of weights", saveArray},
	{begins("\xfd7zXZ\x00"), "packed by xz", unpack + ": xz -d"},
	{begins("BZh"), "packed by bzip2", unpack + ": bzip2 -d"},
	{begins("7z\xbc\xaf\x27\x1c", "Rar!"), "an archive", unpack},
	{func(head []byte) bool { return len(head) > 262 && string(head[257:262]) == "ustar" }, "a tar archive", unpack},
	{begins("%PDF-"), "a PDF file", "make pictures of its pages first"},
	{begins("\xff\xfe", "\xfe\xff"), "text in UTF-16", "save it as UTF-8"},
	{func(head []byte) bool { return startsText(head, "<!doctype", "<html", "<?xml") }, "a page of the web, perhaps that of a download that failed", "fetch the file itself"},
	{func(head []byte) bool { return startsText(head, "{", "[") }, "JSON", saveTable},
}

// isPickle recognises the protocols 2 to 5.
func isPickle(head []byte) bool {
	return len(head) > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5
}

// isONNX recognises a model by its version, which comes first, and the field that follows.
func isONNX(head []byte) bool {
	return len(head) > 2 && head[0] == 8 && head[1] > 0 && head[1] < 0x20 && (head[2]&7 == 2 || head[2]&7 == 0) && head[2] > 8 && head[2] < 0x80
}

// startsText reports text that starts with one of some words, after blanks.
func startsText(head []byte, words ...string) bool {
	text := strings.ToLower(strings.TrimLeft(strings.TrimPrefix(string(head), "\ufeff"), " \t\r\n"))
	for _, word := range words {
		if strings.HasPrefix(text, word) {
			return true
		}
	}
	return false
}

// noArrays says what archives are that hold no arrays, by the end of a member's name.
var noArrays = []struct{ end, what, way string }{
	{"[Content_Types].xml", "an Excel or other Office file", saveTable},
	{"data.pkl", "a PyTorch file", saveArray + ": numpy.save(\"rows.npy\", tensor.numpy())"},
	{"model.weights.h5", "a Keras model, which holds no rows", "give a file of rows"},
	{"mimetype", "an OpenDocument file", saveTable},
}

// Rows is [Of] for what was given in the place of rows: what it is, and what leads to rows from there.
func Rows(head []byte) (k Kind, ok bool) {
	for _, n := range noRows {
		if n.is(head) {
			return Kind{n.what, n.way}, true
		}
	}
	return Kind{}, false
}

// Archive is [Rows] for a ZIP archive without arrays, by a member's name.
func Archive(member string) (k Kind, ok bool) {
	for _, n := range noArrays {
		if strings.HasSuffix(member, n.end) {
			return Kind{n.what, n.way}, true
		}
	}
	return Kind{}, false
}
