package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/catvae/catvae/codes"
)

// A contest is what both sides do.
type contest struct {
	queries  int
	search   func(ctx context.Context, first, n, k int) ([][]codes.Match, error)
	theirs   []byte // FAISS's queries
	nearness func(found [][]codes.Match) [][]float64
	compare  func(want, got [][]float64) error
}

// contest returns what is compared, and how long building our index of codes took and what it added to the heap in MB.
func (c command) contest(packed, queries []byte) (of contest, ms, mb float64, err error) {
	size := c.Bits / 8
	kind := c.Bits
	if c.Kind == "lookup" {
		kind = 0
	}
	x, ms, mb, err := build(packed, kind, size)
	if err != nil {
		return of, 0, 0, err
	}
	of = contest{queries: len(queries) / size, theirs: queries, nearness: distances, compare: equal}
	of.search = func(ctx context.Context, first, n, k int) ([][]codes.Match, error) {
		return x.Search(ctx, queries[first*size:(first+n)*size], k)
	}
	if c.Kind == "hamming" {
		return of, ms, mb, nil
	}
	floats := normal(c.Seed, of.queries*c.Bits)
	of.nearness, of.theirs = scores, bytesOf(floats)
	of.compare = func(want, got [][]float64) error { return similar(want, got, 1e-3) }
	if c.Kind == "query" { // RaBitQ's are estimates, and its scan's queries are rounded to 8 bits
		of.compare = func(want, got [][]float64) error { return nil }
	} else {
		centroids := normal(c.Seed+1, 256*c.Bits)
		of.theirs = append(of.theirs, bytesOf(centroids)...)
		floats = tables(floats, centroids, size)
	}
	width := x.Floats()
	of.search = func(ctx context.Context, first, n, k int) ([][]codes.Match, error) {
		return x.SearchFloats(ctx, floats[first*width:(first+n)*width], k)
	}
	return of, ms, mb, nil
}

// tables returns the products of queries' parts of 8 numbers with centroids, 256 for each byte of a code.
func tables(queries, centroids []float32, size int) (of []float32) {
	for ; len(queries) > 0; queries = queries[8*size:] {
		for v := range size {
			for category := range 256 {
				sum := float32(0)
				for j, q := range queries[8*v:][:8] {
					sum += q * centroids[(256*v+category)*8+j]
				}
				of = append(of, sum)
			}
		}
	}
	return of
}

func normal(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 2))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64())
	}
	return out
}

func bytesOf(floats []float32) (out []byte) {
	for _, x := range floats {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

// build returns an index of packed codes, or where bits is 0 of index codes; how long building it took, and what it added to the heap in MB.
func build(packed []byte, bits, size int) (index *codes.Index, ms, mb float64, err error) {
	before := heap()
	start := time.Now()
	if index, err = codes.NewIndex(max(1, bits)); bits == 0 {
		index, err = codes.NewCategories(size, codes.MaxCategories)
	}
	if err == nil {
		err = index.Add(packed)
	}
	ms = milliseconds(time.Since(start))
	mb = heap() - before
	runtime.KeepAlive(packed)
	return index, ms, mb, err
}

func distances(found [][]codes.Match) [][]float64 {
	return numbers(found, func(m codes.Match) float64 { return float64(m.Distance) })
}

func scores(found [][]codes.Match) [][]float64 {
	return numbers(found, func(m codes.Match) float64 { return float64(m.Score) })
}

func numbers(found [][]codes.Match, of func(codes.Match) float64) [][]float64 {
	out := make([][]float64, len(found))
	for q, matches := range found {
		for _, m := range matches {
			out[q] = append(out[q], of(m))
		}
	}
	return out
}

func equal(want, got [][]float64) error {
	if !slices.EqualFunc(want, got, slices.Equal) {
		return fmt.Errorf("distances %v and %v", want, got)
	}
	return nil
}

func similar(want, got [][]float64, tolerance float64) error {
	for q := range want {
		for i, x := range want[q] {
			if math.Abs(x-got[q][i]) > tolerance*(1+math.Abs(x)) {
				return fmt.Errorf("query %d: scores %v and %v", q, want[q], got[q])
			}
		}
	}
	return nil
}
