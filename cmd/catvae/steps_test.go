package main

import "testing"

// The names in the commands that are printed are quoted.
func TestNextSteps(t *testing.T) {
	t.Parallel()
	if got := nextSteps("my run", "d/*.png")[2]; got != "infer --model 'my run/bundle' --in 'd/*.png' --out codes.npy" {
		t.Error(got)
	}
}
