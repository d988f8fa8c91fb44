package foreign

// The ways to models that several kinds have.
const (
	fetch  = "fetch the file itself, by git lfs pull or a download"
	torch  = "load it in Python and write its encoder and decoder by torch.onnx.export (docs/import.md)"
	keras  = `load it in Python and write its encoder and decoder by model.export(FILE, format="onnx")`
	tf     = "convert it by python -m tf2onnx.convert"
	unpack = "unpack it first"
	other  = "give the .onnx file"
	page   = "download the file itself: links to a file's page, and log-ins, give pages"
)

// noModels are kinds that are no ONNX models.
var noModels = []row{
	{isPointer, "a Git LFS pointer, not the file itself", fetch},
	{with(zip, "/code/__torch__"), "a TorchScript archive", torch},
	{with(zip, "archive_format"), "an exported program of PyTorch (.pt2)", torch},
	{with(zip, "data.pkl"), "a PyTorch archive (.pt, .pth)", torch},
	{with(zip, "model.weights.h5"), "a Keras archive (.keras)", keras},
	{with(zip, ".npy"), "a NumPy archive (.npz)", other},
	{begins(zip), "a ZIP archive", unpack},
	{begins("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"), "a PyTorch file of before 1.6 (.pt, .pth)", torch},
	{isPickle, "a Python pickle", torch},
	{isHDF5, "an HDF5 file, as Keras writes weights (.h5)", keras},
	{at(4, "TFL3"), "a TensorFlow Lite model", tf + " --tflite"},
	{at(4, "ORTM"), "a model in onnxruntime's own format (.ort)", "give the .onnx file that it was made from"},
	{with("\x08\x01\x12", "saved_model"), "a TensorFlow SavedModel", tf + " --saved-model"},
	{isGGUF, "weights in GGUF", "export the network as ONNX where it was made"},
	{begins("\x89PNG"), "a PNG picture", other},
	{begins("\xff\xd8\xff"), "a JPEG picture", other},
	{begins("\x93NUMPY"), "a NumPy array", other},
	{begins("PAR1"), "a Parquet file", other},
	{begins("\x1f\x8b"), "compressed by gzip", unpack},
	{begins("\x28\xb5\x2f\xfd"), "compressed by zstd", unpack},
	{isBzip2, "compressed by bzip2", unpack},
	{isXZ, "compressed by xz", unpack},
	{isSafetensors, "weights in safetensors, without a network", "load them into the network in Python and write its encoder and decoder by torch.onnx.export (docs/import.md)"},
	{starts("<!doctype html", "<html"), "a web page", page},
	{starts("<?xml"), "XML, as OpenVINO writes networks", other},
	{starts("{"), "JSON", other},
}

// Of returns what a file is by its content, or its beginning of some KB; it is not ok where that is none of the kinds that are known
// here. An ONNX model may look like one by chance: ask for what could not be read.
func Of(data []byte) (k Kind, ok bool) { return first(noModels, data) }
