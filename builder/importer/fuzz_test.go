package importer_test

import (
	"errors"
	"testing"

	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/visible/visibletest"
)

// FuzzNetwork wants of every file that it becomes a network, whose graph gives as many numbers by itself, or an error of a known
// kind. With CATVAE_ONNX_TESTS, ONNX's own tests are seeds, too.
func FuzzNetwork(f *testing.F) {
	onnxtest.Seed(f, 1<<15)
	onnxtest.SeedFiles(f, "testdata/*.onnx", 1<<15)
	onnxtest.SeedFiles(f, "testdata/zoo/*.onnx", 1<<15)
	onnxtest.SeedNamed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := importer.Encoder(data, importer.Options{})
		if err != nil {
			known := false
			for _, kind := range []error{importer.ErrGraph, importer.ErrOutput, importer.ErrUnsupported, onnxcheck.ErrUnsafe, onnxeval.ErrShape} {
				known = known || errors.Is(err, kind)
			}
			if unseen := visibletest.Check(err); !known || unseen != nil {
				t.Errorf("the error is %.2000q, want one visible line of a known kind: %v", err, unseen)
			}
			return
		}
		if err := visibletest.Lines(n.Note(), ""); err != nil {
			t.Error(err)
		}
		if n.Width() > 1<<16 {
			return
		}
		logits, err := n.Reference(make([]float32, 2*n.Width()))
		if err != nil || len(logits) != 2*n.Size() {
			t.Errorf("the graph by itself gives %d numbers for two rows, %v; the network gives %d a row", len(logits), err, n.Size())
		}
	})
}
