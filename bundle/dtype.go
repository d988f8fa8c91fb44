package bundle

import "github.com/catvae/catvae/internal/onnxtensor"

// A DType is an element type by its ONNX name in lower case, as manifests have it.
type DType = onnxtensor.DType

// The element types of rows.
const (
	Float32 = onnxtensor.Float32
	Uint8   = onnxtensor.Uint8
)
