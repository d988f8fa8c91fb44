// Package rowmajor reads the numbers of gorgonia's values in row-major order, whatever the layout of their memory: a tensor may be
// column-major (tensor.AsFortran), transposed, or a part of another one, and its Data method gives the memory as it lies.
package rowmajor

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Data returns a value's numbers in row-major order: a []float32, []float64, []int, []int64, []int32, []uint8 or []bool, of one
// element for a scalar. Where they lie so already, it is the value's own memory, and a copy elsewhere.
func Data(v G.Value) (any, error) {
	switch t := v.(type) {
	case nil:
		return nil, fmt.Errorf("there is no value")
	case *tensor.Dense:
		return dense(t)
	case tensor.Tensor:
		return nil, fmt.Errorf("a value is a %T: use a *tensor.Dense", v)
	}
	return list(v.Data())
}

// Dense returns a tensor that lies in row-major order: the very one, or a copy.
func Dense(t *tensor.Dense) (*tensor.Dense, error) {
	if straight(t) {
		return t, nil
	}
	data, err := Data(t)
	if err != nil {
		return nil, err
	}
	return tensor.New(tensor.WithShape(t.Shape()...), tensor.WithBacking(data)), nil
}

// straight reports whether a tensor's memory can be read as it lies.
func straight(t *tensor.Dense) bool {
	if masked(t) || !t.IsNativelyAccessible() {
		return false
	}
	size := 1
	for i, d := range slices.Backward(t.Shape()) {
		if d != 1 && (i >= len(t.Strides()) || t.Strides()[i] != size) {
			return false
		}
		size *= d
	}
	return size == max(1, t.DataSize())
}

func masked(t *tensor.Dense) bool { return len(t.Mask()) > 0 }

func dense(t *tensor.Dense) (any, error) {
	switch {
	case !t.IsNativelyAccessible():
		return nil, fmt.Errorf("a value of shape %v lies in memory that is not the program's", t.Shape())
	case masked(t):
		return nil, fmt.Errorf("a value of shape %v has a mask, which nothing else knows of: put numbers in the masked places (tensor.Dense.Filled) and take the mask off", t.Shape())
	}
	data, err := list(t.Data())
	if err != nil || straight(t) {
		return data, err
	}
	if len(t.Strides()) != len(t.Shape()) {
		return nil, fmt.Errorf("a value has %d strides for the shape %v", len(t.Strides()), t.Shape())
	}
	switch d := data.(type) {
	case []float32:
		return gather(d, t.Shape(), t.Strides())
	case []float64:
		return gather(d, t.Shape(), t.Strides())
	case []int:
		return gather(d, t.Shape(), t.Strides())
	case []int64:
		return gather(d, t.Shape(), t.Strides())
	case []int32:
		return gather(d, t.Shape(), t.Strides())
	case []uint8:
		return gather(d, t.Shape(), t.Strides())
	}
	return gather(data.([]bool), t.Shape(), t.Strides())
}

// list makes a slice of a scalar, and reports what is of another type.
func list(data any) (any, error) {
	switch d := data.(type) {
	case []float32, []float64, []int, []int64, []int32, []uint8, []bool:
		return d, nil
	case float32:
		return []float32{d}, nil
	case float64:
		return []float64{d}, nil
	case int:
		return []int{d}, nil
	case int64:
		return []int64{d}, nil
	case int32:
		return []int32{d}, nil
	case uint8:
		return []uint8{d}, nil
	case bool:
		return []bool{d}, nil
	}
	return nil, fmt.Errorf("a value holds %T: use float32, float64, int, int64, int32, uint8 or bool", data)
}

// gather reads element after element, the last index fastest.
func gather[T any](data []T, shape tensor.Shape, strides []int) ([]T, error) {
	size, last := 1, 0
	for i, d := range shape {
		size *= d
		last += (d - 1) * strides[i]
	}
	if size > 0 && (last < 0 || last >= len(data)) {
		return nil, fmt.Errorf("a value of shape %v and strides %v has %d elements in memory", shape, strides, len(data))
	}
	out := make([]T, 0, size)
	at := make([]int, len(shape))
	for range size {
		place := 0
		for i, k := range at {
			place += k * strides[i]
		}
		out = append(out, data[place])
		for i := len(at) - 1; i >= 0; i-- {
			if at[i]++; at[i] < shape[i] {
				break
			}
			at[i] = 0
		}
	}
	return out, nil
}
