package train_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/train"
)

// A run replaces nothing that it reads: neither data nor graphs that lie in the run, by whatever name, are lost, also under force.
func TestApart(t *testing.T) {
	t.Parallel()
	c, o := tiny(t, filepath.Join(t.TempDir(), "run"))
	mustRun(t, c, o)
	data, err := os.ReadFile(o.Source)
	if err != nil {
		t.Skip("the source is no file")
	}
	o.Force, o.Resume = true, false
	for name, make := range map[string]func(dir string) (source string, err error){
		"data among the checkpoints": func(dir string) (string, error) {
			path := filepath.Join(dir, "checkpoints", filepath.Base(o.Source))
			return path, os.WriteFile(path, data, 0o644)
		},
		"data in the bundle, by a link": func(dir string) (string, error) {
			path, link := filepath.Join(dir, "bundle", filepath.Base(o.Source)), filepath.Join(t.TempDir(), "link")
			return link, errors.Join(os.WriteFile(path, data, 0o644), os.Symlink(path, link))
		},
		"data by a hard link to the metrics": func(dir string) (string, error) {
			path := filepath.Join(t.TempDir(), filepath.Base(o.Source))
			metrics := filepath.Join(dir, train.MetricsFile)
			return path, errors.Join(os.WriteFile(path, data, 0o644), os.Remove(metrics), os.Link(path, metrics))
		},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		if err := os.CopyFS(dir, os.DirFS(o.Out)); err != nil {
			t.Fatal(err)
		}
		o := o
		o.Out = dir
		if o.Source, err = make(dir); err != nil {
			t.Fatal(err)
		}
		before := content(t, dir)
		if _, err := train.Run(t.Context(), c, o); !errors.Is(err, atomicfile.ErrTarget) {
			t.Errorf("%s: %v", name, err)
		}
		if !maps.Equal(content(t, dir), before) {
			t.Errorf("%s: files have changed", name)
		}
	}

	graphs := func(dir string) (c train.Config, err error) {
		c, err = train.LoadConfig("bernoulli-mlp", os.ReadFile)
		c.Encoder.Import(builder.ONNX{Graph: filepath.Join(dir, "bundle", "encoder.onnx")})
		c.Decoder.Import(builder.ONNX{Graph: filepath.Join(dir, "bundle", "decoder.onnx"), Output: "reconstruction_logits"})
		return c, err
	}
	c, err = graphs(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	before := content(t, o.Out)
	if _, err := train.Import(t.Context(), train.ImportOptions{Config: c, Out: o.Out, Force: true, Backend: o.Backend}); !errors.Is(err, atomicfile.ErrTarget) {
		t.Errorf("an import of the run's own graphs: %v", err)
	}
	if !maps.Equal(content(t, o.Out), before) {
		t.Error("an import of the run's own graphs: files have changed")
	}
}
