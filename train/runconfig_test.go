package train_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
)

// A graph of an imported run that was changed is named, whether the run is trained or exported.
func TestImportedGraphDamaged(t *testing.T) {
	t.Parallel()
	run, _ := importTorch(t, purego.New(), "bernoulli", "script")
	names, err := filepath.Glob(filepath.Join(run, "graphs", "decoder-*.onnx"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	for what, spoil := range damages {
		dir := filepath.Join(t.TempDir(), "run")
		if err := os.CopyFS(dir, os.DirFS(run)); err != nil {
			t.Fatal(err)
		}
		if err := spoil(filepath.Join(dir, "graphs", filepath.Base(names[0]))); err != nil {
			t.Fatal(err)
		}
		_, opened := train.OpenRun(dir, nil)
		_, read := train.RunConfig(dir)
		for _, err := range []error{opened, read} {
			if err == nil || !strings.Contains(err.Error(), "graphs/decoder-") && !strings.Contains(err.Error(), "graphs is not") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// A run's names of graphs lead nowhere else.
func TestGraphNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"/etc/passwd", "../secret.onnx", "graphs/../../x.onnx", "C:x"} {
		dir := t.TempDir()
		text, err := json.Marshal(config(t))
		if err != nil {
			t.Fatal(err)
		}
		var keys map[string]any
		if err := json.Unmarshal(text, &keys); err != nil {
			t.Fatal(err)
		}
		keys["encoder"] = map[string]string{"kind": "onnx", "graph": name}
		if text, err = json.Marshal(keys); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, train.ConfigFile), text, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := train.OpenRun(dir, nil); !errors.Is(err, readfile.ErrName) {
			t.Errorf("%s, opened: %v", name, err)
		}
		if _, err := train.RunConfig(dir); !errors.Is(err, readfile.ErrName) {
			t.Errorf("%s, read: %v", name, err)
		}
	}
}

// A configuration that never ends, or that waits, is refused at once.
func TestConfigKinds(t *testing.T) {
	t.Parallel()
	c, o := halfway(t)
	for what, spoil := range damages {
		o, _ := copyRun(t, o)
		path := filepath.Join(o.Out, train.ConfigFile)
		if err := spoil(path); err != nil {
			t.Fatal(err)
		}
		if what == "gone" {
			continue
		}
		_, read := train.RunConfig(o.Out)
		_, opened := train.OpenRun(o.Out, nil)
		_, resumed := train.Run(context.Background(), c, o)
		for _, err := range []error{read, opened, resumed} {
			if err == nil || !strings.Contains(err.Error(), train.ConfigFile) || errors.Is(err, train.ErrConfig) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}
