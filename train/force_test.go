package train_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/train"
)

// A run that replaces another leaves what others put beside it, and replaces nothing but runs.
func TestForce(t *testing.T) {
	t.Parallel()
	c, o := tiny(t, filepath.Join(t.TempDir(), "run"))
	mustRun(t, c, o)
	o.Force, o.Resume = true, false
	notes := filepath.Join(o.Out, "notes", "mine.txt")
	if err := errors.Join(os.Mkdir(filepath.Dir(notes), 0o755), os.WriteFile(notes, []byte("mine"), 0o644)); err != nil {
		t.Fatal(err)
	}
	mustRun(t, c, o)
	if text, err := os.ReadFile(notes); err != nil || string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}

	for name, text := range map[string]string{"another program's": `{"port": 80}`, "no JSON": "x"} { // configurations
		o.Out = t.TempDir()
		err := errors.Join(os.WriteFile(filepath.Join(o.Out, train.ConfigFile), []byte(text), 0o644),
			os.Mkdir(filepath.Join(o.Out, "checkpoints"), 0o755), os.WriteFile(filepath.Join(o.Out, "checkpoints", "mine"), nil, 0o644))
		if err != nil {
			t.Fatal(err)
		}
		before := content(t, o.Out)
		if _, err := train.Run(t.Context(), c, o); !errors.Is(err, atomicfile.ErrTarget) {
			t.Errorf("%s: %v", name, err)
		}
		if !maps.Equal(content(t, o.Out), before) {
			t.Errorf("%s: the folder has changed", name)
		}
	}
}

// A bundle replaces a bundle and no other folder.
func TestForceBundle(t *testing.T) {
	t.Parallel()
	c, o := tiny(t, filepath.Join(t.TempDir(), "run"))
	mustRun(t, c, o)
	trained, err := train.OpenRun(o.Out, nil)
	if err != nil {
		t.Fatal(err)
	}
	write := func(dir string) error {
		_, err := trained.WriteBundle(t.Context(), dir, train.BundleOptions{Backend: o.Backend, Force: true})
		return err
	}
	dir := t.TempDir() // empty
	for range 2 {
		if err := write(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{dir, o.Out, filepath.Join(o.Out, train.CheckpointsDir)} {
		before := content(t, dir)
		if err := write(dir); !errors.Is(err, atomicfile.ErrTarget) {
			t.Errorf("%s: %v", dir, err)
		}
		if !maps.Equal(content(t, dir), before) {
			t.Errorf("%s has changed", dir)
		}
	}
}
