package cli

import (
	"os/exec"
	"testing"
)

// A shell gets the names that were meant out of the commands that are printed.
func TestShellWord(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"run/bundle", "größer", "pictures/*/*.png", "a b", "it's", "$(touch x)", "a\nb", "-", "~", "a;b", "#x", "a&b", `a\b`, ""} {
		out, err := exec.Command("sh", "-c", "printf %s "+shellWord("linux", name)).Output()
		if err != nil || string(out) != name {
			t.Errorf("%q: the shell gets %q, %v", name, out, err)
		}
	}
	for name, want := range map[string]string{`runs\one`: `runs\one`, `C:\my runs\one`: `"C:\my runs\one"`, "a&b": `"a&b"`, "it's": `"it's"`, "50%": `"50%"`} {
		if got := shellWord("windows", name); got != want {
			t.Errorf("windows: %s, want %s", got, want)
		}
	}
}
