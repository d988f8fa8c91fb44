// Search times codes.Index and codes/index next to FAISS: the same codes, queries and number of threads, taking turns, and wants the same
// distances from both, or the same scores. bench/search/run.sh makes FAISS's environment and calls it.
//
//	go run ./bench/search --python venv/bin/python --kind lookup
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"time"

	"github.com/alecthomas/kong"
	"github.com/catvae/catvae/bench/internal/stats"
)

type command struct {
	Kind         string `help:"What is compared: hamming, codes by Hamming distance (IndexBinaryFlat); query, floats against bits (IndexRaBitQ and its fast scan); lookup, sums of 256 entries a byte (IndexPQ); graph, what graphs find (IndexBinaryHNSW)." default:"hamming" enum:"hamming,query,lookup,graph"`
	Python       string `help:"Python with FAISS." required:""`
	Twin         string `help:"The FAISS script." default:"bench/search/search.py"`
	Rows         int    `help:"How many codes." default:"10000000"`
	Bits         int    `help:"Bits of a code, a multiple of 8." default:"128"`
	Clusters     int    `help:"Draw codes around so many centres, an eighth of whose bits are flipped; 0 means all bits are random."`
	Queries      []int  `help:"Queries a search." default:"1,100"`
	K            int    `help:"How many of the nearest codes." short:"k" default:"10"`
	Threads      []int  `help:"Threads of both: each number of them is timed."`
	Rounds       int    `help:"Searches of each, which take turns." default:"9"`
	Seed         uint64 `help:"Of the codes and queries." default:"1"`
	Links        int    `help:"Links of a graph." default:"16"`
	Construction int    `help:"Breadth while a graph is built." default:"100"`
	Breadths     []int  `help:"Breadths of searches by a graph." default:"50,100,200,400"`
	Dir          string `help:"Folder for the codes' file, deleted afterwards; by default the system's." placeholder:"FOLDER"`
}

func main() {
	var c command
	k := kong.Parse(&c, kong.Description("Time exact search next to FAISS."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		k.Exit(1)
	}
}

// run prints the tables, as Markdown.
func (c command) run(ctx context.Context) error {
	if c.Bits < 8 || c.Bits%8 != 0 || c.Rows < c.K || c.K < 1 || c.Rounds < 1 {
		return fmt.Errorf("%d bits, %d codes, k %d, %d rounds: FAISS wants a multiple of 8 bits, and k codes or more", c.Bits, c.Rows, c.K, c.Rounds)
	}
	if len(c.Threads) == 0 {
		c.Threads = []int{runtime.NumCPU(), 1}
	}
	packed, queries := c.draw(c.Bits / 8)
	dir, err := os.MkdirTemp(c.Dir, "search")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if c.Kind == "graph" {
		return c.graph(ctx, packed, queries, dir)
	}
	return c.flat(ctx, packed, queries, dir)
}

// flat times searches that compare with every code.
func (c command) flat(ctx context.Context, packed, queries []byte, dir string) error {
	contest, ms, mb, err := c.contest(packed, queries)
	if err != nil {
		return err
	}
	faiss, theirs, err := c.startTwin(ctx, dir, c.Kind, packed, contest.theirs)
	if err != nil {
		return err
	}
	defer faiss.Close()
	kind := "random"
	if c.Clusters > 0 {
		kind = fmt.Sprintf("clustered (%d)", c.Clusters)
	}
	fmt.Printf("%s: %d %s codes of %d bits, the %d nearest, %s, %s; %d rounds in which all take turns: medians, and the medians of the rounds' ratios (ours over theirs)\n\n",
		c.Kind, c.Rows, kind, c.Bits, c.K, theirs.Name, runtime.Version(), c.Rounds)
	fmt.Println("| next to | queries | threads | catvae ms | FAISS ms | ratio | ratio to FAISS at its best |\n| --- | --- | --- | --- | --- | --- | --- |")
	for i, name := range theirs.Indexes {
		for _, n := range c.Queries {
			if err := c.rows(ctx, contest, faiss, i, name, n); err != nil {
				return err
			}
		}
	}
	fmt.Printf("\nBuilding the index from codes in memory, once:\n\n| | ms | MB |\n| --- | --- | --- |\n")
	fmt.Printf("| catvae | %.0f | %.0f |\n| FAISS | %.0f | %.0f |\n", ms, mb, theirs.MS, theirs.MB)
	return nil
}

func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// rows times searches for n queries, with each number of threads of each side in turn. Every round has other queries and
// begins with another contender.
func (c command) rows(ctx context.Context, contest contest, faiss *twin, which int, name string, n int) error {
	ours, theirs := make([][]float64, len(c.Threads)), make([][]float64, len(c.Threads))
	for round := -1; round < c.Rounds; round++ { // the first warms up
		first := (round + 1) * n % (contest.queries - n + 1)
		var want [][]float64
		for turn := range 2 * len(c.Threads) {
			who := (turn + round + 1) % (2 * len(c.Threads))
			t, times := who/2, ours
			var ms float64
			var got [][]float64
			if who%2 == 0 {
				before := runtime.GOMAXPROCS(c.Threads[t])
				begin := time.Now()
				found, err := contest.search(ctx, first, n, c.K)
				ms = milliseconds(time.Since(begin))
				runtime.GOMAXPROCS(before)
				if err != nil {
					return err
				}
				got = contest.nearness(found)
			} else {
				a, err := faiss.search(job{Index: which, First: first, Queries: n, K: c.K, Threads: c.Threads[t]})
				if err != nil {
					return err
				}
				times, ms, got = theirs, a.MS, a.Distances
			}
			if want == nil {
				want = got
			} else if err := contest.compare(want, got); err != nil {
				return fmt.Errorf("queries from %d on: %w", first, err)
			}
			if round >= 0 {
				times[t] = append(times[t], ms)
			}
		}
	}
	best := slices.Clone(theirs[0])
	for _, times := range theirs[1:] {
		for i := range best {
			best[i] = min(best[i], times[i])
		}
	}
	for t, threads := range c.Threads {
		fmt.Printf("| %s | %d | %d | %.1f | %.1f | %.2f | %.2f |\n", name, n, threads, stats.Median(ours[t]), stats.Median(theirs[t]), stats.MedianRatio(ours[t], theirs[t]), stats.MedianRatio(ours[t], best))
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
