package onnxcheck

import (
	"reflect"
	"sync"

	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A few bytes of protobuf can ask for much memory: two bytes are an empty node, which is 224 bytes once it is decoded,
// and a message in a message in a message is a call in a call in a call. So the bytes are walked before they are decoded
// (https://protobuf.dev/programming-guides/encoding/). The walk follows the schema: it enters what the decoder would
// enter, steps over weights as a whole, allocates nothing, and adds up what decoding would allocate. It ends where
//
//	messages are nested deeper than maxDepth,
//	decoding would take more than decoded(bytes of the model),
//	packed numbers or a message come in pieces, for each of which the decoder would copy those before,
//	more than maxUnknown fields are none of the schema's, or
//	the bytes are no protobuf.
const (
	maxDepth   = 32 // a model without subgraphs needs 8, one with a Scan 11
	maxUnknown = 10_000
)

// decoded returns what decoding a model may take, in bytes, as the walk counts it. Of the models that onnx tests itself
// with, none counts for more than 36 times its own size (one node with names of a letter); PyTorch's count for up to 14
// times where they hold few weights, and for little more than once where they hold many. 256 MiB on top of the content are
// 100,000 nodes with all they need.
func decoded(size int) int64 { return min(1<<24+32*int64(size), 1<<28+int64(size)) }

// What the decoder allocates, at most, on top of the struct of a message and the bytes of a string. A list that grows element
// by element is allocated again each time that it is full, by a quarter more: six times its last size in all.
const (
	scalarCost  = 16     // a pointer's number
	stringCost  = 32     // a pointer's string, and what the allocator rounds up
	messageCost = 32     // what the allocator rounds up
	placeCost   = 6 * 8  // a place in a list of numbers or messages
	namesCost   = 6 * 16 // a place in a list of strings
	packedCost  = 2      // packed numbers are counted first, and their bytes allocated once: with something to spare
)

// A layout is what the walk knows of a type of message.
type layout struct {
	size   int64   // of the Go struct, bytes
	fields []field // by number; the schema's numbers are small
}

// A field says how a value is written: as a number, as a string with its length, or as a message with its length.
type field struct {
	known   bool           // whether the schema has it
	typ     protowire.Type // of a single value
	list    bool
	once    bool    // whether it is written with a length at most once: a message, a string, packed numbers
	width   int64   // of a number in memory, bytes
	message *layout // of a message
}

// modelLayout is the layout of a model.
var modelLayout = sync.OnceValue(func() *layout {
	return layoutOf(new(onnxpb.ModelProto).ProtoReflect(), map[protoreflect.FullName]*layout{})
})

// layoutOf reads the descriptor of a message and of those that it holds. Each type is read once, since graphs hold
// nodes that hold graphs.
func layoutOf(m protoreflect.Message, known map[protoreflect.FullName]*layout) *layout {
	if l, ok := known[m.Descriptor().FullName()]; ok {
		return l
	}
	l := &layout{size: int64(reflect.TypeOf(m.Interface()).Elem().Size())}
	known[m.Descriptor().FullName()] = l
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		d := fields.Get(i)
		f := field{known: true, typ: protowire.VarintType, list: d.IsList(), width: 8}
		switch d.Kind() { // the schema's other kinds are int64 and uint64
		case protoreflect.MessageKind:
			value := m.NewField(d)
			if d.IsList() {
				value = value.List().NewElement()
			}
			f.typ, f.message = protowire.BytesType, layoutOf(value.Message(), known)
		case protoreflect.BytesKind, protoreflect.StringKind:
			f.typ = protowire.BytesType
		case protoreflect.FloatKind:
			f.typ, f.width = protowire.Fixed32Type, 4
		case protoreflect.DoubleKind:
			f.typ = protowire.Fixed64Type
		case protoreflect.Int32Kind, protoreflect.EnumKind:
			f.width = 4
		}
		f.once = f.list != (f.typ == protowire.BytesType)
		for len(l.fields) <= int(d.Number()) {
			l.fields = append(l.fields, field{})
		}
		l.fields[d.Number()] = f
	}
	return l
}

// checkWire walks over a model.
func checkWire(model []byte) error {
	w := walk{left: decoded(len(model)), unknown: maxUnknown}
	if err := w.message(model, modelLayout(), 0); err != nil {
		return err
	}
	return w.check()
}

// A walk counts what it may still accept.
type walk struct {
	left    int64 // bytes that decoding may still take
	unknown int   // fields that the schema lacks
}

func (w *walk) check() error {
	if w.left < 0 {
		return refuse("it would take far more memory than its bytes are worth: weights belong in raw_data")
	}
	return nil
}

// none is the field of a number that the schema lacks.
var none field

func (w *walk) message(data []byte, l *layout, depth int) error {
	if depth > maxDepth {
		return refuse("its messages are nested deeper than %d", maxDepth)
	}
	w.left -= l.size + messageCost
	var seen uint64 // the fields seen so far, by number
	for len(data) > 0 {
		if err := w.check(); err != nil {
			return err
		}
		number, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			return refuse("it is not an ONNX model: %v", protowire.ParseError(n))
		}
		data = data[n:]
		if typ == protowire.StartGroupType || typ == protowire.EndGroupType {
			return refuse("it is not an ONNX model: it holds a group, and no message of ONNX does")
		}
		f := &none
		if int(number) < len(l.fields) {
			f = &l.fields[number]
		}
		if typ == protowire.BytesType {
			value, n := protowire.ConsumeBytes(data)
			if n < 0 {
				return refuse("it is not an ONNX model: %v", protowire.ParseError(n))
			}
			data = data[n:]
			if f.once {
				if seen&(1<<number) != 0 {
					return refuse("it is not an ONNX model: one of its fields comes in pieces")
				}
				seen |= 1 << number
			}
			if err := w.bytes(value, f, depth); err != nil {
				return err
			}
			continue
		}
		if n = protowire.ConsumeFieldValue(number, typ, data); n < 0 {
			return refuse("it is not an ONNX model: %v", protowire.ParseError(n))
		}
		data = data[n:]
		w.left -= scalarCost
		if f.list {
			w.left -= placeCost
		}
		if !f.known || f.typ != typ {
			if err := w.other(0); err != nil {
				return err
			}
		}
	}
	return nil
}

// bytes counts a field with a length: a message, a string, or numbers packed together.
func (w *walk) bytes(value []byte, f *field, depth int) error {
	switch {
	case f.message != nil:
		if f.list {
			w.left -= placeCost
		}
		return w.message(value, f.message, depth+1)
	case f.known && f.typ == protowire.BytesType:
		w.left -= int64(len(value)) + stringCost
		if f.list {
			w.left -= namesCost
		}
	case f.list && f.typ == protowire.VarintType:
		for _, b := range value {
			if b < 0x80 { // the last byte of a number
				w.left -= packedCost * f.width
			}
		}
	case f.list:
		w.left -= int64(len(value))
	default:
		return w.other(len(value))
	}
	return nil
}

// other counts a field that the schema lacks, or has with another type. The decoder keeps its bytes, in a
// list that grows.
func (w *walk) other(size int) error {
	w.left -= 6 * int64(size)
	if w.unknown--; w.unknown < 0 {
		return refuse("more than %d of its fields are none of ONNX's", maxUnknown)
	}
	return nil
}
