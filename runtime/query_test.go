package runtime_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	G "gorgonia.org/gorgonia"
)

// asking is an encoder that gives twice its logits as the query.
type asking struct{ builder.MLP }

func (asking) HasQuery() bool { return true }

func (a asking) BuildQuery(b *builder.Graph, x *G.Node, s builder.NetworkSpec, _ int) (logits, query *G.Node) {
	logits = a.Build(b, x, s)
	return logits, b.Mul(logits, b.Number(2))
}

func askingModel(kind string, variables, categories int) builder.Model {
	return builder.Model{
		Input: []int{3, 2}, Latent: builder.Latent{Kind: kind, Variables: variables, Categories: categories, Prior: "uniform"},
		Encoder: asking{}, Decoder: builder.MLP{}, Activation: builder.Tanh,
	}
}

func openWith(t *testing.T, dir string, b backend.Backend) *runtime.Model {
	t.Helper()
	m, err := runtime.Open(t.Context(), dir, runtime.WithBackend(b))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// A query is the encoder's own output where there is one, and made of the logits elsewhere; the code of a row is among those with the
// largest score. Models, streams and backends agree.
func TestQuery(t *testing.T) {
	for name, dir := range map[string]string{
		"bernoulli":        export(t, dist.Bernoulli, 11, 0),
		"categorical":      export(t, dist.Categorical, 3, 5),
		"bernoulli, own":   write(t, askingModel(dist.Bernoulli, 11, 0)),
		"categorical, own": write(t, askingModel(dist.Categorical, 3, 300)),
	} {
		t.Run(name, func(t *testing.T) {
			m := openWith(t, dir, ortest.Backend(t))
			l := m.Manifest().Latent
			bytes := pixels(20)
			rows := grey(bytes)
			query, err := m.Query(t.Context(), []float32{7}, rows)
			if err != nil || len(query) != 1+20*l.Bits() || query[0] != 7 {
				t.Fatalf("%d numbers: %v", len(query), err)
			}
			query = query[1:]
			logits, err := m.Logits(t.Context(), nil, rows)
			if err != nil {
				t.Fatal(err)
			}
			factor := float32(1)
			if m.Manifest().Has(bundle.Query) {
				factor = 2
			}
			for i := range logits {
				if query[i] != factor*logits[i] {
					t.Fatalf("number %d is %g for a logit of %g", i, query[i], logits[i])
				}
			}
			codes, err := m.Codes(t.Context(), nil, rows)
			if err != nil {
				t.Fatal(err)
			}
			for row := range 20 {
				own := score(l, query[row*l.Bits():][:l.Bits()], codes[row*l.Bits():][:l.Bits()])
				for other := range 20 {
					if score(l, query[row*l.Bits():][:l.Bits()], codes[other*l.Bits():][:l.Bits()]) > own {
						t.Fatalf("the code of row %d scores less than that of row %d", row, other)
					}
				}
			}
			o := runtime.StreamOptions{Batch: 7}
			if got := collect(t, runtime.Queries[float32](m), sourceOf(rows, 6, false), o); !slices.Equal(got, query) {
				t.Error("a stream of floats gives other queries")
			}
			if got := collect(t, runtime.Queries[byte](m), sourceOf(bytes, 6, false), o); !close(got, query) {
				t.Error("a stream of bytes gives other queries")
			}
			pure, err := openWith(t, dir, purego.New()).Query(t.Context(), nil, rows)
			if err != nil || !close(pure, query) {
				t.Errorf("purego gives other queries: %v", err)
			}
		})
	}
}

// score is what a search gives a code for a query, as docs/bundle.md has it.
func score(l bundle.Latent, query, code []float32) (sum float32) {
	for j, z := range code {
		if l.Categories == 0 {
			z = 2*z - 1
		}
		sum += query[j] * z
	}
	return sum
}

// Indexes are the categories of a code, by index_code where the threshold gives it and by the packed code elsewhere, and the bits of
// binary ones.
func TestIndexes(t *testing.T) {
	mixed := write(t, builder.Model{
		Input: []int{3, 2}, Latent: builder.Latent{Kind: dist.Mixed, Groups: builder.Groups{{Kind: dist.Bernoulli, Variables: 3}, {Kind: dist.Categorical, Variables: 2, Categories: 256}}, Prior: "uniform"},
		Encoder: builder.MLP{}, Decoder: builder.MLP{}, Activation: builder.Tanh,
	})
	for name, dir := range map[string]string{"bernoulli": export(t, dist.Bernoulli, 11, 0), "categorical": export(t, dist.Categorical, 3, 256), "mixed": mixed} {
		t.Run(name, func(t *testing.T) {
			m := openWith(t, dir, ortest.Backend(t))
			l := m.Manifest().Latent
			if has := m.Manifest().Has(bundle.IndexCode); has != (name == "categorical") {
				t.Fatalf("index_code is there: %v", has)
			}
			bytes := pixels(20)
			rows := grey(bytes)
			indexes, err := m.Indexes(t.Context(), nil, rows)
			if err != nil || len(indexes) != 20*l.Variables {
				t.Fatalf("%d indexes: %v", len(indexes), err)
			}
			codes, err := m.Codes(t.Context(), nil, rows)
			if err != nil {
				t.Fatal(err)
			}
			again := make([]float32, len(codes))
			for i, index := range indexes {
				row, v := i/l.Variables, i%l.Variables
				l.Dist().Choose(again[row*l.Bits():][:l.Bits()], v, int(index))
			}
			if !slices.Equal(again, codes) {
				t.Error("the indexes are those of another code")
			}
			packed, err := m.Encode(t.Context(), nil, rows)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := runtime.UnpackIndexes(l, nil, packed); err != nil || !slices.Equal(got, indexes) {
				t.Errorf("the packed code has other indexes: %v", err)
			}
			for _, got := range [][]byte{
				collect(t, runtime.IndexCodes[byte](m), sourceOf(bytes, 6, false), runtime.StreamOptions{Batch: 7}),
				collect(t, runtime.IndexCodes[float32](m), sourceOf(rows, 6, false), runtime.StreamOptions{Batch: 64}),
			} {
				if !slices.Equal(got, indexes) {
					t.Error("a stream gives other indexes")
				}
			}
		})
	}
	m := open(t, dist.Categorical, 2, 257)
	if _, err := m.Indexes(t.Context(), nil, grey(pixels(1))); err == nil || m.Manifest().Has(bundle.IndexCode) {
		t.Errorf("257 categories are indexed by a byte: %v", err)
	}
}

// A manifest that says another set of outputs than the graphs have is refused in words: so does a reader of before 1.2 that knows no
// outputs, which is what a manifest without the key tells this one.
func TestOutputsOfAnotherManifest(t *testing.T) {
	dir := export(t, dist.Categorical, 3, 5)
	path := filepath.Join(dir, bundle.ManifestFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	if string(keys["format_version"]) != `"1.2"` {
		t.Errorf("format_version is %s", keys["format_version"])
	}
	for _, outputs := range []string{"", `["query","index_code"]`, `["colour"]`, `["index_code","index_code"]`} {
		delete(keys, "outputs")
		if outputs != "" {
			keys["outputs"] = json.RawMessage(outputs)
		}
		if data, err = json.Marshal(keys); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if m, err := runtime.Open(t.Context(), dir, runtime.WithBackend(purego.New())); err == nil {
			m.Close()
			t.Errorf("outputs %q are taken", outputs)
		}
	}
}
