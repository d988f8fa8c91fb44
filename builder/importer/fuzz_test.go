package importer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/internal/onnxeval"
)

// FuzzNetwork wants of every file that it becomes a network, whose graph gives as many numbers by itself, or an error of a known
// kind. With CATVAE_ONNX_TESTS, ONNX's own tests are seeds, too.
func FuzzNetwork(f *testing.F) {
	onnxtest.Seed(f, 1<<15)
	onnxtest.SeedFiles(f, "testdata/*.onnx", 1<<15)
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := importer.Encoder(data, "")
		if err != nil {
			known := false
			for _, kind := range []error{importer.ErrGraph, importer.ErrOutput, importer.ErrUnsupported, onnxcheck.ErrUnsafe, onnxeval.ErrShape} {
				known = known || errors.Is(err, kind)
			}
			if !known || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %.2000v, want one line of a known kind", err)
			}
			return
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
