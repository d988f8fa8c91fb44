//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

// costlyNodes are as many as keep onnxruntime busy for nearly as long as is accepted: see internal/onnxcheck.
const costlyNodes = 7900

// costly writes the model's bundle with an encoder that takes native code seconds to make a session of.
func (b *bench) costly(bundle string) error {
	if err := os.CopyFS(bundle, os.DirFS(b.infer.Model)); err != nil {
		return err
	}
	path := filepath.Join(bundle, "encoder.onnx")
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var model onnxpb.ModelProto
	if err := proto.Unmarshal(data, &model); err != nil {
		return err
	}
	g := model.Graph
	in := g.Input[0].GetName()
	last := in
	var chain []*onnxpb.NodeProto
	for i := range costlyNodes {
		out := fmt.Sprint("costly", i)
		chain = append(chain, &onnxpb.NodeProto{OpType: proto.String("Add"), Name: proto.String(out), Input: []string{last, last}, Output: []string{out}})
		last = out
	}
	for _, n := range g.Node {
		for i := range n.Input {
			if n.Input[i] == in {
				n.Input[i] = last
			}
		}
	}
	g.Node = append(chain, g.Node...)
	if data, err = proto.Marshal(&model); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
