package vectors

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// The metrics: how near two vectors are, as a number that is larger for nearer ones.
const (
	Cosine    = "cosine"    // x·y / ‖x‖‖y‖, 0 where one of them is 0
	Dot       = "dot"       // x·y
	Euclidean = "euclidean" // -‖x-y‖
)

// A Hit is a row and how near it is.
type Hit struct {
	Row   int
	Score float32
}

// compare orders hits: the nearest first, then the lower row.
func compare(a, b Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Row, b.Row)) }

func dot(x, y []float32) (sum float64) {
	y = y[:len(x)]
	for i, v := range x {
		sum += float64(v) * float64(y[i])
	}
	return sum
}

// score is how near two vectors are, from their product and their squares.
func score(metric string, xy, xx, yy float64) float32 {
	switch metric {
	case Cosine:
		if xx == 0 || yy == 0 {
			return 0
		}
		return float32(xy / math.Sqrt(xx*yy))
	case Euclidean:
		return float32(-math.Sqrt(max(0, xx+yy-2*xy)))
	}
	return float32(xy)
}

// Rescore orders rows by how near they are to a vector.
func (v *Vectors) Rescore(metric string, query []float32, rows []int) ([]Hit, error) {
	hits, row := make([]Hit, 0, len(rows)), make([]float32, v.Width())
	xx := dot(query, query)
	for _, r := range rows {
		if err := v.Row(r, row); err != nil {
			return nil, err
		}
		hits = append(hits, Hit{r, score(metric, dot(query, row), xx, dot(row, row))})
	}
	slices.SortFunc(hits, compare)
	return hits, nil
}

// tile is how many rows meet all queries at once: what a near cache holds.
const tile = 192

// Nearest returns the k nearest rows of each query, by products in float32, as packages that compute neighbours do. Queries lie one
// after the other. All cores take part.
func (v *Vectors) Nearest(ctx context.Context, metric string, queries []float32, k int) ([][]Hit, error) {
	width, n := v.Width(), len(queries)/v.Width()
	squares := make([]float64, n)
	for q := range squares {
		squares[q] = dot(queries[q*width:][:width], queries[q*width:][:width])
	}
	workers := runtime.GOMAXPROCS(0)
	found := make([][][]Hit, workers) // of each worker, each query
	group, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		found[w] = make([][]Hit, n)
		group.Go(func() error {
			var g gonum.Implementation
			rows, products := make([]float32, tile*width), make([]float32, n*tile)
			for from := w * tile; from < v.Len(); from += workers * tile {
				if err := ctx.Err(); err != nil {
					return err
				}
				count := min(tile, v.Len()-from)
				norms := make([]float64, count)
				for i := range count {
					row := rows[i*width:][:width]
					if err := v.Row(from+i, row); err != nil {
						return err
					}
					norms[i] = dot(row, row)
				}
				clear(products)
				g.Sgemm(blas.NoTrans, blas.Trans, n, count, width, 1, queries, width, rows, width, 0, products, tile)
				for q := range n {
					for i, p := range products[q*tile:][:count] {
						found[w][q] = keep(found[w][q], k, Hit{from + i, score(metric, float64(p), squares[q], norms[i])})
					}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := make([][]Hit, n)
	for q := range out {
		for w := range workers {
			out[q] = append(out[q], found[w][q]...)
		}
		slices.SortFunc(out[q], compare)
		out[q] = out[q][:min(k, len(out[q]))]
	}
	return out, nil
}

// keep adds a hit to the first k, which are sorted where there are so many.
func keep(hits []Hit, k int, h Hit) []Hit {
	if len(hits) < k {
		if hits = append(hits, h); len(hits) == k {
			slices.SortFunc(hits, compare)
		}
		return hits
	}
	if k == 0 || compare(h, hits[k-1]) > 0 {
		return hits
	}
	at, _ := slices.BinarySearchFunc(hits, h, compare)
	copy(hits[at+1:], hits[at:k-1])
	hits[at] = h
	return hits
}
