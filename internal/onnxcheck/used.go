package onnxcheck

import (
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Exporters and optimisers declare operator domains that a graph does not use: tf2onnx always names ai.onnx.ml, onnxruntime's optimiser
// all that it knows. Some leave functions behind after they have put their nodes into the graph. Nodes are what is judged.

// The fields of ModelProto that a file may hold for nothing.
const (
	opsetField    protowire.Number = 8
	functionField protowire.Number = 25
)

func ownDomain(name string) bool { return name == "" || name == "ai.onnx" }

// dropUnused leaves the imports of other domains and the functions of a model out: no node uses them, or checkNode refuses it.
func dropUnused(m *onnxpb.ModelProto) error {
	var own []*onnxpb.OperatorSetIdProto
	for _, o := range m.OpsetImport {
		if ownDomain(o.GetDomain()) {
			own = append(own, o)
		}
	}
	for _, f := range m.Functions {
		if ownDomain(f.GetDomain()) { // a node that names it may mean the function, or the operator
			return refuse("it holds a function %.100q in ONNX's own domain: inline it (onnx.inliner.inline_local_functions in Python)", f.GetName())
		}
	}
	m.OpsetImport, m.Functions = own, nil
	return nil
}

// Used returns a checked model without what dropUnused leaves out: the same slice where there is nothing of the kind. A runtime
// would refuse a version of a domain that it does not know, also where nothing uses it.
func Used(model []byte) []byte {
	var kept []byte // nil until something is left out
	for rest := model; len(rest) > 0; {
		number, typ, n := protowire.ConsumeField(rest)
		if n < 0 { // which a checked model has none of
			return model
		}
		field := rest[:n]
		switch at := len(model) - len(rest); {
		case typ == protowire.BytesType && unused(number, field):
			if kept == nil {
				kept = append(make([]byte, 0, len(model)), model[:at]...)
			}
		case kept != nil:
			kept = append(kept, field...)
		}
		rest = rest[n:]
	}
	if kept == nil {
		return model
	}
	return kept
}

func unused(number protowire.Number, field []byte) bool {
	if number != opsetField {
		return number == functionField
	}
	_, _, tag := protowire.ConsumeTag(field)
	value, _ := protowire.ConsumeBytes(field[tag:])
	var o onnxpb.OperatorSetIdProto
	return proto.Unmarshal(value, &o) == nil && !ownDomain(o.GetDomain())
}

// wayOut says what helps against an operator of another domain.
func wayOut(domain string) string {
	switch domain {
	case "com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc":
		return "use the file from before onnxruntime's optimiser, or its basic level only"
	case "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training":
		return "export the network alone, without what comes before and after it"
	}
	return "inline functions (onnx.inliner.inline_local_functions in Python), and export the network by ONNX's own operators"
}
