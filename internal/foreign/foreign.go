// Package foreign says what a file is that was given in the place of another: people give what their framework saved, or what a download
// left, and an error that only says what it is not helps nobody.
package foreign

import (
	"bytes"
	"encoding/binary"
)

// A Kind is a kind of file.
type Kind struct {
	Is  string // "a Git LFS pointer, not the file itself"
	Way string // what leads to a model, or to rows, from there
}

// The ways that several kinds have.
const (
	fetch  = "fetch the file itself, by git lfs pull or a download"
	torch  = "load it in Python and write its encoder and decoder by torch.onnx.export (docs/import.md)"
	keras  = `load it in Python and write its encoder and decoder by model.export(FILE, format="onnx")`
	tf     = "convert it by python -m tf2onnx.convert"
	unpack = "unpack it first"
	other  = "give the .onnx file"
)

// kinds are told by the first bytes, and where several begin alike, by words that the file holds as well; the first that fits counts.
var kinds = []struct {
	at    int
	magic string
	holds string
	kind  Kind
}{
	{0, "version https://git-lfs", "", Kind{"a Git LFS pointer, not the file itself", fetch}},
	{0, "PK\x03\x04", "/code/__torch__", Kind{"a TorchScript archive", torch}},
	{0, "PK\x03\x04", "archive_format", Kind{"an exported program of PyTorch (.pt2)", torch}},
	{0, "PK\x03\x04", "data.pkl", Kind{"a PyTorch archive (.pt, .pth)", torch}},
	{0, "PK\x03\x04", "model.weights.h5", Kind{"a Keras archive (.keras)", keras}},
	{0, "PK\x03\x04", ".npy", Kind{"a NumPy archive (.npz)", other}},
	{0, "PK\x03\x04", "", Kind{"a ZIP archive", unpack}},
	{0, "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19", "", Kind{"a PyTorch file of before 1.6 (.pt, .pth)", torch}},
	{0, "\x80\x02", "", Kind{"a Python pickle", torch}},
	{0, "\x80\x03", "", Kind{"a Python pickle", torch}},
	{0, "\x80\x04", "", Kind{"a Python pickle", torch}},
	{0, "\x80\x05", "", Kind{"a Python pickle", torch}},
	{0, "\x89HDF\r\n\x1a\n", "", Kind{"an HDF5 file, as Keras writes weights (.h5)", keras}},
	{4, "TFL3", "", Kind{"a TensorFlow Lite model", tf + " --tflite"}},
	{4, "ORTM", "", Kind{"a model in onnxruntime's own format (.ort)", "give the .onnx file that it was made from"}},
	{0, "\x08\x01\x12", "saved_model", Kind{"a TensorFlow SavedModel", tf + " --saved-model"}},
	{0, "GGUF", "", Kind{"weights in GGUF", "export the network as ONNX where it was made"}},
	{0, "\x89PNG", "", Kind{"a PNG picture", other}},
	{0, "\xff\xd8\xff", "", Kind{"a JPEG picture", other}},
	{0, "\x93NUMPY", "", Kind{"a NumPy array", other}},
	{0, "PAR1", "", Kind{"a Parquet file", other}},
	{0, "\x1f\x8b", "", Kind{"compressed by gzip", unpack}},
	{0, "\x28\xb5\x2f\xfd", "", Kind{"compressed by zstd", unpack}},
	{0, "BZh", "", Kind{"compressed by bzip2", unpack}},
	{0, "\xfd7zXZ\x00", "", Kind{"compressed by xz", unpack}},
}

// texts are the beginnings of texts, in lower case, after blanks.
var texts = []struct {
	begins string
	kind   Kind
}{
	{"<!doctype html", Kind{"a web page", "download the file itself: links to a file's page, and log-ins, give pages"}},
	{"<html", Kind{"a web page", "download the file itself: links to a file's page, and log-ins, give pages"}},
	{"<?xml", Kind{"XML, as OpenVINO writes networks", other}},
	{"{", Kind{"JSON", other}},
}

// Of returns what a file is by its content, or its beginning of some KB; it is not ok where that is none of the kinds that are known
// here. An ONNX model may look like one by chance: ask for what could not be read.
func Of(data []byte) (k Kind, ok bool) {
	for _, c := range kinds {
		if len(data) > c.at && bytes.HasPrefix(data[c.at:], []byte(c.magic)) && bytes.Contains(data, []byte(c.holds)) {
			return c.kind, true
		}
	}
	if safetensors(data) {
		return Kind{"weights in safetensors, without a network", "load them into the network in Python and write its encoder and decoder by torch.onnx.export (docs/import.md)"}, true
	}
	head := bytes.ToLower(bytes.TrimLeft(data[:min(len(data), 512)], "\xef\xbb\xbf \t\r\n"))
	for _, c := range texts {
		if bytes.HasPrefix(head, []byte(c.begins)) {
			return c.kind, true
		}
	}
	return Kind{}, false
}

// safetensors is the length of a JSON object, and the object.
func safetensors(data []byte) bool {
	return len(data) > 10 && binary.LittleEndian.Uint64(data) < 1<<27 && string(data[8:10]) == `{"`
}

// Pointer reports a Git LFS pointer.
func Pointer(data []byte) bool { return bytes.HasPrefix(data, []byte(kinds[0].magic)) }
