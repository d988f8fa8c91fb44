package onnxcheck

import (
	"strconv"

	"github.com/catvae/catvae/internal/onnxpb"
)

// Exporters keep large weights in a second file beside the model, external data. Runtimes here never read it: [Check] refuses it. Whoever
// takes a model from its user, by a path, can put the weights into the model first, by [Inline].

// Inline returns a model with its weights inside. read returns length bytes of the file of the given name beside the model, from an offset
// on; it decides which names are safe. Nothing is read for a model without external data, and the model is checked no further: see
// [Check].
func Inline(model []byte, read func(name string, offset, length int64) ([]byte, error)) ([]byte, error) {
	if len(model) == 0 || len(model) > maxBytes {
		return model, nil // Check says what is wrong
	}
	if checkWire(model) != nil {
		return model, nil
	}
	m, err := onnxpb.Unmarshal(model)
	if err != nil || m.Graph == nil {
		return model, nil
	}
	total, found := int64(len(model)), false
	for _, t := range m.Graph.Initializer {
		if t.GetDataLocation() != onnxpb.TensorProto_EXTERNAL {
			continue
		}
		found = true
		size, ok := elements(t.Dims)
		width := int64(storages[onnxpb.TensorProto_DataType(t.GetDataType())].width)
		if !ok || width == 0 || size > maxBytes/width {
			return nil, refuse("tensor %.100q declares the shape %s", t.GetName(), shapeText(t.Dims))
		}
		if total += size * width; total > maxBytes {
			return nil, refuse("its weights have more than %d bytes, which is as much as one file may hold", maxBytes)
		}
		if t.RawData, err = readExternal(t, size*width, read); err != nil {
			return nil, err
		}
		t.DataLocation, t.ExternalData = nil, nil
	}
	if !found {
		return model, nil
	}
	return onnxpb.Marshal(m)
}

// readExternal reads the size bytes of a tensor: https://onnx.ai/onnx/repo-docs/ExternalData.html
func readExternal(t *onnxpb.TensorProto, size int64, read func(name string, offset, length int64) ([]byte, error)) ([]byte, error) {
	name, offset, length := "", int64(0), size
	for _, e := range t.ExternalData {
		var err error
		switch e.GetKey() {
		case "location":
			name = e.GetValue()
		case "offset":
			offset, err = strconv.ParseInt(e.GetValue(), 10, 64)
		case "length":
			length, err = strconv.ParseInt(e.GetValue(), 10, 64)
		}
		if err != nil || offset < 0 {
			return nil, refuse("tensor %.100q has the %.100q %.100q", t.GetName(), e.GetKey(), e.GetValue())
		}
	}
	if length != size {
		return nil, refuse("tensor %.100q of shape %s has %d bytes in another file: %d are wanted", t.GetName(), shapeText(t.Dims), length, size)
	}
	data, err := read(name, offset, length)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != size {
		return nil, refuse("tensor %.100q has %d bytes in %.100q: %d are wanted", t.GetName(), len(data), name, size)
	}
	return data, nil
}
