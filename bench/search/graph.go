package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/catvae/catvae/bench/internal/stats"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/codes/index"
)

// graph times searches by the graph of codes/index next to FAISS's IndexBinaryHNSW and next to comparing with every code. Neighbours
// count as found where they are as near as the k-th of the exact search.
func (c command) graph(ctx context.Context, packed, queries []byte, dir string) error {
	flat, _, _, err := build(packed, c.Bits, c.Bits/8)
	if err != nil {
		return err
	}
	x, err := index.Create(filepath.Join(dir, "index"), index.Options{Bits: c.Bits, Graph: true, Links: c.Links, Breadth: c.Construction})
	if err != nil {
		return err
	}
	defer x.Close()
	threads := c.Threads[0]
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	began := time.Now()
	if _, err := x.Append(packed, nil); err != nil {
		return err
	}
	ours := time.Since(began).Seconds()
	faiss, theirs, err := c.startTwin(ctx, dir, "graph", packed, queries)
	if err != nil {
		return err
	}
	defer faiss.Close()
	size, n := c.Bits/8, c.Queries[len(c.Queries)-1]
	queries = queries[:n*size]
	want, err := flat.Search(ctx, queries, c.K)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "built in %.0f s, FAISS in %.0f s\n", ours, theirs.MS/1000)
	fmt.Printf("%d codes of %d bits around %d centres, %d queries at once, the %d nearest, %d threads, %s, %d links, breadth %d while building; medians of %d rounds\n\n",
		c.Rows, c.Bits, c.Clusters, n, c.K, threads, theirs.Name, c.Links, c.Construction, c.Rounds)
	fmt.Print("| breadth | recall | queries/s | of flat | FAISS recall | FAISS queries/s |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, breadth := range c.Breadths {
		var flatMS, oursMS, theirsMS []float64
		var found, foundThere float64
		for range c.Rounds {
			ms, _, err := timed(func() ([][]codes.Match, error) { return flat.Search(ctx, queries, c.K) })
			if err != nil {
				return err
			}
			flatMS = append(flatMS, ms)
			ms, got, err := timed(func() ([][]codes.Match, error) {
				return x.Search(ctx, queries, c.K, index.Search{Breadth: breadth})
			})
			if err != nil {
				return err
			}
			oursMS, found = append(oursMS, ms), recall(want, distances(got))
			a, err := faiss.search(job{Queries: n, K: c.K, Threads: threads, Breadth: breadth})
			if err != nil {
				return err
			}
			theirsMS, foundThere = append(theirsMS, a.MS), recall(want, a.Distances)
		}
		rate := func(ms []float64) float64 { return 1000 * float64(n) / stats.Median(ms) }
		fmt.Printf("| %d | %.4f | %.0f | %.1f | %.4f | %.0f |\n", breadth, found, rate(oursMS), stats.MedianRatio(flatMS, oursMS), foundThere, rate(theirsMS))
	}
	fmt.Printf("\nBuilding: %.0f s, FAISS %.0f s.\n", ours, theirs.MS/1000)
	return nil
}

func timed(search func() ([][]codes.Match, error)) (ms float64, found [][]codes.Match, err error) {
	began := time.Now()
	found, err = search()
	return milliseconds(time.Since(began)), found, err
}

// recall is the share of found distances that are at most the k-th of the exact ones.
func recall(want [][]codes.Match, found [][]float64) float64 {
	near, all := 0, 0
	for q, matches := range want {
		all += len(matches)
		for _, d := range found[q] {
			if d >= 0 && d <= float64(matches[len(matches)-1].Distance) {
				near++
			}
		}
	}
	return float64(near) / float64(all)
}
