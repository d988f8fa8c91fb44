package export

import (
	"fmt"
	"math"
	"reflect"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// This is the only file that knows how attributes are read out of gorgonia's ops, whose fields are not exported:
// package reflect reads unexported integers, booleans and slices of them without unsafe. An op's WriteHash is never
// used, since it leaves attributes out.

// field returns a field of an op, through pointers and embedded structs.
func field(op G.Op, name string) (reflect.Value, error) {
	v := reflect.ValueOf(op)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() == reflect.Struct {
		if f := v.FieldByName(name); f.IsValid() {
			return f, nil
		}
	}
	return reflect.Value{}, fmt.Errorf("export: %T has no field %q: this version of gorgonia is not the one the exporter was written for", op, name)
}

// number reads an integer attribute, which must not vary with the batch.
func (n *node) number(name string) (int, error) {
	values, err := n.numbers(name)
	if err != nil {
		return 0, err
	}
	return values[0], nil
}

// numbers reads a slice of integers (or one integer), none of which may vary with the batch.
func (n *node) numbers(name string) ([]int, error) {
	a, err := field(n.first.Op(), name)
	if err != nil {
		return nil, err
	}
	b, err := field(n.second.Op(), name)
	if err != nil {
		return nil, err
	}
	va, vb := integers(a, 0), integers(b, 0)
	out := make([]int, len(va))
	for i := range va {
		if va[i] != vb[i] {
			return nil, fmt.Errorf("export: %s: its %s varies with the batch, which this operation cannot", label(n.first), name)
		}
		out[i] = int(va[i])
	}
	return out, nil
}

// flag reads a boolean attribute.
func (n *node) flag(name string) (bool, error) {
	f, err := field(n.op(), name)
	if err != nil {
		return false, err
	}
	return f.Bool(), nil
}

// memory is the type of what an op keeps from one run to the next: a pool's mask.
var memory = reflect.TypeFor[tensor.Tensor]()

// integers lists the numbers inside a value (floats by their bits), in a fixed order: fields in the order of their declaration, elements of
// slices, whatever pointers lead to. Types and functions inside an op hold none that matter.
func integers(v reflect.Value, depth int) []int64 {
	if depth > 8 {
		return nil
	}
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return []int64{v.Int()}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return []int64{int64(v.Uint())}
	case reflect.Float32, reflect.Float64:
		return []int64{int64(math.Float64bits(v.Float()))}
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() || v.Type().String() == "hm.Type" || v.Type().Implements(memory) {
			return nil
		}
		return integers(v.Elem(), depth+1)
	case reflect.Struct:
		var out []int64
		for i := range v.NumField() {
			out = append(out, integers(v.Field(i), depth+1)...)
		}
		return out
	case reflect.Slice, reflect.Array:
		var out []int64
		for i := range v.Len() {
			out = append(out, integers(v.Index(i), depth+1)...)
		}
		return out
	}
	return nil
}
