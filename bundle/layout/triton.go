package layout

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// tritonBatch is how many rows Triton may join: graphs take any number.
const tritonBatch = 4096

// tritonTypes are the element types that a bundle's graphs take and give, as Triton calls them.
var tritonTypes = map[onnxtensor.DType]string{onnxtensor.Float32: "TYPE_FP32", onnxtensor.Uint8: "TYPE_UINT8", onnxtensor.Int64: "TYPE_INT64"}

// triton arranges NAME-encoder, NAME-threshold, NAME-decoder, a model for each variant, and two ensembles: NAME from rows to packed codes, NAME-reconstruct from
// rows to reconstructions. catvae serve has the first four under the same names.
func triton(b Bundle) (map[string][]byte, error) {
	files := map[string][]byte{}
	graphs := map[string]string{"encoder": bundle.EncoderFile, "threshold": bundle.ThresholdFile, "decoder": bundle.DecoderFile}
	if _, ok := b.Files[bundle.LayersFile]; ok {
		graphs["layers"] = bundle.LayersFile
	}
	for name, v := range b.Manifest.Variants {
		graphs[name] = v.File
	}
	if _, ok := b.Files[bundle.TextFile]; ok {
		graphs["text"] = bundle.TextFile
	}
	parts := map[string]tritonModel{}
	for part, file := range graphs {
		m := tritonModel{name: b.name() + "-" + part}
		var err error
		if m.inputs, m.outputs, err = specs(b.Files[file]); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		parts[part] = m
		files[path.Join(m.name, "1", "model.onnx")] = b.Files[file]
		files[path.Join(m.name, "config.pbtxt")] = m.config()
	}
	encode := tritonModel{name: b.name(), steps: []tritonModel{parts["encoder"], parts["threshold"]}, gives: []string{bundle.PackedCode}}
	reconstruct := tritonModel{name: b.name() + "-reconstruct", steps: append(slices.Clone(encode.steps), parts["decoder"]), gives: []string{bundle.Reconstruction, bundle.PackedCode}}
	for _, m := range []tritonModel{encode, reconstruct} {
		m.inputs = parts["encoder"].inputs
		for _, name := range m.gives {
			for _, s := range m.steps {
				m.outputs = append(m.outputs, slices.DeleteFunc(slices.Clone(s.outputs), func(o onnxtensor.Info) bool { return o.Name != name })...)
			}
		}
		files[path.Join(m.name, "config.pbtxt")] = m.config()
		files[path.Join(m.name, "1", bundle.ManifestFile)] = b.Files[bundle.ManifestFile] // Triton wants the folder of the version, which an ensemble has no file for
	}
	return files, nil
}

// A tritonModel is a folder of Triton's repository: a graph, or an ensemble of steps whose tensors chain by equal names.
type tritonModel struct {
	name            string
	inputs, outputs []onnxtensor.Info
	steps           []tritonModel
	gives           []string
}

// config returns the model's config.pbtxt: ModelConfig of Triton's model_config.proto, as text. The batch is not among the dims.
func (m tritonModel) config() []byte {
	var w bytes.Buffer
	fmt.Fprintf(&w, "name: %q\n", m.name)
	if len(m.steps) > 0 {
		fmt.Fprintf(&w, "platform: \"ensemble\"\n")
	} else {
		fmt.Fprintf(&w, "backend: \"onnxruntime\"\n")
	}
	fmt.Fprintf(&w, "max_batch_size: %d\n", tritonBatch)
	for _, t := range m.inputs {
		w.WriteString(tensorConfig("input", t))
	}
	for _, t := range m.outputs {
		w.WriteString(tensorConfig("output", t))
	}
	if len(m.steps) == 0 {
		fmt.Fprintf(&w, "dynamic_batching { }\n")
		return w.Bytes()
	}
	fmt.Fprintf(&w, "ensemble_scheduling {\n")
	for _, s := range m.steps {
		fmt.Fprintf(&w, "  step {\n    model_name: %q\n    model_version: -1\n", s.name)
		for _, t := range s.inputs {
			fmt.Fprintf(&w, "    input_map { key: %q value: %q }\n", t.Name, t.Name)
		}
		for _, t := range s.outputs {
			if m.uses(t.Name) {
				fmt.Fprintf(&w, "    output_map { key: %q value: %q }\n", t.Name, t.Name)
			}
		}
		fmt.Fprintf(&w, "  }\n")
	}
	fmt.Fprintf(&w, "}\n")
	return w.Bytes()
}

// uses reports whether an ensemble gives a tensor, or a step of it takes it.
func (m tritonModel) uses(name string) bool {
	return slices.Contains(m.gives, name) || slices.ContainsFunc(m.steps, func(s tritonModel) bool {
		return slices.ContainsFunc(s.inputs, func(t onnxtensor.Info) bool { return t.Name == name })
	})
}

// tensorConfig returns the entry of an input or output. The batch is not among its dims.
func tensorConfig(field string, t onnxtensor.Info) string {
	dims := make([]string, 0, len(t.Shape))
	for _, d := range t.Shape[1:] {
		dims = append(dims, strconv.FormatInt(d, 10))
	}
	return fmt.Sprintf("%s { name: %q data_type: %s dims: [ %s ] }\n", field, t.Name, tritonTypes[t.DType], strings.Join(dims, ", "))
}
