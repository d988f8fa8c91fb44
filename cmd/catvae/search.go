package main

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/codefile"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/codes/index"
	"github.com/catvae/catvae/dataset"
)

type searchCommand struct {
	Codes string `help:"Codes to search in, as infer writes them: packed or index codes as NPY, packed ones also as CSV, TSV, JSON lines or Parquet, each also packed in .gz or .zst, or a folder of parts." placeholder:"FILE|DIR" xor:"codes" required:""`
	Index string `help:"Folder of an index to search in, which catvae index makes." placeholder:"DIR" xor:"codes" required:""`
	searchQueries
	K       int    `help:"How many of the nearest codes." short:"k" default:"10" range:"1,1000000000"`
	Kind    string `help:"What the bytes of codes are: packed, 8 bits each; index, the category of a variable each; or auto: index where queries are floats of [rows, variables, categories] or --model has such codes, and else packed." default:"auto" enum:"auto,packed,index"`
	Exact   bool   `help:"Compare with every code of --index, also where it has a graph."`
	Breadth int    `help:"How many near codes a search of --index by its graph holds: more find more, and take longer; 0 means 100, or as many as are searched for where that is more." default:"0" placeholder:"N" range:"0,1000000"`
	searchRescore
	Text string `help:"How codes are written as text: bits, hex, or auto: bits where all digits are 0 and 1." default:"auto" enum:"auto,bits,hex"`
	JSON bool   `help:"One JSON object a line instead of CSV."`
	cli.Backend
}

// Help is printed under the flags' list.
func (searchCommand) Help() string {
	return `Examples:

  catvae search --codes codes.npy --row 17 -k 5
  catvae search --codes codes.parquet --row photo/0001.jpg
  catvae search --codes codes.csv.gz --queries new.npy --json
  catvae search --codes codes.npy --queries queries.npy                            floats that infer --codes query wrote
  catvae search --codes codes.parquet --model run/bundle --queries new.csv         rows, encoded on the fly
  catvae search --codes codes.parquet --model run/bundle --embedder minilm/ --find 'shows the weather'
  catvae search --codes codes.npy --model run/bundle --queries new.npy --rescore vectors.npy --first 100
  catvae search --codes codes.npy --model run/bundle --queries new.npy --rescore vectors.npy --truth vectors
  catvae search --index photos.index --row photo/0001.jpg

Prints query, rank, row, id and distance of the nearest codes, in bits that differ: the nearest first, and the lower row first where distances are equal. A query is called by its id; the column id is left out where the file has no ids. Every code is compared, on all cores. For categorical models the distance is twice the number of variables that differ.

Queries that are floats (--score query) give scores in place of distances, the largest first: the sum of a query's numbers, each with a code's bit as its sign; or of the numbers at a code's categories. They find more of the true neighbours than codes do.

--rescore looks at the --first nearest codes again, by their vectors, and prints how near these are. --truth prints, in place of what was found, how much of the true neighbours was: recall@k, and their share within the --first nearest codes.

` + cli.ExitStatus
}

func (c searchCommand) Run(ctx context.Context, env cli.Env) error {
	if err := c.check(); err != nil {
		return err
	}
	all, held, err := c.open(ctx)
	if err != nil {
		return err
	}
	if held != nil {
		defer held.Close() // only read
	}
	q, err := c.read(ctx, env, c.Backend, all, c.Text)
	if err != nil {
		return err
	}
	shape, err := c.shape(all, q)
	if err != nil {
		return err
	}
	again, err := c.vectors(ctx, all, q)
	if err != nil {
		return err
	}
	defer again.Close()
	if held != nil {
		shape.widen(q, held.Options().Bits)
	}
	x, err := shape.searcher(all, held, index.Search{Exact: c.Exact, Breadth: c.Breadth})
	if err != nil {
		return err
	}
	found, err := shape.search(ctx, x, q, c.first(c.K))
	if err != nil {
		return err
	}
	nearest := found.first(c.K)
	if c.Rescore != "" {
		if nearest, err = again.rescore(found, c.K); err != nil {
			return err
		}
	}
	if c.Truth != "" {
		truth, err := again.truth(ctx, q, c.K)
		if err != nil {
			return err
		}
		return c.printRecall(env.Stdout, truth, found, nearest)
	}
	return c.print(env.Stdout, all, q.names, nearest)
}

// open reads the codes to search in, and opens the index in which they are, nil where they are in a file.
func (c *searchCommand) open(ctx context.Context) (all *codefile.Codes, held *index.Index, err error) {
	if c.Index == "" {
		if c.Exact || c.Breadth != 0 {
			return nil, nil, fmt.Errorf("%w: --exact and --breadth say how --index is searched: --codes are all compared", cli.ErrUsage)
		}
		all, err = codefile.Read(ctx, c.Codes, c.Text)
		return all, nil, err
	}
	if held, err = index.OpenReadOnly(c.Index); err != nil {
		return nil, nil, err
	}
	if c.Kind = kindPacked; held.Options().Bits == 0 {
		c.Kind = kindIndex
	}
	return codesOf(held, c.Index), held, nil
}

// A codeShape is what the bytes of codes and the numbers of queries are.
type codeShape struct {
	bits       int  // of packed codes, 0 where they are index codes
	categories int  // of each variable of index codes
	oneHot     int  // variables of codes that are packed one-hot bits, and are searched as index codes; else 0
	floats     bool // queries are compared as floats
}

// shape finds out what codes and queries are, or why they do not fit.
func (c searchCommand) shape(all *codefile.Codes, q *queries) (s codeShape, err error) {
	misfit := func(what string) error {
		return fmt.Errorf("%s: queries of %s do not fit the codes of %s, which have %d bytes: they come from different models: %w", q.source, what, all.Source, all.Bytes, dataset.ErrData)
	}
	switch of := q.shape; {
	case q.floats == nil:
		if q.bytes != all.Bytes {
			return s, fmt.Errorf("%s has codes of %d bytes, %s of %d: they come from different models: %w", q.source, q.bytes, all.Source, all.Bytes, dataset.ErrData)
		}
		if c.Score == scoreQuery {
			return s, fmt.Errorf("%w: --score query: %s holds codes: name floats that infer --codes query writes, or rows with --model", cli.ErrUsage, q.source)
		}
		if s.bits = 8 * all.Bytes; c.Kind == kindIndex || c.Kind == kindAuto && q.categorical {
			s.bits, s.categories = 0, codes.MaxCategories
		}
		return s, nil
	case len(of) == 2 && c.Kind != kindPacked:
		s.categories = of[1]
		if of[0] != all.Bytes || of[1] > codes.MaxCategories {
			s.oneHot = of[0]
		}
		if s.oneHot > 0 && (codes.Bytes(of[0]*of[1]) != all.Bytes || c.Kind == kindIndex || of[1] > codes.MaxCategories) {
			return s, misfit(fmt.Sprintf("%d variables and %d categories", of[0], of[1]))
		}
	case c.Kind == kindIndex:
		if q.numbers%all.Bytes != 0 {
			return s, misfit(fmt.Sprintf("%d numbers", q.numbers))
		}
		s.categories = q.numbers / all.Bytes
	default:
		if s.bits = q.numbers; codes.Bytes(q.numbers) != all.Bytes {
			return s, misfit(fmt.Sprintf("%d numbers", q.numbers))
		}
	}
	s.floats = c.Score != scoreHamming
	return s, nil
}

// Words of --kind.
const (
	kindAuto   = "auto"
	kindPacked = "packed"
	kindIndex  = "index"
)

// A searcher finds the nearest codes.
type searcher interface {
	Search(ctx context.Context, queries []byte, k int) ([][]codes.Match, error)
	SearchFloats(ctx context.Context, queries []float32, k int) ([][]codes.Match, error)
}

// searcher returns what is searched: the index that holds the codes, or one of all codes in memory.
func (s codeShape) searcher(all *codefile.Codes, held *index.Index, how index.Search) (searcher, error) {
	if held == nil {
		return s.index(all)
	}
	if o := held.Options(); s.floats && (s.bits != o.Bits || s.categories != o.Categories) {
		return nil, fmt.Errorf("%s has codes of %d bits, %d categories, the queries have %d, %d: make the index with --bits or --categories: %w", all.Source, o.Bits, o.Categories, s.bits, s.categories, dataset.ErrData)
	}
	return indexSearch{held, how}, nil
}

// widen gives queries as many numbers as an index has bits, where those at the end only fill a byte.
func (s *codeShape) widen(q *queries, bits int) {
	if q.floats == nil || s.bits == 0 || s.bits >= bits || codes.Bytes(s.bits) != codes.Bytes(bits) {
		return
	}
	wide := make([]float32, len(q.names)*bits)
	for i := range q.names {
		copy(wide[i*bits:], q.floats[i*s.bits:][:s.bits])
	}
	s.bits, q.floats = bits, wide
}

// index returns an index of the codes.
func (s codeShape) index(all *codefile.Codes) (x *codes.Index, err error) {
	packed := all.Packed
	if s.bits > 0 {
		x, err = codes.NewIndex(s.bits)
	} else {
		if s.oneHot > 0 {
			if packed, err = indexCodes(packed, s.oneHot, s.categories); err != nil {
				return nil, fmt.Errorf("%s: %w: %w", all.Source, err, dataset.ErrData)
			}
		}
		x, err = codes.NewCategories(len(packed)/all.Len(), s.categories)
	}
	if err == nil {
		err = x.Add(packed)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", all.Source, err, dataset.ErrData)
	}
	return x, nil
}

// indexCodes returns the categories of codes that are the one-hot bits of variables.
func indexCodes(packed []byte, variables, categories int) (of []byte, err error) {
	size := codes.Bytes(variables * categories)
	var bits []byte
	for row := 0; len(packed) > 0; row, packed = row+1, packed[size:] {
		if bits, err = codes.Unpack(bits[:0], packed[:size], variables*categories); err != nil {
			return nil, err
		}
		for v := range variables {
			category, set := 0, 0
			for c, bit := range bits[v*categories:][:categories] {
				if bit != 0 {
					category, set = c, set+1
				}
			}
			if set != 1 {
				return nil, fmt.Errorf("variable %d of code %d has %d categories of %d, not one: these are no one-hot bits (--kind says what codes are)", v, row, set, categories)
			}
			of = append(of, byte(category))
		}
	}
	return of, nil
}

// search finds the nearest codes. How near they are is a distance, or a score.
func (s codeShape) search(ctx context.Context, x searcher, q *queries, k int) (found matches, err error) {
	var of [][]codes.Match
	switch {
	case s.floats:
		of, err = x.SearchFloats(ctx, q.floats, k)
	case q.floats != nil:
		of, err = x.Search(ctx, s.hard(q.floats), k)
	default:
		of, err = x.Search(ctx, q.codes, k)
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%s: %w: %w", q.source, err, dataset.ErrData)
	}
	return matches{of, s.floats}, err
}

// hard returns the codes that queries by floats would have: bits that are 1 where a number is above 0, and of each variable the category
// with the largest number.
func (s codeShape) hard(floats []float32) (of []byte) {
	if s.bits == 0 {
		for ; len(floats) > 0; floats = floats[s.categories:] {
			best := 0
			for c, v := range floats[:s.categories] {
				if v > floats[best] {
					best = c
				}
			}
			of = append(of, byte(best))
		}
		return of
	}
	for ; len(floats) > 0; floats = floats[s.bits:] {
		code := make([]byte, codes.Bytes(s.bits))
		for j, v := range floats[:s.bits] {
			if v > 0 {
				code[j/8] |= 128 >> (j % 8)
			}
		}
		of = append(of, code...)
	}
	return of
}
