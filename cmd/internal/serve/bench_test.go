package serve

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/catvae/catvae/cmd/internal/serve/repository"
)

// BenchmarkInfer asks for one row's code at a time, over HTTP, from 64 connections.
func BenchmarkInfer(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "bundle")
	writeModel(b, dir, 1, []int{28, 28}, 400, 64)
	s := start(b, dir, func(o *Options, r *repository.Options) {
		o.Log = slog.New(slog.DiscardHandler)
		r.Log = o.Log
		r.MaxBatch = 512
	})
	text := `{"parameters":{"binary_data_output":true},"inputs":[{"name":"sample","shape":[1,28,28],"datatype":"UINT8","parameters":{"binary_data_size":784}}]}`
	body := append([]byte(text), make([]byte, 784)...)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			r, _ := http.NewRequest("POST", s.url+"/v2/models/m/infer", bytes.NewReader(body))
			r.Header.Set(headerLength, strconv.Itoa(len(text)))
			response, err := client.Do(r)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != 200 {
				b.Fatal(response.Status, err)
			}
			response.Body.Close()
		}
	})
}
