package onnxcheck

import "github.com/catvae/catvae/internal/onnxpb"

// checkAttributes requires attributes with different names, each with one value of its declared type.
func (s *scope) checkAttributes(n *onnxpb.NodeProto) error {
	seen := map[string]bool{"": true}
	for _, a := range n.Attribute {
		if seen[a.GetName()] {
			return refuse("the attribute %.100q of node %.100q (%.100q) is given twice, or has no name", a.GetName(), n.GetName(), n.GetOpType())
		}
		seen[a.GetName()] = true
		if a.GetRefAttrName() != "" {
			return refuse("node %.100q (%.100q) takes an attribute from a function", n.GetName(), n.GetOpType())
		}
		if kind, values := kindOf(a); values > 1 || values == 1 && a.GetType() != kind {
			return refuse("the attribute %.100q of node %.100q (%.100q) is of type %v and holds %d values, the last of type %v",
				a.GetName(), n.GetName(), n.GetOpType(), a.GetType(), values, kind)
		}
		if a.G != nil && n.GetOpType() == "Scan" && a.GetName() == "body" && !s.body {
			if err := checkGraph(a.G, true, s.cost); err != nil {
				return err
			}
		} else if a.G != nil || len(a.Graphs) > 0 {
			return refuse("node %.100q (%.100q) holds a graph", n.GetName(), n.GetOpType())
		}
		if a.SparseTensor != nil || len(a.SparseTensors) > 0 {
			return refuse("node %.100q (%.100q) holds a sparse tensor", n.GetName(), n.GetOpType())
		}
		for _, t := range append(a.Tensors, a.T) {
			if t != nil {
				if err := checkTensor(t); err != nil {
					return err
				}
			}
		}
		for _, t := range append(a.TypeProtos, a.Tp) {
			if err := checkType(n.GetName(), t); err != nil {
				return err
			}
		}
	}
	return nil
}

// kindOf returns the type of the value that an attribute holds, and how many it holds: fields that are set, and lists that
// are not empty.
func kindOf(a *onnxpb.AttributeProto) (kind onnxpb.AttributeProto_AttributeType, values int) {
	for _, v := range []struct {
		set  bool
		kind onnxpb.AttributeProto_AttributeType
	}{
		{a.F != nil, onnxpb.AttributeProto_FLOAT}, {len(a.Floats) > 0, onnxpb.AttributeProto_FLOATS},
		{a.I != nil, onnxpb.AttributeProto_INT}, {len(a.Ints) > 0, onnxpb.AttributeProto_INTS},
		{a.S != nil, onnxpb.AttributeProto_STRING}, {len(a.Strings) > 0, onnxpb.AttributeProto_STRINGS},
		{a.T != nil, onnxpb.AttributeProto_TENSOR}, {len(a.Tensors) > 0, onnxpb.AttributeProto_TENSORS},
		{a.G != nil, onnxpb.AttributeProto_GRAPH}, {len(a.Graphs) > 0, onnxpb.AttributeProto_GRAPHS},
		{a.SparseTensor != nil, onnxpb.AttributeProto_SPARSE_TENSOR}, {len(a.SparseTensors) > 0, onnxpb.AttributeProto_SPARSE_TENSORS},
		{a.Tp != nil, onnxpb.AttributeProto_TYPE_PROTO}, {len(a.TypeProtos) > 0, onnxpb.AttributeProto_TYPE_PROTOS},
	} {
		if v.set {
			kind, values = v.kind, values+1
		}
	}
	return kind, values
}
