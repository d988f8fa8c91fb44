package train_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/additive"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
)

// directions are n rows of one norm around 40 centres, and their file.
func directions(t *testing.T, n, width int) (rows []float32, path string) {
	t.Helper()
	row, centre := make([]float64, width), make([]float64, width)
	for i := range n {
		noise.Stream{Seed: 1}.Normal(row, 0, uint32(i))
		noise.Stream{Seed: 2}.Normal(centre, 0, uint32(i%40))
		square := 0.0
		for j := range row {
			row[j] += 2 * centre[j]
			square += row[j] * row[j]
		}
		for _, x := range row {
			rows = append(rows, float32(10*x/math.Sqrt(square)))
		}
	}
	path = filepath.Join(t.TempDir(), "rows.npy")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := dataset.NewNPYWriter(f, "float32", n, width)
	if err == nil {
		err = w.WriteFloats(rows)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return rows, path
}

// searching is a configuration of a kind of encoder that searches 4 codebooks of 16 words.
func searching(t *testing.T, name string, sets ...string) train.Config {
	t.Helper()
	c, err := train.LoadConfig(name, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append([]string{"latent.variables=4", "latent.categories=16", "batch=100", "data.validation=200"}, sets...) {
		if err := c.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// A run of an encoder that searches leaves a bundle whose codes are the search's, on every backend: in Go, in onnxruntime and in pure Go. Training
// lowers the error of the fitted codebooks. The bundle says that the logits are no posterior, and scores and bounds are those of the code.
func TestSearchingRun(t *testing.T) {
	t.Parallel()
	backend := ortest.Backend(t)
	rows, path := directions(t, 1500, 12)
	reconstruction := map[string]float64{}
	for _, c := range []struct {
		name, config string
		sets         []string
		search       additive.Search
	}{
		{"fitted", "rq", []string{"encoder.beam=3", "likelihood.variance=fixed"}, additive.Search{Beam: 3}},
		{"trained", "residual", []string{"encoder.beam=3", "encoder.norm=0", "epochs=3"}, additive.Search{Beam: 3, Sweeps: 1}},
		{"of one norm", "residual", []string{"encoder.beam=3", "encoder.sweeps=2", "epochs=1"}, additive.Search{Beam: 3, Sweeps: 2, NormWeight: 10}},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		r, err := train.Run(t.Context(), searching(t, c.config, c.sets...), train.Options{Source: path, Out: dir, Backend: backend, Samples: 5})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		reconstruction[c.name] = r.Test.Reconstruction
		if price := 4 * math.Log(16); math.Abs(r.Test.KL-price) > 1e-6 || math.Abs(r.Test.IWAE-r.Test.ELBO) > 1e-6 {
			t.Errorf("%s: a code costs %g, want %g; bounds of one sample %g and of five %g", c.name, r.Test.KL, price, r.Test.ELBO, r.Test.IWAE)
		}
		m, err := runtime.Open(t.Context(), filepath.Join(dir, "bundle"), runtime.WithBackend(backend))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		manifest := m.Manifest()
		if manifest.Latent.Posterior != dist.PointPosterior || manifest.FormatVersion != "1.2" || !manifest.Has(bundle.Query) || !manifest.Has(bundle.IndexCode) {
			t.Errorf("%s: the manifest says posterior %q, outputs %v, version %s", c.name, manifest.Latent.Posterior, manifest.Outputs, manifest.FormatVersion)
		}
		books := codebooksOf(t, dir)
		want, _, err := books.Encode(t.Context(), rows, c.search)
		if err != nil {
			t.Fatal(err)
		}
		pure, err := runtime.Open(t.Context(), filepath.Join(dir, "bundle"), runtime.WithBackend(purego.New()))
		if err != nil {
			t.Fatal(err)
		}
		defer pure.Close()
		for backend, model := range map[string]*runtime.Model{"onnxruntime": m, "purego": pure} {
			got, err := model.Indexes(t.Context(), nil, rows)
			if err != nil {
				t.Fatal(err)
			}
			other := 0 // of nearly the same cost
			for i := range 1500 {
				if !slices.EqualFunc(got[i*4:][:4], want[i*4:][:4], func(a byte, b int) bool { return int(a) == b }) {
					other++
				}
			}
			if other > 2 {
				t.Errorf("%s: %s gives %d of 1500 rows another code than Go", c.name, backend, other)
			}
		}
		checkScores(t, m, rows[:12*20])
	}
	if reconstruction["trained"] >= reconstruction["fitted"] {
		t.Errorf("training leaves %g nats, fitted codebooks %g", reconstruction["trained"], reconstruction["fitted"])
	}
}

// codebooksOf returns the codebooks of a run's best weights.
func codebooksOf(t *testing.T, dir string) additive.Codebooks {
	t.Helper()
	trained, err := train.OpenRun(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string) []float32 {
		v := trained.Params.Value("decoder/" + name)
		if v == nil {
			return []float32{0}
		}
		return v.Data().([]float32)
	}
	return additive.Codebooks{Variables: 4, Categories: 16, Width: 12, Words: value("words"), Bias: value("bias"), Norm: value("norm")[0]}
}

// checkScores checks that a row's score is what its code leaves and costs, and that the sum of a query's numbers at a code is the inner
// product of row and decoded row, up to that with the bias.
func checkScores(t *testing.T, m *runtime.Model, rows []float32) {
	t.Helper()
	scores, err1 := m.Score(t.Context(), nil, rows)
	decoded, err2 := m.Reconstruct(t.Context(), nil, rows)
	queries, err3 := m.Query(t.Context(), nil, rows)
	codes, err4 := m.Codes(t.Context(), nil, rows)
	bias, err5 := m.Decode(t.Context(), nil, make([]float32, 64))
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			t.Fatal(err)
		}
	}
	likelihood, err := dist.LikelihoodOf(m.Manifest().LikelihoodConfig())
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := m.DecodeLogits(t.Context(), nil, codes)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		row := rows[i*12:][:12]
		if want := 4*math.Log(16) - likelihood.LogP(row, outputs[i*24:][:24]); math.Abs(float64(scores[i])-want) > 1e-3 {
			t.Errorf("row %d scores %g, want %g", i, scores[i], want)
		}
		sum, product := 0.0, 0.0
		for j, z := range codes[i*64:][:64] {
			sum += float64(z * queries[i*64+j])
		}
		for j, x := range row {
			product += float64(x * (decoded[i*12+j] - bias[j]))
		}
		if math.Abs(sum-product) > 1e-3 {
			t.Errorf("row %d: the query adds up to %g, the inner product is %g", i, sum, product)
		}
	}
}
