package runtime_test

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/ortest"
	"github.com/catvae/catvae/train"
	"gorgonia.org/tensor"
)

// export writes the bundle of an untrained model and returns its folder.
func export(t *testing.T, kind bundle.Kind, variables, categories int) string {
	t.Helper()
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	m := builder.Model{
		Input: []int{3, 2}, Latent: builder.Latent{Kind: kind, Variables: variables, Categories: categories, Prior: "uniform"},
		Encoder: builder.MLP{Hidden: []int{4}}, Decoder: builder.MLP{Hidden: []int{4}}, Activation: builder.Tanh,
	}
	dir := t.TempDir() + "/bundle"
	trained := train.Trained{Name: "test", Model: m, Params: params}
	if _, err := trained.WriteBundle(context.Background(), dir, train.BundleOptions{Backend: ortest.Backend(t)}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t *testing.T, kind bundle.Kind, variables, categories int) *runtime.Model {
	t.Helper()
	model, err := runtime.Open(export(t, kind, variables, categories), runtime.WithBackend(ortest.Backend(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	return model
}

// Codes, packed codes, decoding and reconstruction agree with each other.
func TestModel(t *testing.T) {
	ctx := context.Background()
	for name, m := range map[string]*runtime.Model{
		"bernoulli": open(t, bundle.Bernoulli, 11, 0), "categorical": open(t, bundle.Categorical, 3, 5),
	} {
		l := m.Manifest().Latent
		rows := make([]float32, 5*6)
		noise.Stream{Seed: 1}.Uniform(rows, 0, 0)
		logits, err1 := m.Logits(ctx, nil, rows)
		codes, err2 := m.Codes(ctx, nil, rows)
		packed, err3 := m.Encode(ctx, nil, rows)
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		unpacked, err := runtime.Unpack(l, nil, packed)
		if err != nil || !slices.Equal(unpacked, codes) {
			t.Errorf("%s: packed codes unpack to %v, the codes are %v (%v)", name, unpacked, codes, err)
		}
		if len(logits) != 5*l.Bits() || len(packed) != 5*l.PackedBytes() {
			t.Errorf("%s: %d logits, %d bytes", name, len(logits), len(packed))
		}
		again, err := m.Threshold(ctx, []byte{42}, logits)
		if err != nil || again[0] != 42 || !slices.Equal(again[1:], packed) {
			t.Errorf("%s: thresholding the logits gives other codes, or does not append (%v)", name, err)
		}
		direct, err1 := m.Decode(ctx, nil, codes)
		whole, err2 := m.Reconstruct(ctx, nil, rows)
		decoded, err3 := m.DecodeLogits(ctx, nil, codes)
		if err := errors.Join(err1, err2, err3); err != nil || !slices.Equal(direct, whole) {
			t.Errorf("%s: decoding codes is not reconstructing (%v)", name, err)
		}
		for i, x := range decoded {
			if p := 1 / (1 + math.Exp(-float64(x))); math.Abs(p-float64(direct[i])) > 1e-6 {
				t.Fatalf("%s: probability %g for logit %g", name, direct[i], x)
			}
		}
		one, err1 := m.Sample(ctx, nil, 3, 9)
		two, err2 := m.Sample(ctx, nil, 3, 9)
		if err := errors.Join(err1, err2); err != nil || len(one) != 18 || !slices.Equal(one, two) {
			t.Errorf("%s: samples of one seed differ (%v)", name, err)
		}
		if none, err := m.Encode(ctx, nil, nil); err != nil || len(none) != 0 {
			t.Errorf("%s: no rows give %v, %v", name, none, err)
		}
	}
}

func TestModelRefusesBadRows(t *testing.T) {
	ctx, m := context.Background(), open(t, bundle.Bernoulli, 4, 0)
	nan := float32(math.NaN())
	for name, rows := range map[string][]float32{
		"half a row": {0, 0, 0}, "NaN": {0, 0, nan, 0, 0, 0}, "above": {0, 0, 0, 0, 0, 1.01}, "below": {-0.01, 0, 0, 0, 0, 0},
	} {
		if _, err := m.Encode(ctx, nil, rows); !errors.Is(err, runtime.ErrInput) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one line of ErrInput", name, err)
		}
	}
	if _, err := m.Decode(ctx, nil, make([]float32, 5)); !errors.Is(err, runtime.ErrInput) {
		t.Errorf("half a code: %v", err)
	}
	if _, err := runtime.Unpack(m.Manifest().Latent, nil, nil); err != nil {
		t.Errorf("no codes: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.Encode(ctx, nil, make([]float32, 6)); !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// A manifest that says another size than its graphs is noticed when they are opened.
func TestManifestAndGraphsDisagree(t *testing.T) {
	b, err := bundle.Open(export(t, bundle.Bernoulli, 4, 0))
	if err != nil {
		t.Fatal(err)
	}
	graphs := map[string][]byte{}
	for name := range b.Manifest.Files {
		if graphs[name], err = b.Graph(name); err != nil {
			t.Fatal(err)
		}
	}
	good, err := runtime.New(b.Manifest, graphs, runtime.WithBackend(ortest.Backend(t)))
	if err != nil {
		t.Fatal(err)
	}
	good.Close()
	for name, spoil := range map[string]func(m *bundle.Manifest){
		"variables": func(m *bundle.Manifest) { m.Latent.Variables = 5 },
		"rows":      func(m *bundle.Manifest) { m.Input.Shape = []int64{6} },
		"input":     func(m *bundle.Manifest) { m.Input.Name = "other" },
	} {
		other := *b.Manifest
		spoil(&other)
		_, err := runtime.New(&other, graphs, runtime.WithBackend(ortest.Backend(t)))
		if !errors.Is(err, bundle.ErrFormat) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one line of ErrFormat", name, err)
		}
	}
}

// Hard draws follow the distributions: P(1) = σ(l), and categories follow softmax(l).
func TestDraw(t *testing.T) {
	const n = 200_000
	logits := []float32{-1, 0, 2}
	u, code := make([]float32, 3), make([]float32, 3)
	for kind, want := range map[bundle.Kind][]float64{
		bundle.Bernoulli:   {0.2689414213699951, 0.5, 0.8807970779778823},
		bundle.Categorical: {0.04201006613406605, 0.11419519938459449, 0.8437947344813395}, // numpy: softmax([-1, 0, 2])
	} {
		l := bundle.Latent{Kind: kind, Variables: 3}
		if kind == bundle.Categorical {
			l = bundle.Latent{Kind: kind, Variables: 1, Categories: 3}
		}
		var count [3]float64
		for row := range uint32(n) {
			noise.Stream{Seed: 5}.Uniform(u, 0, row)
			runtime.Draw(l, code, logits, u)
			for i, x := range code {
				count[i] += float64(x)
			}
		}
		for i, p := range want {
			if z := (count[i] - n*p) / math.Sqrt(n*p*(1-p)); math.Abs(z) > 4 {
				t.Errorf("%s: bit %d is 1 in %g of %d draws, want %g: z = %.1f", kind, i, count[i], n, p, z)
			}
		}
	}
}

// rowsOf is a source of n rows.
type rowsOf struct{ n, at int }

func (r *rowsOf) Next(row []float32) (int, error) {
	if r.at == r.n {
		return -1, io.EOF
	}
	for i := range row {
		row[i] = float32((r.at*7+i*3)%11) / 10
	}
	r.at++
	return -1, nil
}

// A row's code does not depend on how the rows are cut into batches.
func TestEachBatch(t *testing.T) {
	m := open(t, bundle.Bernoulli, 20, 0)
	encode := func(batch int) (codes []byte) {
		n, err := m.EachBatch(t.Context(), &rowsOf{n: 23}, batch, nil, func(first int, rows []float32) (err error) {
			if first%batch != 0 {
				t.Errorf("a batch of %d begins at %d", batch, first)
			}
			codes, err = m.Encode(t.Context(), codes, rows)
			return err
		})
		if err != nil || n != 23 {
			t.Fatalf("batch %d: %d rows, %v", batch, n, err)
		}
		return codes
	}
	want := encode(23)
	for _, batch := range []int{1, 2, 5, 22, 100} {
		if !slices.Equal(encode(batch), want) {
			t.Errorf("codes at batch %d differ", batch)
		}
	}
	boom := errors.New("boom")
	if _, err := m.EachBatch(t.Context(), &rowsOf{n: 5}, 2, nil, func(int, []float32) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("the callback's error is lost: %v", err)
	}
}

// byteRows gives n rows of 6 bytes, and fails at row bad.
type byteRows struct{ n, at, bad int }

var errRow = errors.New("a bad row")

func (r *byteRows) NextBytes(row []byte) (int, error) {
	if r.at == r.n {
		return -1, io.EOF
	}
	if r.at == r.bad {
		return -1, errRow
	}
	for i := range row {
		row[i] = byte(r.at*37 + i*51)
	}
	r.at++
	return -1, nil
}

// Bytes become the codes that their floats become, however the rows are cut and by however many callers, in order.
func TestEncodeBytes(t *testing.T) {
	ctx := context.Background()
	for name, m := range map[string]*runtime.Model{
		"bernoulli": open(t, bundle.Bernoulli, 11, 0), "categorical": open(t, bundle.Categorical, 3, 5),
	} {
		const n = 103
		pixels, floats := make([]byte, n*6), make([]float32, n*6)
		for i, source := 0, (&byteRows{n: n, bad: -1}); i < n; i++ {
			if _, err := source.NextBytes(pixels[i*6:][:6]); err != nil {
				t.Fatal(err)
			}
		}
		for i, p := range pixels {
			floats[i] = float32(p) / 255
		}
		want, err := m.Encode(ctx, nil, floats)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.EncodeBytes(ctx, []byte{9}, pixels)
		if err != nil || got[0] != 9 || !slices.Equal(got[1:], want) {
			t.Errorf("%s: bytes give other codes than floats, or are not appended: %v", name, err)
		}
		for _, rows := range []int{1, 7, 103, 1000} {
			for _, callers := range []int{1, 2, 5} {
				var codes []byte
				next := 0
				total, err := m.EncodeStream(ctx, &byteRows{n: n, bad: -1}, rows, callers, func(first int, c []byte) error {
					if first != next {
						t.Errorf("%d rows a batch, %d callers: row %d follows row %d", rows, callers, first, next)
					}
					next = first + len(c)/m.Manifest().Latent.PackedBytes()
					codes = append(codes, c...)
					return nil
				})
				if err != nil || total != n || !slices.Equal(codes, want) {
					t.Errorf("%s: %d rows a batch, %d callers: %d rows, other codes, or %v", name, rows, callers, total, err)
				}
			}
		}
		if _, err := m.EncodeBytes(ctx, nil, pixels[:5]); !errors.Is(err, runtime.ErrInput) {
			t.Errorf("half a row: %v", err)
		}
		if none, err := m.EncodeBytes(ctx, nil, nil); err != nil || len(none) != 0 {
			t.Errorf("no rows: %v, %v", none, err)
		}
	}
}

// The first error of reading, writing or the context ends a stream, and nothing hangs.
func TestEncodeStreamEnds(t *testing.T) {
	m := open(t, bundle.Bernoulli, 11, 0)
	keep := func(int, []byte) error { return nil }
	if _, err := m.EncodeStream(context.Background(), &byteRows{n: 1000, bad: 500}, 8, 3, keep); !errors.Is(err, errRow) {
		t.Errorf("a reader's error: %v", err)
	}
	full := errors.New("disk full")
	if n, err := m.EncodeStream(context.Background(), &byteRows{n: 1000, bad: -1}, 8, 3, func(first int, _ []byte) error {
		if first >= 80 {
			return full
		}
		return nil
	}); !errors.Is(err, full) || n != 80 {
		t.Errorf("a writer's error: %v after %d rows", err, n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := m.EncodeStream(ctx, &byteRows{n: 100_000, bad: -1}, 8, 3, func(first int, _ []byte) error {
		if first == 160 {
			cancel()
		}
		return nil
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("a done context: %v", err)
	}
	for _, c := range [][2]int{{0, 1}, {1, 0}} {
		if _, err := m.EncodeStream(context.Background(), &byteRows{}, c[0], c[1], keep); !errors.Is(err, runtime.ErrInput) {
			t.Errorf("%v: %v", c, err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.EncodeStream(context.Background(), &byteRows{n: 10, bad: -1}, 8, 2, keep); !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("a closed model: %v", err)
	}
}
