package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/cli"
)

type searchCommand struct {
	Codes   string `help:"NPY file of packed codes, uint8 [rows, bytes], to search in." required:"" placeholder:"FILE.npy"`
	Queries string `help:"NPY file of packed codes to search for." placeholder:"FILE.npy" xor:"queries" required:""`
	Row     []int  `help:"Row of --codes to search for, from 0; may be repeated." placeholder:"N" xor:"queries" required:""`
	K       int    `help:"How many of the nearest codes." short:"k" default:"10"`
	JSON    bool   `help:"One JSON object a line instead of CSV."`
}

// Help is printed under the flags' list.
func (searchCommand) Help() string {
	return `Examples:

  catvae search --codes codes.npy --row 17 -k 5
  catvae search --codes codes.npy --queries new.npy --json

Prints query, rank, row and distance of the nearest codes, in bits that differ: the nearest first, of equally near ones the lower row first. Every code is compared, on all cores. For categorical models the distance is twice the number of variables that differ.

` + cli.ExitStatus
}

func (c searchCommand) Run(ctx context.Context, env cli.Env) error {
	if c.K < 1 {
		return fmt.Errorf("%w: -k %d: use 1 or more", cli.ErrUsage, c.K)
	}
	all, size, err := readCodes(c.Codes)
	if err != nil {
		return err
	}
	index, err := codes.NewIndex(8 * size)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", c.Codes, err, dataset.ErrData)
	}
	if err := index.Add(all); err != nil {
		return fmt.Errorf("%s: %w", c.Codes, err)
	}
	names, queries, err := c.queries(all, size)
	if err != nil {
		return err
	}
	found, err := index.Search(ctx, queries, c.K)
	if err != nil {
		return err
	}
	return c.print(env.Stdout, names, found)
}

// queries returns what to search for, and the number that each is called by.
func (c searchCommand) queries(all []byte, size int) (names []int, queries []byte, err error) {
	if c.Queries == "" {
		for _, row := range c.Row {
			if row < 0 || row >= len(all)/size {
				return nil, nil, fmt.Errorf("%w: --row %d: %s has rows 0 to %d", cli.ErrUsage, row, c.Codes, len(all)/size-1)
			}
			names, queries = append(names, row), append(queries, all[row*size:][:size]...)
		}
		return names, queries, nil
	}
	queries, width, err := readCodes(c.Queries)
	if err != nil {
		return nil, nil, err
	}
	if width != size {
		return nil, nil, fmt.Errorf("%s has codes of %d bytes, %s of %d: they come from different models: %w", c.Queries, width, c.Codes, size, dataset.ErrData)
	}
	for i := range len(queries) / size {
		names = append(names, i)
	}
	return names, queries, nil
}

// readCodes reads packed codes whole and returns them with the bytes of one.
func readCodes(path string) (packed []byte, size int, err error) {
	r, err := dataset.Open(path, dataset.Options{})
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	raw, ok := r.(dataset.ByteReader)
	info := r.Info()
	if !ok || len(info.Shape) != 1 || info.DType != "uint8" {
		return nil, 0, fmt.Errorf("%s holds %s rows of shape %v: packed codes are uint8 [rows, bytes], as infer writes them: %w", path, info.DType, info.Shape, dataset.ErrData)
	}
	row := make([]byte, info.RowSize())
	for {
		_, err := raw.NextBytes(row)
		if errors.Is(err, io.EOF) {
			return packed, len(row), nil
		}
		if err != nil {
			return nil, 0, err
		}
		packed = append(packed, row...)
	}
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
