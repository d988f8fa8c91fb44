package train

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/train/engine"
	"github.com/nlpodyssey/safetensors"
)

// encodeTensors returns the content of a safetensors file.
func encodeTensors(tensors []onnxtensor.Tensor, metadata map[string]string) ([]byte, error) {
	views := map[string]safetensors.TensorView{}
	for _, t := range tensors {
		v, err := view(t)
		if err != nil {
			return nil, fmt.Errorf("train: save %s: %w", t.Name, err)
		}
		views[t.Name] = v
	}
	var data bytes.Buffer
	if err := safetensors.SerializeToWriter(views, metadata, &data); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return data.Bytes(), nil
}

func view(t onnxtensor.Tensor) (safetensors.TensorView, error) {
	shape := make([]uint64, 0, len(t.Shape))
	for _, d := range t.Shape {
		shape = append(shape, uint64(d))
	}
	var raw []byte
	switch data := t.Data.(type) {
	case []float32:
		raw = make([]byte, 0, 4*len(data))
		for _, x := range data {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
		}
		return safetensors.NewTensorView(safetensors.F32, shape, raw)
	case []float64:
		raw = make([]byte, 0, 8*len(data))
		for _, x := range data {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(x))
		}
		return safetensors.NewTensorView(safetensors.F64, shape, raw)
	}
	return safetensors.TensorView{}, fmt.Errorf("%T: use float32 or float64", t.Data)
}

// takeTensor takes a tensor out of others, by its name.
func takeTensor(tensors []onnxtensor.Tensor, name string) (t onnxtensor.Tensor, rest []onnxtensor.Tensor, found bool) {
	at := slices.IndexFunc(tensors, func(t onnxtensor.Tensor) bool { return t.Name == name })
	if at < 0 {
		return t, tensors, false
	}
	return tensors[at], slices.Concat(tensors[:at], tensors[at+1:]), true
}

// setParams copies the parameters among a state's tensors into a set: their averages, where the optimiser averages them.
func setParams(params *builder.Params, tensors []onnxtensor.Tensor) error {
	for _, t := range (engine.State{Tensors: tensors}).Parameters() {
		shape := make([]int, len(t.Shape))
		for i, d := range t.Shape {
			shape[i] = int(d)
		}
		var values []float64
		switch x := t.Data.(type) {
		case []float32:
			values = make([]float64, len(x))
			for i, v := range x {
				values[i] = float64(v)
			}
		case []float64:
			values = x
		}
		if err := params.Set(t.Name, shape, values); err != nil {
			return err
		}
	}
	return nil
}

// maxHeader bounds the header of a weights file, which is JSON and takes many times its size in memory. A tensor's line
// has about a hundred bytes.
const maxHeader = 16 << 20

// parseTensors returns the tensors of a safetensors file, by name. Each has the data that its shape asks for.
func parseTensors(data []byte) ([]onnxtensor.Tensor, error) {
	if len(data) >= 8 && binary.LittleEndian.Uint64(data) > maxHeader {
		return nil, fmt.Errorf("it is not a safetensors file: its header claims %d bytes, at most %d are read", binary.LittleEndian.Uint64(data), maxHeader)
	}
	file, err := safetensors.Deserialize(data)
	if err != nil {
		return nil, fmt.Errorf("it is not a safetensors file: %.500s", visible.Line(err.Error())) // which may repeat the header
	}
	var tensors []onnxtensor.Tensor
	for _, name := range slices.Sorted(slices.Values(file.Names())) {
		v, ok := file.Tensor(name)
		if !ok {
			continue
		}
		t := onnxtensor.Tensor{Name: name}
		for _, d := range v.Shape() {
			t.Shape = append(t.Shape, int64(d))
		}
		if t.Data, err = numbers(v); err != nil {
			return nil, fmt.Errorf("%.100q: %w", name, err)
		}
		if err := t.Check(); err != nil { // sizes beyond int64, next to a zero
			return nil, fmt.Errorf("%.500s", visible.Line(err.Error()))
		}
		tensors = append(tensors, t)
	}
	return tensors, nil
}

func numbers(v safetensors.TensorView) (any, error) {
	raw := v.Data()
	switch v.DType() {
	case safetensors.F32:
		out := make([]float32, 0, len(raw)/4)
		for ; len(raw) >= 4; raw = raw[4:] {
			out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
		}
		return out, nil
	case safetensors.F64:
		out := make([]float64, 0, len(raw)/8)
		for ; len(raw) >= 8; raw = raw[8:] {
			out = append(out, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
		}
		return out, nil
	}
	return nil, fmt.Errorf("it is of type %v: F32 and F64 are read", v.DType())
}
