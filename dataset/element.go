package dataset

import (
	"encoding/binary"
	"math"

	"github.com/x448/float16"
)

// An element is a type of the numbers of an array.
type element struct {
	name   string // as numpy calls it
	width  int    // bytes
	number func(b []byte) float64
}

// elementOf returns the type of a kind and a width: 'b' for booleans, 'i' and 'u' for integers with a sign and without, 'f' for
// floats, 'g' for those of 16 bits with the exponents of 32 (bfloat16). It is not ok where no such numbers are read.
func elementOf(kind byte, width int, order binary.ByteOrder) (element, bool) {
	of := func(name string, number func(b []byte) float64) (element, bool) {
		return element{name, width, number}, true
	}
	switch string(kind) + string(rune('0'+width)) {
	case "b1":
		return of("bool", func(b []byte) float64 {
			if b[0] != 0 {
				return 1
			}
			return 0
		})
	case "u1":
		return of("uint8", func(b []byte) float64 { return float64(b[0]) })
	case "u2":
		return of("uint16", func(b []byte) float64 { return float64(order.Uint16(b)) })
	case "u4":
		return of("uint32", func(b []byte) float64 { return float64(order.Uint32(b)) })
	case "u8":
		return of("uint64", func(b []byte) float64 { return float64(order.Uint64(b)) })
	case "i1":
		return of("int8", func(b []byte) float64 { return float64(int8(b[0])) })
	case "i2":
		return of("int16", func(b []byte) float64 { return float64(int16(order.Uint16(b))) })
	case "i4":
		return of("int32", func(b []byte) float64 { return float64(int32(order.Uint32(b))) })
	case "i8":
		return of("int64", func(b []byte) float64 { return float64(int64(order.Uint64(b))) })
	case "f2":
		return of("float16", func(b []byte) float64 { return float64(float16.Frombits(order.Uint16(b)).Float32()) })
	case "f4":
		return of("float32", func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) })
	case "g2":
		return of("bfloat16", func(b []byte) float64 { return float64(math.Float32frombits(uint32(order.Uint16(b)) << 16)) })
	case "f8":
		return of("float64", func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) })
	}
	return element{}, false
}

// elements names the types that are read.
const elements = "booleans, integers of 8 to 64 bits, and floats of 16 to 64 bits"
