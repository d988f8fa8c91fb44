package runtime_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
)

// A score is the sum of its definition in probabilities: what the decoder gives for the code, and the divergence summed
// over every state of every variable.
func TestScore(t *testing.T) {
	ctx := context.Background()
	bernoulli, categorical := export(t, dist.Bernoulli, 7, 0), export(t, dist.Categorical, 3, 4)
	for _, test := range []struct {
		name, dir string
		prior     []float32
	}{
		{"bernoulli", bernoulli, nil}, {"categorical", categorical, nil},
		{"bernoulli, learned prior", bernoulli, []float32{-3, 0.5, 1, 2, -1, 0, 8}},
		{"categorical, learned prior", categorical, []float32{0, 1, 2, -1, 3, 3, 0, -5, 1, 1, 0.5, 9}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := openWithPrior(t, test.dir, test.prior)
			l := &m.Manifest().Latent
			rows := make([]float32, 4*6)
			noise.Stream{Seed: 2}.Uniform(rows, 0, 0)
			scores, err := m.Score(ctx, []float32{42}, rows)
			logits, err1 := m.Logits(ctx, nil, rows)
			pixels, err2 := m.Reconstruct(ctx, nil, rows)
			if err := errors.Join(err, err1, err2); err != nil {
				t.Fatal(err)
			}
			if len(scores) != 5 || scores[0] != 42 {
				t.Fatalf("Score gave %v: it must append one number a row", scores)
			}
			for row := range 4 {
				want := 0.0
				for i, x := range rows[row*6:][:6] {
					p := float64(pixels[row*6+i])
					want -= float64(x)*math.Log(p) + (1-float64(x))*math.Log(1-p)
				}
				want += enumerated(*l, logits[row*l.Bits():][:l.Bits()])
				if got := float64(scores[1+row]); math.Abs(got-want) > 1e-5*math.Abs(want) {
					t.Errorf("row %d has the score %g, its definition gives %g", row, got, want)
				}
			}
		})
	}
}

// openWithPrior opens a bundle as one whose prior was learned.
func openWithPrior(t *testing.T, dir string, logits []float32) *runtime.Model {
	t.Helper()
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	graphs := map[string][]byte{}
	for _, file := range []string{bundle.EncoderFile, bundle.ThresholdFile, bundle.DecoderFile} {
		if graphs[file], err = b.Graph(file); err != nil {
			t.Fatal(err)
		}
	}
	if logits != nil {
		b.Manifest.Latent.Prior = bundle.Prior{Kind: "learned", Logits: logits}
	}
	m, err := runtime.New(t.Context(), b.Manifest, graphs, runtime.WithBackend(ortest.Backend(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// enumerated sums q ln(q/p) over the states of each variable.
func enumerated(l bundle.Latent, logits []float32) (kl float64) {
	prior := l.Prior.Logits
	if prior == nil {
		prior = make([]float32, len(logits))
	}
	states := max(l.Categories, 2)
	for v := range l.Variables {
		q, p := make([]float64, states), make([]float64, states)
		sumQ, sumP := 0.0, 0.0
		for k := range states {
			if l.Kind == dist.Bernoulli { // logits of state 1; state 0 has 0
				q[k], p[k] = math.Exp(float64(k)*float64(logits[v])), math.Exp(float64(k)*float64(prior[v]))
			} else {
				q[k], p[k] = math.Exp(float64(logits[v*states+k])), math.Exp(float64(prior[v*states+k]))
			}
			sumQ, sumP = sumQ+q[k], sumP+p[k]
		}
		for k := range states {
			kl += q[k] / sumQ * math.Log(q[k]/sumQ/(p[k]/sumP))
		}
	}
	return kl
}

func TestScoreRefusesBadRows(t *testing.T) {
	m := open(t, dist.Bernoulli, 7, 0)
	if _, err := m.Score(context.Background(), nil, []float32{0, 0, 0, 2, 0, 0}); !errors.Is(err, runtime.ErrInput) {
		t.Errorf("a value of 2 gives %v", err)
	}
	if scores, err := m.Score(context.Background(), nil, nil); err != nil || len(scores) != 0 {
		t.Errorf("no rows give %v, %v", scores, err)
	}
}
