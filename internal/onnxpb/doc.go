// Package onnxpb is ONNX's own protobuf schema as Go types: models, graphs, nodes, tensors.
//
// onnx.proto is ONNX 1.23.2's, unchanged except for its proto package, which is catvae.onnx here so that two copies of
// the schema can live in one binary. The format is described at https://onnx.ai/onnx/repo-docs/IR.html. Only the
// generated types and [Marshal] live here; building graphs is export's work, checking untrusted ones is
// internal/onnxcheck's.
package onnxpb

//go:generate go run ../gen/protogo onnx.proto github.com/catvae/catvae/internal/onnxpb

import "google.golang.org/protobuf/proto"

// Marshal encodes a model so that equal models give equal bytes within one build of this program. Bundles are hashed,
// and a hash is worth little if writing twice gives two.
func Marshal(m *ModelProto) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// Unmarshal decodes a model. It checks the encoding only: see internal/onnxcheck for everything else.
func Unmarshal(data []byte) (*ModelProto, error) {
	m := new(ModelProto)
	if err := proto.Unmarshal(data, m); err != nil {
		return nil, err
	}
	return m, nil
}
