package index

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/catvae/catvae/codes"
	"golang.org/x/sync/errgroup"
)

// each calls search for each of a number of queries, on all cores.
func (x *Index) each(ctx context.Context, queries int, search func(w *walker, query int) error) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range min(runtime.GOMAXPROCS(0), queries) {
		group.Go(func() error {
			w := x.graph.walker()
			defer x.graph.done(w)
			for i := int(next.Add(1)) - 1; i < queries; i = int(next.Add(1)) - 1 {
				if err := errors.Join(ctx.Err(), search(w, i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// signs returns the packed code of a query by floats: bits that are 1 where a number is above 0.
func signs(query []float32) []byte {
	code := make([]byte, codes.Bytes(len(query)))
	for i, q := range query {
		if q > 0 {
			code[i/8] |= 128 >> (i % 8)
		}
	}
	return code
}

// nearestScores returns the k matches with the largest scores, the lower row first where they are equal.
func nearestScores(found []codes.Match, k int) []codes.Match {
	slices.SortFunc(found, func(a, b codes.Match) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Row, b.Row))
	})
	return found[:min(k, len(found))]
}
