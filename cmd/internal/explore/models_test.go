package explore_test

import (
	"bytes"
	"context"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/explore"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
	"gorgonia.org/tensor"
)

// pictures is an architecture for rows of 28x28, with untrained weights.
func pictures(l builder.Latent) builder.Model {
	if l.Prior == "" {
		l.Prior = dist.UniformPrior
	}
	return builder.Model{Input: []int{28, 28}, Latent: l, Encoder: builder.MLP{Hidden: []int{16}}, Decoder: builder.MLP{Hidden: []int{16}}, Activation: builder.Tanh}
}

// bits is a model of 18 bits.
var bits = builder.Latent{Kind: dist.Bernoulli, Variables: 18}

// kinds are models of every kind of variables.
var kinds = map[string]builder.Latent{
	"bernoulli":    bits,
	"categorical":  {Kind: dist.Categorical, Variables: 5, Categories: 6},
	"mixed":        {Kind: dist.Mixed, Variables: 7, Groups: builder.Groups{{Kind: dist.Bernoulli, Variables: 4}, {Kind: dist.Categorical, Variables: 3, Categories: 5}}},
	"gaussian":     {Kind: dist.Gaussian, Variables: 9, Prior: dist.NormalPrior},
	"hierarchical": {Kind: dist.Hierarchical, Variables: 14, Groups: builder.Groups{{Kind: dist.Bernoulli, Variables: 8}, {Kind: dist.Bernoulli, Variables: 6}}},
}

// explorer opens a model with 30 rows of glyphs, and returns it with its bundle's folder.
func explorer(t testing.TB, m builder.Model) (*explore.Explorer, string) {
	t.Helper()
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "bundle")
	trained := train.Trained{Name: "test", Model: m, Params: params}
	if _, err := trained.WriteBundle(context.Background(), dir, train.BundleOptions{Backend: ortest.Backend(t)}); err != nil {
		t.Fatal(err)
	}
	model, err := runtime.Open(context.Background(), dir, runtime.WithBackend(ortest.Backend(t, onnxruntime.WithThreads(1))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	rows, err := dataset.Load(context.Background(), dataset.GlyphsSource, dataset.Options{Split: dataset.Test, Rows: 30, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &explore.Explorer{Model: model, Bundle: dir, Rows: rows}, dir
}

// withCodes gives an explorer the codes of its rows.
func withCodes(t testing.TB, e *explore.Explorer) {
	t.Helper()
	packed, err := e.Model.Encode(context.Background(), nil, allRows(e.Rows))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "codes.npy")
	writeCodes(t, file, packed, e.Model.Manifest().Latent.PackedBytes())
	if e.Codes, err = explore.ReadCodes(context.Background(), file, "auto", e.Model.Manifest().Latent); err != nil {
		t.Fatal(err)
	}
	if matched, err := e.Match(context.Background(), e.Rows.Len()); err != nil || !matched {
		t.Fatalf("the codes do not match their rows: %v", err)
	}
}

// writeCodes writes codes of so many bytes as NPY.
func writeCodes(t testing.TB, file string, codes []byte, size int) {
	t.Helper()
	var buf bytes.Buffer
	w, err := dataset.NewNPYWriter(&buf, "uint8", len(codes)/size, size)
	if err == nil {
		err = w.WriteBytes(codes)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = os.WriteFile(file, buf.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func allRows(s *dataset.Set) []float32 {
	values := make([]float32, s.Len()*s.RowSize())
	for i := range s.Len() {
		s.Row(i, values[i*s.RowSize():][:s.RowSize()])
	}
	return values
}

// served serves the page, and returns its address.
func served(t testing.TB, e *explore.Explorer) string {
	t.Helper()
	h, err := e.Handler(func(host string) bool { _, _, err := net.SplitHostPort(host); return err == nil })
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// webOnce is onnxruntime-web, from the cache or through npm.
var webOnce = sync.OnceValues(func() (onnxruntime.Web, error) {
	return onnxruntime.EnsureWeb(context.Background(), onnxruntime.InstallOptions{Progress: func(line string) { os.Stderr.WriteString(line + "\n") }})
})

// alone writes the page that stands alone, and returns its address as a file.
func alone(t testing.TB, e *explore.Explorer, dir string) string {
	t.Helper()
	web, err := webOnce()
	if err != nil {
		ortest.Skip(t, err.Error())
	}
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := e.Write(context.Background(), &page, b, web); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, page.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), filepath.Dir(dir)) {
		t.Error("the page names folders of this machine")
	}
	return "file://" + filepath.ToSlash(file)
}
