package serve

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"testing"

	"github.com/catvae/catvae/cmd/internal/serve/repository"
)

// BenchmarkInfer asks for one row's code at a time, over HTTP, from 64 connections. CATVAE_TEST_TINY names a bundle of pictures of 28x28.
func BenchmarkInfer(b *testing.B) {
	dir := os.Getenv("CATVAE_TEST_TINY")
	if dir == "" {
		b.Skip("set CATVAE_TEST_TINY to a bundle of pictures of 28x28")
	}
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
