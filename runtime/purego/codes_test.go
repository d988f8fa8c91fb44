package purego_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/models"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
	"gorgonia.org/tensor"
)

// writeBundle writes the bundle of an untrained model of the catalogue, which needs no library.
func writeBundle(t testing.TB, config string) string {
	t.Helper()
	c, err := train.LoadConfig(config, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "bundle")
	trained := train.Trained{Name: "untrained", Config: c, Model: c.Model([]int{28, 28}), Params: params}
	if _, err := trained.WriteBundle(context.Background(), dir, train.BundleOptions{Backend: purego.New()}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t *testing.T, dir string, b backend.Backend) *runtime.Model {
	t.Helper()
	m, err := runtime.Open(t.Context(), dir, runtime.WithBackend(b))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// randomRows are n rows of numbers between 0 and 1, most of them 0 as in pictures of digits.
func randomRows(n int) []float32 {
	x := make([]float32, n*784)
	noise.Stream{Seed: 7}.Uniform(x, 0, 0)
	for i, v := range x {
		x[i] = max(0, 4*v-3)
	}
	return x
}

// Codes are onnxruntime's, except for logits within rounding of a decision; reconstructions and logits are as near.
func TestAgreesWithONNXRuntime(t *testing.T) {
	for _, config := range []string{models.DefaultName, models.CategoricalName} {
		t.Run(config, func(t *testing.T) {
			dir := writeBundle(t, config)
			ours, theirs := open(t, dir, purego.New()), open(t, dir, ortest.Backend(t))
			const n = 300
			rows := randomRows(n)
			get := func(f func(context.Context, []float32, []float32) ([]float32, error), in []float32) []float32 {
				out, err := f(t.Context(), nil, in)
				if err != nil {
					t.Fatal(err)
				}
				return out
			}
			logits := get(theirs.Logits, rows)
			near(t, "logits", get(ours.Logits, rows), logits, 1e-4)
			codes := get(theirs.Codes, rows)
			near(t, "reconstructions", get(ours.Decode, codes), get(theirs.Decode, codes), 1e-5)
			latent := ours.Manifest().Latent
			aside, bits := 0, latent.Bits()
			ourCodes := get(ours.Codes, rows)
			for row := range n {
				wide := make([]float64, bits)
				for i, x := range logits[row*bits:][:bits] {
					wide[i] = float64(x)
				}
				margin := latent.Dist().NearDecision(wide, 1e-5)
				for i, v := range ourCodes[row*bits:][:bits] {
					if v == codes[row*bits+i] {
						continue
					}
					if aside++; !margin[i] {
						t.Errorf("row %d, bit %d differs", row, i)
					}
				}
			}
			t.Logf("%d bits, %d of them differ within the margin", n*bits, aside)
		})
	}
}

func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	worst := 0.0
	for i, x := range want {
		worst = max(worst, math.Abs(float64(got[i]-x)))
	}
	if len(got) != len(want) || !(worst <= tolerance) {
		t.Errorf("%s: %d numbers are up to %g apart from onnxruntime's %d", what, len(got), worst, len(want))
	}
}

// A row's code is the same to the bit alone, in any batch, and with any number of threads.
func TestRowsAreIndependent(t *testing.T) {
	dir := writeBundle(t, models.DefaultName)
	const n = 130
	rows := randomRows(n)
	var want []float32
	for _, threads := range []int{1, 2, 5} {
		m := open(t, dir, purego.New(purego.WithThreads(threads)))
		for _, batch := range []int{n, 1, 7, 64} {
			var logits []float32
			for at := 0; at < n; at += batch {
				var err error
				if logits, err = m.Logits(t.Context(), logits, rows[at*784:min(at+batch, n)*784]); err != nil {
					t.Fatal(err)
				}
			}
			if want == nil {
				want = logits
			}
			if !bytes.Equal([]byte(fmt.Sprint(want)), []byte(fmt.Sprint(logits))) {
				t.Errorf("%d threads, batches of %d: logits differ", threads, batch)
			}
		}
	}
}

// A bound graph that has run once runs without allocating.
func TestNoAllocations(t *testing.T) {
	dir := writeBundle(t, models.DefaultName)
	model, err := os.ReadFile(filepath.Join(dir, bundle.EncoderFile))
	if err != nil {
		t.Fatal(err)
	}
	g, err := backend.Load(t.Context(), purego.New(purego.WithThreads(1)), model, "encoder")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	const n = 70
	b, err := g.(backend.Binder).Bind(
		[]backend.Tensor{{Name: bundle.Sample, Shape: []int64{n, 28, 28}, Data: randomRows(n)}},
		[]backend.Tensor{{Name: bundle.LatentLogits, Shape: []int64{n, 200}, Data: make([]float32, n*200)}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if allocated := testing.AllocsPerRun(5, func() {
		if err := b.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
	}); allocated > 0 {
		t.Errorf("a run allocates %g times", allocated)
	}
}

func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	c, _ := train.LoadConfig(models.DefaultName, os.ReadFile)
	params, _ := builder.NewParams(tensor.Float32, 1)
	on := purego.New()
	trained := train.Trained{Name: "example", Config: c, Model: c.Model([]int{28, 28}), Params: params}
	if _, err := trained.WriteBundle(context.Background(), dir, train.BundleOptions{Backend: on, Force: true}); err != nil {
		fmt.Println(err)
		return
	}

	model, err := runtime.Open(context.Background(), dir, runtime.WithBackend(on))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer model.Close()
	codes, err := model.Encode(context.Background(), nil, make([]float32, 2*784))
	fmt.Println(model.Backend(), len(codes), err)
	// Output: pure Go (cpu) 50 <nil>
}
