package train

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/nlpodyssey/safetensors"
	"gorgonia.org/tensor"
)

// maxWeights bounds a weights file that is read.
const maxWeights = 2 << 30

// SaveWeights writes a parameter set as a safetensors file (https://github.com/huggingface/safetensors), whole or not at
// all. metadata is kept beside the tensors.
func SaveWeights(path string, params *builder.Params, metadata map[string]string) error {
	views := map[string]safetensors.TensorView{}
	for _, name := range params.Names() {
		v, err := view(params.Value(name))
		if err != nil {
			return fmt.Errorf("train: save %s: %w", name, err)
		}
		views[name] = v
	}
	return atomicfile.Write(path, 0o644, func(w io.Writer) error {
		return safetensors.SerializeToWriter(views, metadata, w)
	})
}

func view(t *tensor.Dense) (safetensors.TensorView, error) {
	shape := make([]uint64, 0, len(t.Shape()))
	for _, d := range t.Shape() {
		shape = append(shape, uint64(d))
	}
	var raw []byte
	switch data := t.Data().(type) {
	case []float32:
		for _, x := range data {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
		}
		return safetensors.NewTensorView(safetensors.F32, shape, raw)
	case []float64:
		for _, x := range data {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(x))
		}
		return safetensors.NewTensorView(safetensors.F64, shape, raw)
	}
	return safetensors.TensorView{}, fmt.Errorf("type %v: use float32 or float64", t.Dtype())
}

// LoadWeights reads a safetensors file of float32 or float64 tensors into a parameter set. A parameter that the set has
// already keeps its shape, or the file is refused.
func LoadWeights(path string, params *builder.Params) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if info.Size() > maxWeights {
		return fmt.Errorf("train: %s has %d bytes: at most %d are read", path, info.Size(), maxWeights)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	file, err := safetensors.Deserialize(data)
	if err != nil {
		return fmt.Errorf("train: %s is no safetensors file: %w", path, err)
	}
	for _, name := range slices.Sorted(slices.Values(file.Names())) {
		t, ok := file.Tensor(name)
		if !ok {
			continue
		}
		shape := make([]int, 0, len(t.Shape()))
		for _, d := range t.Shape() {
			shape = append(shape, int(d))
		}
		values, err := numbers(t)
		if err != nil {
			return fmt.Errorf("train: %s: %s: %w", path, name, err)
		}
		if err := params.Set(name, shape, values); err != nil {
			return fmt.Errorf("train: %s: %w", path, err)
		}
	}
	return nil
}

func numbers(v safetensors.TensorView) ([]float64, error) {
	raw := v.Data()
	var out []float64
	switch v.DType() {
	case safetensors.F32:
		for ; len(raw) >= 4; raw = raw[4:] {
			out = append(out, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))))
		}
	case safetensors.F64:
		for ; len(raw) >= 8; raw = raw[8:] {
			out = append(out, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
		}
	default:
		return nil, fmt.Errorf("it is of type %v: F32 and F64 are read", v.DType())
	}
	return out, nil
}

// inputKey is the line of a weights file's metadata that holds the shape of one row, as JSON.
const inputKey = "input"

// inputShape reads the shape of one row from a weights file that a run wrote.
func inputShape(path string) ([]int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	_, m, err := safetensors.ReadMetadata(data)
	if err != nil {
		return nil, fmt.Errorf("train: %s is no safetensors file: %w", path, err)
	}
	var shape []int
	if err := json.Unmarshal([]byte(m.Metadata()[inputKey]), &shape); err != nil {
		return nil, fmt.Errorf("train: %s does not say the shape of its rows: it was not written by a run: %w", path, err)
	}
	return shape, nil
}
