package backend

import (
	"fmt"

	"github.com/catvae/catvae/internal/onnxtensor"
)

// Order brings a run's tensors into a graph's order and checks each against what the graph declares: none is missing, none
// is empty, and names, types and shapes fit. It is for those who write backends. Errors wrap [ErrInput] and name the
// tensor.
func Order(infos []TensorInfo, inputs []Tensor) ([]Tensor, error) {
	if len(inputs) != len(infos) {
		return nil, fmt.Errorf("%w: %d inputs are given, the graph takes %d", ErrInput, len(inputs), len(infos))
	}
	ordered := make([]Tensor, len(infos))
	for i, info := range infos {
		found := false
		for _, t := range inputs {
			if t.Name == info.Name {
				ordered[i], found = t, true
			}
		}
		if !found {
			return nil, fmt.Errorf("%w: the graph's input %.100q is not given", ErrInput, info.Name)
		}
		if err := fits(info, ordered[i]); err != nil {
			return nil, err
		}
	}
	return ordered, nil
}

// fits reports a tensor that is not what the graph declares.
func fits(info TensorInfo, t Tensor) error {
	if err := t.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInput, err)
	}
	dtype, n, _ := onnxtensor.DTypeOf(t.Data)
	if dtype != info.DType {
		return fmt.Errorf("%w: input %.100q is %s, the graph takes %s", ErrInput, info.Name, dtype, info.DType)
	}
	if n == 0 {
		return fmt.Errorf("%w: input %.100q of shape %v is empty", ErrInput, info.Name, t.Shape)
	}
	ok := len(t.Shape) == len(info.Shape)
	for i := 0; ok && i < len(t.Shape); i++ {
		ok = info.Shape[i] == -1 || info.Shape[i] == t.Shape[i]
	}
	if !ok {
		return fmt.Errorf("%w: input %.100q has shape %v, the graph takes %v (-1 is any)", ErrInput, info.Name, t.Shape, info.Shape)
	}
	return nil
}
