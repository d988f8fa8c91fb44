package importer

import (
	"fmt"

	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/visible"
)

// maxFile is the largest ONNX file there is, 2 GiB.
const maxFile = 2<<30 - 1

// ReadFile reads an ONNX file. Weights that it keeps in files beside it, as torch.onnx.export(..., external_data=True) writes them, are put
// inside: what is returned needs no other file. Only regular files in the model's own folder are read, and no more than ONNX's 2 GiB.
func ReadFile(path string) ([]byte, error) {
	data, err := readfile.Bytes(path, maxFile)
	if err != nil {
		return nil, err
	}
	read, done := readfile.Beside(path)
	defer done()
	whole, err := onnxcheck.Inline(data, read)
	if err != nil {
		return nil, visible.Error(fmt.Errorf("%s: its weights are in another file: %w: write the model with its weights inside (external_data=False in torch.onnx.export), or put that file beside it", path, err))
	}
	return whole, nil
}
