package foreign

import "strings"

// The ways to rows that several have.
const (
	saveArray = "save its array by numpy.save"
	saveTable = "save its table as CSV or Parquet"
)

// noRows are kinds that hold no rows, or none that are read.
var noRows = []row{
	{isPointer, "a Git LFS pointer, which stands for a file that was not fetched", "run git lfs pull"},
	{isPickle, "a Python pickle, as torch.save and joblib write it", saveArray + ": numpy.save(\"rows.npy\", tensor.numpy())"},
	{isONNX, "an ONNX model, which holds no rows", "give it to the command that imports models, or a file of rows here"},
	{isHDF5, "an HDF5 file", saveArray + ": numpy.save(\"rows.npy\", h5py.File(\"FILE.hdf5\")[\"train\"][:])"},
	{begins("MATLAB 5.0 MAT-file", "MATLAB 7.3 MAT-file"), "a file of MATLAB's", "read it by scipy.io.loadmat, and " + saveArray},
	{begins("ARROW1", "FEA1"), "an Arrow or Feather file", saveTable},
	{begins("ORC"), "an ORC file", saveTable},
	{begins("Obj\x01"), "an Avro file", saveTable},
	{begins("SQLite format 3\x00"), "an SQLite database", saveTable},
	{begins("RDX2", "RDX3", "RDA2", "RDA3", "X\n\x00", "A\n"), "a file of R's", "save its table by write.csv"},
	{begins("\xd0\xcf\x11\xe0"), "an old Excel or other Office file", saveTable},
	{isGGUF, "a GGUF file of weights", saveArray},
	{isXZ, "packed by xz", unpack + ": xz -d"},
	{isBzip2, "packed by bzip2", unpack + ": bzip2 -d"},
	{begins("7z\xbc\xaf\x27\x1c", "Rar!"), "an archive", unpack},
	{at(257, "ustar"), "a tar archive", unpack},
	{begins("%PDF-"), "a PDF file", "make pictures of its pages first"},
	{begins("\xff\xfe", "\xfe\xff"), "text in UTF-16", "save it as UTF-8"},
	{starts("<!doctype", "<html", "<?xml"), "a page of the web, perhaps that of a download that failed", "fetch the file itself"},
	{starts("["), "JSON", "write an object a line (JSON lines), each with an array of numbers, or " + saveTable},
}

// noArrays says what archives are that hold no arrays, by the end of a member's name.
var noArrays = []struct{ end, what, way string }{
	{"[Content_Types].xml", "an Excel or other Office file", saveTable},
	{"data.pkl", "a PyTorch file", saveArray + ": numpy.save(\"rows.npy\", tensor.numpy())"},
	{"model.weights.h5", "a Keras model, which holds no rows", "give a file of rows"},
	{"mimetype", "an OpenDocument file", saveTable},
}

// Rows is [Of] for what was given in the place of rows: what it is, and what leads to rows from there.
func Rows(head []byte) (k Kind, ok bool) { return first(noRows, head) }

// Archive is [Rows] for a ZIP archive without arrays, by a member's name.
func Archive(member string) (k Kind, ok bool) {
	for _, n := range noArrays {
		if strings.HasSuffix(member, n.end) {
			return Kind{n.what, n.way}, true
		}
	}
	return Kind{}, false
}
