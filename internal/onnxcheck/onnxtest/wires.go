package onnxtest

import (
	"bytes"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// wires holds bytes that no encoder would write.
func wires() map[string]func() []byte {
	const million = 1_000_000
	return map[string]func() []byte{
		"nothing":                    func() []byte { return nil },
		"words":                      func() []byte { return []byte("hello") },
		"10,000 levels of graphs":    func() []byte { return deep(10_000, []protowire.Number{7}, 1, 5, 6) },
		"1,000,000 levels of graphs": func() []byte { return deep(million, []protowire.Number{7}, 1, 5, 6) },
		"1,000,000 levels of types":  func() []byte { return deep(million, []protowire.Number{7, 11, 2}, 4, 1) },
		"1,000,000 levels of groups": func() []byte {
			return bytes.Repeat(protowire.AppendTag(nil, 1000, protowire.StartGroupType), million)
		},
		"10 million empty nodes":             func() []byte { return many(10*million, nil, 7, 1) },
		"10 million empty attributes":        func() []byte { return many(10*million, nil, 7, 1, 5) },
		"10 million empty initialisers":      func() []byte { return many(10*million, nil, 7, 5) },
		"10 million empty inputs":            func() []byte { return many(10*million, nil, 7, 11) },
		"10 million empty dimensions":        func() []byte { return many(10*million, nil, 7, 11, 2, 1, 2, 1) },
		"10 million empty names":             func() []byte { return many(10*million, nil, 7, 1, 1) },
		"10 million empty functions":         func() []byte { return many(10*million, nil, 25) },
		"10 million empty opsets":            func() []byte { return many(10*million, nil, 8) },
		"10 million pieces of metadata":      func() []byte { return many(10*million, nil, 14) },
		"a million empty nodes":              func() []byte { return many(million, nil, 7, 1) },
		"100,001 empty nodes":                func() []byte { return many(100_001, nil, 7, 1) },
		"10 million dimensions":              func() []byte { return wrap(bytes.Repeat([]byte{1 << 3, 1}, 10*million), 7, 5) },
		"20 million dimensions, packed":      func() []byte { return wrap(bytes.Repeat([]byte{1}, 20*million), 7, 5, 1) },
		"10 million integers":                func() []byte { return wrap(bytes.Repeat([]byte{8 << 3, 1}, 10*million), 7, 1, 5) },
		"20 million integers, packed":        func() []byte { return wrap(bytes.Repeat([]byte{1}, 20*million), 7, 1, 5, 8) },
		"40 million int32 numbers, packed":   func() []byte { return wrap(bytes.Repeat([]byte{1}, 40*million), 7, 5, 5) },
		"a million pieces of packed numbers": func() []byte { return wrap(bytes.Repeat([]byte{7<<3 | 2, 1, 1}, million), 7, 5) },
		"a million pieces of packed floats":  func() []byte { return wrap(bytes.Repeat([]byte{4<<3 | 2, 4, 0, 0, 0, 0}, million), 7, 5) },
		"a million pieces of a tensor":       func() []byte { return many(million, wrap([]byte{1}, 7), 7, 1, 5, 5) },
		"a million pieces of a graph":        func() []byte { return many(million, nil, 7) },
		"5 million unknown numbers":          func() []byte { return bytes.Repeat([]byte{0xf8, 0x3f, 1}, 5*million) },
		"5 million unknown strings":          func() []byte { return bytes.Repeat([]byte{0xfa, 0x3f, 0}, 5*million) },
		"a million fields of a wrong type":   func() []byte { return bytes.Repeat([]byte{7 << 3, 1}, million) },
		"a field that ends":                  func() []byte { return encode(good())[:40] },
		"a gigabyte of graph announced, a kilobyte given": func() []byte {
			return append(protowire.AppendVarint(protowire.AppendTag(nil, 7, protowire.BytesType), 1<<30), make([]byte, 1<<10)...)
		},
		"a length that overflows": func() []byte {
			return protowire.AppendVarint(protowire.AppendTag(nil, 7, protowire.BytesType), math.MaxUint64)
		},
		"a number without an end": func() []byte { return append([]byte{8}, bytes.Repeat([]byte{0xff}, 100)...) },
		"field zero":              func() []byte { return append([]byte{0, 0}, encode(good())...) },
	}
}

// wrap puts content into nested fields with these numbers, the outermost first.
func wrap(content []byte, path ...protowire.Number) []byte {
	for _, number := range slices.Backward(path) {
		content = protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
	}
	return content
}

// many repeats a field of this content; path says where, the field's own number last.
func many(n int, content []byte, path ...protowire.Number) []byte {
	last := len(path) - 1
	return wrap(bytes.Repeat(wrap(content, path[last]), n), path[:last]...)
}

// deep nests messages: each level is the fields of a cycle, one in the other. It is written from its end.
func deep(levels int, path []protowire.Number, cycle ...protowire.Number) []byte {
	var backward []byte
	prepend := func(number protowire.Number) {
		head := protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.BytesType), uint64(len(backward)))
		slices.Reverse(head)
		backward = append(backward, head...)
	}
	for range levels {
		for _, number := range slices.Backward(cycle) {
			prepend(number)
		}
	}
	for _, number := range slices.Backward(path) {
		prepend(number)
	}
	slices.Reverse(backward)
	return backward
}
