package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
)

type searchCommand struct {
	Codes   string `help:"NPY file of packed codes, uint8 [rows, bytes], to search in." required:"" placeholder:"FILE.npy"`
	Queries string `help:"NPY file of packed codes to search for." placeholder:"FILE.npy" xor:"queries" required:""`
	Row     []int  `help:"Row of --codes to search for, from 0; may be repeated." placeholder:"N" xor:"queries" required:"" range:"0,1000000000"`
	K       int    `help:"How many of the nearest codes." short:"k" default:"10" range:"1,1000000000"`
	JSON    bool   `help:"One JSON object a line instead of CSV."`
}

// Help is printed under the flags' list.
func (searchCommand) Help() string {
	return `Examples:

  catvae search --codes codes.npy --row 17 -k 5
  catvae search --codes codes.npy --queries new.npy --json

Prints query, rank, row and distance of the nearest codes, in bits that differ: the nearest first, and the lower row first where distances are equal. Every code is compared, on all cores. For categorical models the distance is twice the number of variables that differ.

` + cli.ExitStatus
}

func (c searchCommand) Run(ctx context.Context, env cli.Env) error {
	all, err := loadCodes(ctx, c.Codes)
	if err != nil {
		return err
	}
	index, err := codes.NewIndex(8 * all.RowSize())
	if err != nil {
		return fmt.Errorf("%s: %w: %w", c.Codes, err, dataset.ErrData)
	}
	for i := range all.Len() {
		if err := index.Add(all.Bytes(i)); err != nil {
			return fmt.Errorf("%s: %w", c.Codes, err)
		}
	}
	names, queries, err := c.queries(ctx, all)
	if err != nil {
		return err
	}
	found, err := index.Search(ctx, queries, c.K)
	if err != nil {
		return err
	}
	return c.print(env.Stdout, names, found)
}

// queries returns the codes to search for, and the number of each.
func (c searchCommand) queries(ctx context.Context, all *dataset.Set) (names []int, queries []byte, err error) {
	rows := c.Row
	if c.Queries == "" && len(rows) == 0 {
		return nil, nil, fmt.Errorf("%w: --row names no row", cli.ErrUsage)
	}
	from := all
	if c.Queries != "" {
		if from, err = loadCodes(ctx, c.Queries); err != nil {
			return nil, nil, err
		}
		if from.RowSize() != all.RowSize() {
			return nil, nil, fmt.Errorf("%s has codes of %d bytes, %s of %d: they come from different models: %w", c.Queries, from.RowSize(), c.Codes, all.RowSize(), dataset.ErrData)
		}
		for i := range from.Len() {
			rows = append(rows, i)
		}
	}
	for _, row := range rows {
		if row < 0 || row >= from.Len() {
			return nil, nil, fmt.Errorf("%w: --row %d: %s has rows 0 to %d", cli.ErrUsage, row, c.Codes, from.Len()-1)
		}
		names, queries = append(names, row), append(queries, from.Bytes(row)...)
	}
	return names, queries, nil
}

// loadCodes reads packed codes.
func loadCodes(ctx context.Context, path string) (*dataset.Set, error) {
	set, err := dataset.Load(ctx, path, dataset.Options{})
	if err != nil {
		return nil, err
	}
	if len(set.Shape) != 1 || set.DType != "uint8" {
		return nil, fmt.Errorf("%s holds %s rows of shape %v: packed codes are uint8 [rows, bytes], as infer writes them: %w", path, set.DType, set.Shape, dataset.ErrData)
	}
	return set, nil
}

func (c searchCommand) print(w io.Writer, names []int, found [][]codes.Match) error {
	out := bufio.NewWriter(w)
	if !c.JSON {
		fmt.Fprintln(out, "query,rank,row,distance")
	}
	lines := json.NewEncoder(out)
	for i, matches := range found {
		for rank, m := range matches {
			if !c.JSON {
				fmt.Fprintf(out, "%d,%d,%d,%d\n", names[i], rank+1, m.Row, m.Distance)
				continue
			}
			err := lines.Encode(struct {
				Query    int `json:"query"`
				Rank     int `json:"rank"`
				Row      int `json:"row"`
				Distance int `json:"distance"`
			}{names[i], rank + 1, m.Row, m.Distance})
			if err != nil {
				return err
			}
		}
	}
	return out.Flush()
}
