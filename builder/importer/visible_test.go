package importer_test

import (
	"testing"

	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/internal/visible/visibletest"
)

// Whatever a file calls things, an error is one visible line of bounded length, and so is what is said of a network.
func TestErrorsAreVisible(t *testing.T) {
	t.Parallel()
	refused := 0
	for kind, name := range visibletest.Names() {
		for what, model := range onnxtest.Named(name) {
			for _, output := range []string{"", name + "y", name} {
				for part, of := range map[string]func([]byte, importer.Options) (*importer.Network, error){"encoder": importer.Encoder, "decoder": importer.Decoder} {
					n, err := of(model, importer.Options{Output: output})
					if err == nil {
						if err := visibletest.Lines(n.Note(), ""); err != nil {
							t.Errorf("%s, %s of %s: the note: %v", kind, what, part, err)
						}
						if _, err = n.Reference(make([]float32, 2*n.Width())); err == nil {
							continue
						}
					}
					refused++
					if err := visibletest.Check(err); err != nil {
						t.Errorf("%s, %s of %s: %v", kind, what, part, err)
					}
				}
			}
		}
	}
	if refused < 500 {
		t.Errorf("%d models are refused: what are the others?", refused)
	}
}
