package oip

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// A Datatype is a type of a tensor's values, by the protocol's name.
type Datatype string

// The datatypes that tensors here can have.
const (
	UINT8 Datatype = "UINT8"
	FP32  Datatype = "FP32"
)

// A datatype is a row of the table.
type datatype struct {
	name   Datatype
	config string // what Triton's model configuration calls it
	number int32  // there
	size   int    // bytes of a value
	parse  func(dst []byte, text string) ([]byte, error)
	write  func(dst, value []byte) ([]byte, error)
}

// datatypes is the table of what models here take and give. The protocol has others: BOOL, UINT16, UINT32, UINT64, INT8, INT16, INT32,
// INT64, FP16, BF16, FP64, BYTES.
var datatypes = []datatype{
	{UINT8, "TYPE_UINT8", 2, 1, parseByte, func(dst, v []byte) ([]byte, error) { return strconv.AppendUint(dst, uint64(v[0]), 10), nil }},
	{FP32, "TYPE_FP32", 11, 4, parseFloat, writeFloat},
}

func (d Datatype) row() *datatype {
	for i := range datatypes {
		if datatypes[i].name == d {
			return &datatypes[i]
		}
	}
	return nil
}

// Size returns how many bytes a value has, 0 of a type that is not in the table.
func (d Datatype) Size() int {
	if row := d.row(); row != nil {
		return row.size
	}
	return 0
}

// Config returns the type's name and number in Triton's model configuration.
func (d Datatype) Config() (name string, number int32) {
	if row := d.row(); row != nil {
		return row.config, row.number
	}
	return "TYPE_INVALID", 0
}

// Check reports a type that is not in the table.
func (d Datatype) Check() error {
	if d.row() == nil {
		return fmt.Errorf("%w: datatype %.40q: use UINT8 or FP32", ErrRequest, string(d))
	}
	return nil
}

func parseByte(dst []byte, text string) ([]byte, error) {
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return dst, fmt.Errorf("%.40s is no whole number from 0 to 255", text)
	}
	return append(dst, byte(n)), nil
}

func parseFloat(dst []byte, text string) ([]byte, error) {
	x, err := strconv.ParseFloat(text, 32)
	if err != nil {
		return dst, fmt.Errorf("%.40s is no number that fits into FP32", text)
	}
	return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(x))), nil
}

func writeFloat(dst, value []byte) ([]byte, error) {
	x := math.Float32frombits(binary.LittleEndian.Uint32(value))
	if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
		return dst, fmt.Errorf("%g has no JSON: ask for binary data", x)
	}
	return strconv.AppendFloat(dst, float64(x), 'g', -1, 32), nil
}
