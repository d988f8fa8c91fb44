package runtime_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
)

// wrongly runs graphs, and changes what they give without an error, as broken libraries do.
type wrongly struct {
	backend.Backend
	change func(out []onnxtensor.Tensor)
}

type wrongGraph struct {
	backend.Graph
	change func(out []onnxtensor.Tensor)
}

func (b wrongly) Load(ctx context.Context, model backend.Checked, label string) (backend.Graph, error) {
	g, err := b.Backend.Load(ctx, model, label)
	return wrongGraph{g, b.change}, err
}

func (g wrongGraph) Run(ctx context.Context, in ...onnxtensor.Tensor) ([]onnxtensor.Tensor, error) {
	out, err := g.Graph.Run(ctx, in...)
	g.change(out)
	return out, err
}

// Every engine that computes rightly passes the self-test, and one that does not fails it.
func TestSelfTest(t *testing.T) {
	for _, kind := range []string{dist.Bernoulli, dist.Categorical} {
		categories := 0
		if kind == dist.Categorical {
			categories = 5
		}
		dir := export(t, kind, 11, categories)
		for name, c := range map[string]struct {
			backend backend.Backend
			fails   bool
		}{
			"onnxruntime": {ortest.Backend(t), false}, "pure Go": {purego.New(), false},
			"wrong products": {wrongly{ortest.Backend(t), func(out []onnxtensor.Tensor) {
				if logits, ok := out[0].Data.([]float32); ok && out[0].Name == bundle.LatentLogits {
					for i := range logits {
						logits[i] = -logits[i]
					}
				}
			}}, true},
			"a wrong threshold": {wrongly{ortest.Backend(t), func(out []onnxtensor.Tensor) {
				for _, o := range out {
					if packed, ok := o.Data.([]byte); ok {
						packed[0] ^= 0x80
					}
				}
			}}, true},
		} {
			m, err := runtime.Open(t.Context(), dir, runtime.WithBackend(c.backend))
			if err != nil {
				t.Fatal(err)
			}
			kept, err := bundle.ReadSelfTest(dir, m.Manifest())
			if err == nil {
				err = m.SelfTest(t.Context(), kept)
			}
			if c.fails != errors.Is(err, runtime.ErrSelfTest) || !c.fails && err != nil || c.fails && !strings.Contains(err.Error(), "bits of generated rows") {
				t.Errorf("%s of %s: %v", kind, name, err)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
