package layout

import (
	"fmt"

	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// specs returns what a graph takes and gives. The first dimension of each is the batch.
func specs(model []byte) (inputs, outputs []onnxtensor.Info, err error) {
	described, err := onnxcheck.Describe(model)
	if err != nil {
		return nil, nil, err
	}
	if inputs, err = specsOf(described.Inputs); err != nil {
		return nil, nil, err
	}
	outputs, err = specsOf(described.Outputs)
	return inputs, outputs, err
}

func specsOf(values []onnxcheck.Value) ([]onnxtensor.Info, error) {
	var all []onnxtensor.Info
	for _, v := range values {
		if len(v.Shape) == 0 {
			return nil, fmt.Errorf("%s has no shape", v.Name)
		}
		all = append(all, v.Info)
	}
	return all, nil
}
