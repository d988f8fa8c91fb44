package retrieval

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/catvae/catvae/internal/cores"
)

// Changed are codes of rows that were changed in one way, such as pictures that were cropped. Each searches the rows as they were.
type Changed struct {
	Codes     *Codes
	Originals []int // of each, which row it was
}

// Found says how changed rows find their originals. Of rows that are equally near every order is as likely as another: the figures are the
// means over all of these orders, exactly, so that they have no seed.
type Found struct {
	// Recall is recall@1 for each change: the share of its queries whose original comes first. Where it is among n rows that are
	// nearest, that is 1/n of a query.
	Recall []float64
	// RecallAll is the same of all queries together.
	RecallAll float64
	// MicroAP is the average precision of all changes together: with all pairs of a query and a row, whichever the query, in the order of
	// their distances, and of Q queries h(i) originals within the first i pairs,
	//
	//	1/Q Σ h(i)/i   over the pairs i of a query with its original
	//
	// So one threshold must serve all queries, as in a search for copies: Douze et al. 2106.09672.
	MicroAP float64
}

// Originals searches base with each changed row.
func Originals(ctx context.Context, base *Codes, changes []Changed) (Found, error) {
	f := Found{Recall: make([]float64, len(changes))}
	queries, sum := 0, 0.0
	pairs := newPairs(base.bits)
	for i, c := range changes {
		if err := c.check(base); err != nil {
			return Found{}, err
		}
		first, err := c.search(ctx, base, &pairs)
		if err != nil {
			return Found{}, err
		}
		hits := 0.0
		for _, x := range first { // in the queries' order: the same on any number of cores
			hits += x
		}
		f.Recall[i] = hits / float64(len(first))
		sum, queries = sum+hits, queries+len(first)
	}
	if queries == 0 {
		return Found{}, fmt.Errorf("retrieval: no changed row searches: give at least one")
	}
	f.RecallAll, f.MicroAP = sum/float64(queries), pairs.averagePrecision()
	return f, nil
}

func (c Changed) check(base *Codes) error {
	if c.Codes.bits != base.bits {
		return fmt.Errorf("retrieval: changed rows have codes of %d bits, those that they search of %d", c.Codes.bits, base.bits)
	}
	if len(c.Originals) == 0 || len(c.Originals) != c.Codes.rows {
		return fmt.Errorf("retrieval: %d originals of %d changed rows", len(c.Originals), c.Codes.rows)
	}
	if most := slices.Max(c.Originals); most >= base.rows || slices.Min(c.Originals) < 0 {
		return fmt.Errorf("retrieval: originals are the rows %d to %d, and there are %d", slices.Min(c.Originals), most, base.rows)
	}
	return nil
}

// search returns of each changed row the probability that its original comes first, and counts its pairs.
func (c Changed) search(ctx context.Context, base *Codes, sum *pairs) ([]float64, error) {
	first := make([]float64, len(c.Originals))
	var next atomic.Int64
	var lock sync.Mutex
	work := func() {
		own, distances := newPairs(base.bits), make([]uint32, base.rows)
		for ctx.Err() == nil {
			q := int(next.Add(1)) - 1
			if q >= len(first) {
				break
			}
			base.distances(distances, c.Codes.code(q))
			right := distances[c.Originals[q]]
			nearest, ties := slices.Min(distances), 0
			for _, d := range distances {
				own.all[d]++
				if d == nearest {
					ties++
				}
			}
			own.right[right]++
			if right == nearest {
				first[q] = 1 / float64(ties)
			}
		}
		lock.Lock()
		defer lock.Unlock()
		sum.add(own)
	}
	var wait sync.WaitGroup
	for range min(cores.Count(), len(first)) {
		wait.Go(work)
	}
	wait.Wait()
	return first, ctx.Err()
}

// pairs counts pairs of a query and a row by their distance, and those of a query and its original.
type pairs struct{ all, right []int64 }

func newPairs(bits int) pairs { return pairs{make([]int64, bits+1), make([]int64, bits+1)} }

func (p *pairs) add(other pairs) {
	for d := range p.all {
		p.all[d] += other.all[d]
		p.right[d] += other.right[d]
	}
}

// averagePrecision is the mean over all orders of pairs that are equally far. Of n such pairs, r of them right, with a before them and h of
// those right, the one at place j = 0, …, n-1 is right with the probability r/n; then j (r-1)/(n-1) right ones are before it among the n, in the
// mean, and its share of right ones is (h + 1 + j (r-1)/(n-1)) / (a + 1 + j).
func (p *pairs) averagePrecision() float64 {
	var before, found int64
	sum := 0.0
	for d, n := range p.all {
		r := p.right[d]
		if r > 0 {
			more, shares := float64(r-1)/float64(max(1, n-1)), 0.0
			for j := range n {
				shares += (float64(found+1) + float64(j)*more) / float64(before+1+j)
			}
			sum += shares * float64(r) / float64(n)
		}
		before, found = before+n, found+r
	}
	return sum / float64(found)
}
