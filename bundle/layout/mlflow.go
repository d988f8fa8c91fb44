package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/onnxtensor"
	"go.yaml.in/yaml/v3"
)

// mlflow arranges model.onnx, from rows to packed codes and logits, with the MLmodel that MLflow reads, and the bundle itself in bundle/. MLflow's flavour
// "onnx" runs one graph.
func mlflow(b Bundle) (map[string][]byte, error) {
	model, err := b.encode()
	if err != nil {
		return nil, err
	}
	inputs, outputs, err := specs(model)
	if err != nil {
		return nil, err
	}
	takes, err1 := signature(inputs)
	gives, err2 := signature(outputs)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	env := map[string]string{"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
	described, err := yaml.Marshal(map[string]any{
		"flavors": map[string]any{
			"onnx":            map[string]any{"data": "model.onnx", "providers": []string{"CPUExecutionProvider"}, "onnx_version": "1.12.0", "code": nil},
			"python_function": map[string]any{"data": "model.onnx", "env": env, "loader_module": "mlflow.onnx"},
		},
		"signature":  map[string]any{"inputs": takes, "outputs": gives, "params": nil},
		"model_uuid": bundle.Hash(b.Files[bundle.ManifestFile]).SHA256[:32],
		"metadata":   map[string]any{"name": b.Manifest.Name, "producer": b.Manifest.Producer, "latent": b.latentWords()},
	})
	if err != nil {
		return nil, err
	}
	requirements := "mlflow\nnumpy\nonnx>=1.12\nonnxruntime>=1.13\n"
	files := map[string][]byte{
		"MLmodel": described, "model.onnx": model, "requirements.txt": []byte(requirements),
		"conda.yaml":      []byte("channels:\n- conda-forge\ndependencies:\n- python>=3.9\n- pip\n- pip:\n  - -r requirements.txt\nname: catvae\n"),
		"python_env.yaml": []byte("build_dependencies:\n- pip\ndependencies:\n- -r requirements.txt\n"),
	}
	for name, data := range b.Files {
		files[path.Join("bundle", name)] = data
	}
	return files, nil
}

// signature is a list of tensors in the words of MLflow's ModelSignature: JSON within YAML.
func signature(specs []onnxtensor.Info) (string, error) {
	type tensor struct {
		DType string  `json:"dtype"`
		Shape []int64 `json:"shape"`
	}
	type column struct {
		Name string `json:"name"`
		Type string `json:"type"`
		Spec tensor `json:"tensor-spec"`
	}
	var columns []column
	for _, s := range specs {
		columns = append(columns, column{s.Name, "tensor", tensor{string(s.DType), s.Shape}})
	}
	text, err := json.Marshal(columns)
	return string(text), err
}
