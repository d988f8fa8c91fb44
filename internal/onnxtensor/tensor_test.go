package onnxtensor_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/onnxtensor"
)

func TestFloats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		data any
		want []float64
	}{
		{[]float32{1.5, -2}, []float64{1.5, -2}},
		{[]float64{1.5}, []float64{1.5}},
		{[]uint8{0, 255}, []float64{0, 255}},
		{[]int32{-1}, []float64{-1}},
		{[]int64{7}, []float64{7}},
		{[]bool{true, false}, []float64{1, 0}},
		{[]string{"x"}, nil},
		{nil, nil},
	} {
		if got := (onnxtensor.Tensor{Data: c.data}).Floats(); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.data, got, c.want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tensor onnxtensor.Tensor
		want   string
	}{
		"a scalar":             {onnxtensor.Tensor{Data: []float32{1}}, ""},
		"nothing":              {onnxtensor.Tensor{Shape: []int64{0, 3}, Data: []uint8{}}, ""},
		"too few":              {onnxtensor.Tensor{Shape: []int64{2}, Data: []float32{1}}, "holds 1 elements"},
		"a negative dimension": {onnxtensor.Tensor{Shape: []int64{-1}, Data: []float32{1}}, "negative"},
		"an overflow":          {onnxtensor.Tensor{Shape: []int64{1 << 40, 1 << 40}, Data: []float32{1}}, "overflows"},
		"text":                 {onnxtensor.Tensor{Data: []string{"x"}}, "no graph takes"},
	} {
		err := c.tensor.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q", name, err, c.want)
		}
	}
}

// A name that a hostile file chose does not break an error into lines.
func TestInfoIsOneLine(t *testing.T) {
	info := onnxtensor.Info{Name: "a\nb", DType: onnxtensor.Float32, Shape: []int64{-1, 4}}
	if got, want := fmt.Sprint([]onnxtensor.Info{info}), `["a\nb" float32 [-1 4]]`; got != want {
		t.Errorf("it is written %s, want %s", got, want)
	}
}
