package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/codefile"
	"github.com/catvae/catvae/cmd/internal/vectors"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
)

// searchRescore are the flags that say how codes that were found are looked at again, and what is measured.
type searchRescore struct {
	Rescore      string `help:"Vectors of the rows of --codes, in their order: an NPY file of float32, float16 or int8, which is mapped into memory. The --first nearest codes of each query are put in order by them." placeholder:"FILE"`
	QueryVectors string `help:"Vectors of the queries, as NPY; left out where queries are rows of --codes, or rows for --model that are vectors themselves." placeholder:"FILE"`
	Metric       string `help:"By what vectors are near: cosine, dot (their product), or euclidean (minus their distance)." default:"cosine" enum:"cosine,dot,euclidean"`
	First        int    `help:"How many of the nearest codes are rescored; 0 means ten times -k." default:"0" placeholder:"N" range:"0,1000000000"`
	Truth        string `help:"Print how many of the true neighbours are found, in place of them. These are in a file, NPY of row numbers [queries, k or more], the nearest first; or vectors: they are computed from --rescore." placeholder:"FILE|vectors"`
}

// truthVectors is the word of --truth for neighbours that are computed.
const truthVectors = "vectors"

// check reports flags that lack others.
func (c searchRescore) check() error {
	switch {
	case c.Rescore == "" && c.QueryVectors != "":
		return fmt.Errorf("%w: --query-vectors are compared with those of --rescore, which is missing", cli.ErrUsage)
	case c.Rescore == "" && c.Truth == truthVectors:
		return fmt.Errorf("%w: --truth vectors are those of --rescore, which is missing", cli.ErrUsage)
	case c.Rescore == "" && c.Truth == "" && c.First != 0:
		return fmt.Errorf("%w: --first codes are rescored, or counted by --truth: name --rescore FILE or --truth FILE", cli.ErrUsage)
	}
	return nil
}

// first is how many codes are searched for.
func (c searchRescore) first(k int) int {
	switch {
	case c.Rescore == "" && c.Truth == "":
		return k
	case c.First == 0:
		return 10 * k
	}
	return max(k, c.First)
}

// rescorer has the vectors of codes and of queries.
type rescorer struct {
	searchRescore
	base    *vectors.Vectors // nil where there are none
	queries []float32
}

// vectors opens the vectors that the flags name.
func (c searchRescore) vectors(ctx context.Context, all *codefile.Codes, q *queries) (*rescorer, error) {
	r := &rescorer{searchRescore: c}
	if c.Rescore == "" {
		return r, nil
	}
	base, err := vectors.Open(ctx, c.Rescore)
	if err != nil {
		return nil, err
	}
	if r.base = base; base.Len() != all.Len() {
		err = fmt.Errorf("%s has %d rows, %s has %d codes: a vector for each code is needed, in their order: %w", c.Rescore, base.Len(), all.Source, all.Len(), dataset.ErrData)
	} else {
		r.queries, err = r.vectorsOf(ctx, q)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// vectorsOf returns the vectors of the queries.
func (r *rescorer) vectorsOf(ctx context.Context, q *queries) (of []float32, err error) {
	width, n := r.base.Width(), len(q.names)
	switch {
	case r.QueryVectors != "":
		v, err := vectors.Open(ctx, r.QueryVectors)
		if err != nil {
			return nil, err
		}
		defer v.Close()
		if v.Len() != n || v.Width() != width {
			return nil, fmt.Errorf("%s has %d rows of %d numbers: there are %d queries, and %s has %d numbers a row: %w", r.QueryVectors, v.Len(), v.Width(), n, r.Rescore, width, dataset.ErrData)
		}
		return v.Rows()
	case q.rows != nil:
		of = make([]float32, n*width)
		for i, row := range q.rows {
			if err := r.base.Row(row, of[i*width:][:width]); err != nil {
				return nil, err
			}
		}
		return of, nil
	case len(q.vectors) == n*width:
		return q.vectors, nil
	}
	return nil, fmt.Errorf("%w: --rescore compares vectors of %d numbers, and %s has none: name them by --query-vectors FILE", cli.ErrUsage, width, q.source)
}

// Close gives the vectors back.
func (r *rescorer) Close() error {
	if r.base == nil {
		return nil
	}
	return r.base.Close()
}

// rescore puts codes in order by their vectors, and returns the k nearest.
func (r *rescorer) rescore(found matches, k int) (nearest matches, err error) {
	nearest = matches{make([][]codes.Match, len(found.of)), true}
	for i, all := range found.of {
		rows := make([]int, len(all))
		for j, m := range all {
			rows[j] = m.Row
		}
		hits, err := r.base.Rescore(r.Metric, r.queries[i*r.base.Width():][:r.base.Width()], rows)
		if err != nil {
			return nearest, err
		}
		for _, h := range hits[:min(k, len(hits))] {
			nearest.of[i] = append(nearest.of[i], codes.Match{Row: h.Row, Score: h.Score})
		}
	}
	return nearest, nil
}

// truth returns the k true neighbours of each query.
func (r *rescorer) truth(ctx context.Context, q *queries, k int) (rows [][]int, err error) {
	if r.Truth != truthVectors {
		return readTruth(ctx, r.Truth, len(q.names), k)
	}
	hits, err := r.base.Nearest(ctx, r.Metric, r.queries, k)
	for _, of := range hits {
		var list []int
		for _, h := range of {
			list = append(list, h.Row)
		}
		rows = append(rows, list)
	}
	return rows, err
}

// readTruth reads row numbers.
func readTruth(ctx context.Context, path string, queries, k int) (rows [][]int, err error) {
	v, err := vectors.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	if v.Len() != queries || v.Width() < k {
		return nil, fmt.Errorf("%s has %d rows of %d numbers: there are %d queries, and -k is %d: %w", path, v.Len(), v.Width(), queries, k, dataset.ErrData)
	}
	for i := range queries {
		of, err := v.Whole(i, k)
		if err != nil {
			return nil, err
		}
		rows = append(rows, of)
	}
	return rows, nil
}
