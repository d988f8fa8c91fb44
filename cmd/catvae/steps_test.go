package main

import (
	"testing"

	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/evaluate"
)

// The names in the commands that are printed are quoted.
func TestNextSteps(t *testing.T) {
	t.Parallel()
	if got := nextSteps("my run", "d/*.png", 0)(train.Result{})[2]; got != "infer --model 'my run/bundle' --in 'd/*.png' --out codes.npy" {
		t.Error(got)
	}
	for name, shape := range map[string][]int{"samples.png": {28, 28}, "samples.npy": {784}} {
		if got := nextSteps("run", "x", 0)(train.Result{Shape: shape})[3]; got != "catvae sample --model run/bundle --out "+name {
			t.Error(got)
		}
	}
	if got := nextSteps("run", "x", 0)(train.Result{Test: evaluate.Evaluation{Conditional: true}})[3]; got != "infer --model run/bundle --in x --mode reconstruct --out predicted.npy" {
		t.Error(got)
	}
}
