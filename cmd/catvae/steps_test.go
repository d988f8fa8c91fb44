package main

import (
	"os/exec"
	"testing"
)

// A shell gets the names that were meant out of the commands that are printed.
func TestShellWord(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"run/bundle", "größer", "pictures/*/*.png", "a b", "it's", "$(touch x)", "a\nb", "-", "~"} {
		out, err := exec.Command("sh", "-c", "printf %s "+shellWord(name)).Output()
		if err != nil || string(out) != name {
			t.Errorf("%q: the shell gets %q, %v", name, out, err)
		}
	}
	if got := nextSteps("my run", "d/*.png")[2]; got != "infer --model 'my run/bundle' --in 'd/*.png' --out codes.npy" {
		t.Error(got)
	}
}
