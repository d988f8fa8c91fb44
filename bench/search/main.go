// Search times codes.Index next to FAISS's IndexBinaryFlat: the same codes, queries and number of threads, taking turns, and
// wants the same distances from both. bench/search/run.sh makes FAISS's environment and calls it.
//
//	go run ./bench/search --python venv/bin/python
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/alecthomas/kong"
	"github.com/catvae/catvae/bench/internal/stats"
	"github.com/catvae/catvae/codes"
)

type command struct {
	Python   string `help:"Python with FAISS." required:""`
	Twin     string `help:"The FAISS script." default:"bench/search/search.py"`
	Rows     int    `help:"How many codes." default:"10000000"`
	Bits     int    `help:"Bits of a code, a multiple of 8." default:"128"`
	Clusters int    `help:"Draw codes around so many centres, an eighth of whose bits are flipped; 0 means all bits are random."`
	Queries  []int  `help:"Queries a search." default:"1,100"`
	K        int    `help:"How many of the nearest codes." short:"k" default:"10"`
	Threads  []int  `help:"Threads of both: each number of them is timed."`
	Rounds   int    `help:"Searches of each, which take turns." default:"9"`
	Seed     uint64 `help:"Of the codes and queries." default:"1"`
	Dir      string `help:"Folder for the codes' file, deleted afterwards; by default the system's." placeholder:"FOLDER"`
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
	size := c.Bits / 8
	packed, queries := c.draw(size)

	dir, err := os.MkdirTemp(c.Dir, "search")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	codesFile, queriesFile := filepath.Join(dir, "codes"), filepath.Join(dir, "queries")
	if err := os.WriteFile(codesFile, packed, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(queriesFile, queries, 0o600); err != nil {
		return err
	}
	index, ms, mb, err := build(packed, c.Bits)
	if err != nil {
		return err
	}
	packed = nil
	debug.FreeOSMemory()
	faiss, theirs, err := startTwin(ctx, c.Python, c.Twin, codesFile, queriesFile, size)
	if err != nil {
		return err
	}
	defer faiss.Close()

	kind := "random"
	if c.Clusters > 0 {
		kind = fmt.Sprintf("clustered (%d)", c.Clusters)
	}
	fmt.Printf("%d %s codes of %d bits, the %d nearest, %s, %s; %d rounds in which all take turns: medians, and the medians of the rounds' ratios (ours over theirs)\n\n",
		c.Rows, kind, c.Bits, c.K, theirs.Name, runtime.Version(), c.Rounds)
	fmt.Println("| queries | threads | catvae ms | FAISS ms | ratio | ratio to FAISS at its best |\n| --- | --- | --- | --- | --- | --- |")
	for _, n := range c.Queries {
		if err := c.rows(ctx, index, faiss, queries, n); err != nil {
			return err
		}
	}
	fmt.Println("\nAll distances are equal. Building the index from packed codes in memory, once:\n\n| | ms | MB |\n| --- | --- | --- |")
	fmt.Printf("| catvae | %.0f | %.0f |\n| FAISS | %.0f | %.0f |\n", ms, mb, theirs.MS, theirs.MB)
	return nil
}

// build returns the index, how long building it took, and what it added to the heap in MB.
func build(packed []byte, bits int) (index *codes.Index, ms, mb float64, err error) {
	before := heap()
	start := time.Now()
	if index, err = codes.NewIndex(bits); err != nil {
		return nil, 0, 0, err
	}
	if err := index.Add(packed); err != nil {
		return nil, 0, 0, err
	}
	ms = milliseconds(time.Since(start))
	mb = heap() - before
	runtime.KeepAlive(packed)
	return index, ms, mb, nil
}

func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// rows times searches for n queries, with each number of threads of each side in turn. Every round has other queries and
// begins with another contender.
func (c command) rows(ctx context.Context, index *codes.Index, faiss *twin, queries []byte, n int) error {
	size := c.Bits / 8
	ours, theirs := make([][]float64, len(c.Threads)), make([][]float64, len(c.Threads))
	for round := -1; round < c.Rounds; round++ { // the first warms up
		first := (round + 1) * n % (len(queries)/size - n + 1)
		var want [][]int
		check := func(got [][]int) error {
			if want == nil {
				want = got
			} else if !slices.EqualFunc(want, got, slices.Equal) {
				return fmt.Errorf("queries from %d on: distances %v and %v", first, want, got)
			}
			return nil
		}
		for turn := range 2 * len(c.Threads) {
			who := (turn + round + 1) % (2 * len(c.Threads))
			t, times := who/2, ours
			var ms float64
			var got [][]int
			if who%2 == 0 {
				before := runtime.GOMAXPROCS(c.Threads[t])
				begin := time.Now()
				found, err := index.Search(ctx, queries[first*size:(first+n)*size], c.K)
				ms = milliseconds(time.Since(begin))
				runtime.GOMAXPROCS(before)
				if err != nil {
					return err
				}
				got = distances(found)
			} else {
				a, err := faiss.search(first, n, c.K, c.Threads[t])
				if err != nil {
					return err
				}
				times, ms, got = theirs, a.MS, a.Distances
			}
			if err := check(got); err != nil {
				return err
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
		fmt.Printf("| %d | %d | %.1f | %.1f | %.2f | %.2f |\n", n, threads, stats.Median(ours[t]), stats.Median(theirs[t]), stats.MedianRatio(ours[t], theirs[t]), stats.MedianRatio(ours[t], best))
	}
	return nil
}

func distances(found [][]codes.Match) [][]int {
	out := make([][]int, len(found))
	for q, matches := range found {
		for _, m := range matches {
			out[q] = append(out[q], m.Distance)
		}
	}
	return out
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
