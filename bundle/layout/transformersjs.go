package layout

import (
	"encoding/json"
	"path"

	"github.com/catvae/catvae/bundle"
)

// transformersSuffix is what transformers.js adds to a graph's name for a variant. Its uint8 means weights of 8 bits, ours float32 that takes bytes: a name
// of its own, which model_file_name asks for.
var transformersSuffix = map[string]string{bundle.VariantInt8: "_int8", bundle.VariantFloat16: "_fp16", bundle.VariantUint8: "_bytes"}

// transformersJS arranges onnx/model.onnx, from rows to packed codes, for AutoModel, the variants under its suffixes, the three graphs, and config.json,
// which has what the manifest says.
func transformersJS(b Bundle) (map[string][]byte, error) {
	model, err := b.encode()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		"onnx/model.onnx":           model,
		"onnx/encoder_model.onnx":   b.Files[bundle.EncoderFile],
		"onnx/threshold_model.onnx": b.Files[bundle.ThresholdFile],
		"onnx/decoder_model.onnx":   b.Files[bundle.DecoderFile],
	}
	if layers, ok := b.Files[bundle.LayersFile]; ok {
		files["onnx/layers_model.onnx"] = layers
	}
	for name, v := range b.Manifest.Variants {
		files[path.Join("onnx", "model"+transformersSuffix[name]+".onnx")] = b.Files[v.File]
	}
	manifest := map[string]any{}
	if err := json.Unmarshal(b.Files[bundle.ManifestFile], &manifest); err != nil {
		return nil, err
	}
	delete(manifest, "files") // these are others
	config, err := json.MarshalIndent(map[string]any{
		"model_type": "catvae", "architectures": []string{"CatvaeModel"},
		"transformers.js_config": map[string]any{"dtype": "fp32"},
		"catvae":                 manifest,
	}, "", "  ")
	if err != nil {
		return nil, err
	}
	files["config.json"] = append(config, '\n')
	return files, nil
}
