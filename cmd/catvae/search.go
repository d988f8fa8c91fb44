package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/codefile"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
)

type searchCommand struct {
	Codes   string   `help:"Packed codes to search in, as infer writes them: NPY, CSV, TSV, JSON lines or Parquet, also packed in .gz or .zst, or a folder of parts." required:"" placeholder:"FILE|DIR"`
	Queries string   `help:"Packed codes to search for, in the same forms." placeholder:"FILE|DIR" xor:"queries" required:""`
	Row     repeated `help:"Row of --codes to search for, by its id where the file has ids, or its number from 0; may be repeated." placeholder:"ID" xor:"queries" required:""`
	K       int      `help:"How many of the nearest codes." short:"k" default:"10" range:"1,1000000000"`
	Text    string   `help:"How codes are written as text: bits, hex, or auto: bits where all digits are 0 and 1." default:"auto" enum:"auto,bits,hex"`
	JSON    bool     `help:"One JSON object a line instead of CSV."`
}

// repeated are the values of a flag that may be repeated, byte for byte: kong takes lists of texts apart at commas, and changes what is not UTF-8.
type repeated struct{ list []string }

// Decode implements kong.MapperValue.
func (r *repeated) Decode(ctx *kong.DecodeContext) error {
	text, err := ctx.Scan.PopValue("text")
	if err == nil {
		r.list = append(r.list, text.String())
	}
	return err
}

// Help is printed under the flags' list.
func (searchCommand) Help() string {
	return `Examples:

  catvae search --codes codes.npy --row 17 -k 5
  catvae search --codes codes.parquet --row photo/0001.jpg
  catvae search --codes codes.csv.gz --queries new.npy --json

Prints query, rank, row, id and distance of the nearest codes, in bits that differ: the nearest first, and the lower row first where distances are equal. A query is called by its id; the column id is left out where the file has no ids. Every code is compared, on all cores. For categorical models the distance is twice the number of variables that differ.

` + cli.ExitStatus
}

func (c searchCommand) Run(ctx context.Context, env cli.Env) error {
	all, err := codefile.Read(ctx, c.Codes, c.Text)
	if err != nil {
		return err
	}
	index, err := codes.NewIndex(8 * all.Bytes)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", c.Codes, err, dataset.ErrData)
	}
	if err := index.Add(all.Packed); err != nil {
		return fmt.Errorf("%s: %w: %w", c.Codes, err, dataset.ErrData)
	}
	names, queries, err := c.queries(ctx, all)
	if err != nil {
		return err
	}
	found, err := index.Search(ctx, queries, c.K)
	if err != nil {
		return err
	}
	return c.print(env.Stdout, all, names, found)
}

// queries returns the codes to search for, and what each is called.
func (c searchCommand) queries(ctx context.Context, all *codefile.Codes) (names []string, queries []byte, err error) {
	if c.Queries != "" {
		from, err := codefile.Read(ctx, c.Queries, c.Text)
		if err != nil {
			return nil, nil, err
		}
		if from.Bytes != all.Bytes {
			return nil, nil, fmt.Errorf("%s has codes of %d bytes, %s of %d: they come from different models: %w", c.Queries, from.Bytes, c.Codes, all.Bytes, dataset.ErrData)
		}
		for row := range from.Len() {
			names = append(names, from.ID(row))
		}
		return names, from.Packed, nil
	}
	if len(c.Row.list) == 0 {
		return nil, nil, fmt.Errorf("%w: --row names no row", cli.ErrUsage)
	}
	for _, id := range c.Row.list {
		rows, err := find(all, id)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: --row %s: %w", cli.ErrUsage, id, err)
		}
		for _, row := range rows {
			names, queries = append(names, all.ID(row)), append(queries, all.Packed[row*all.Bytes:][:all.Bytes]...)
		}
	}
	return names, queries, nil
}

// find returns the row that an id means, or the rows of numbers that are separated by commas.
func find(all *codefile.Codes, id string) (rows []int, err error) {
	row, err := all.Find(id)
	if err == nil {
		return []int{row}, nil
	}
	for number := range strings.SplitSeq(id, ",") {
		if _, no := strconv.Atoi(number); no != nil || number == id {
			return nil, err
		}
		row, err := all.Find(number)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (c searchCommand) print(w io.Writer, all *codefile.Codes, names []string, found [][]codes.Match) error {
	out := bufio.NewWriter(w)
	table, lines := csv.NewWriter(out), json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	if !c.JSON {
		record := []string{"query", "rank", "row", "id", "distance"}
		if all.IDs == nil {
			record = []string{"query", "rank", "row", "distance"}
		}
		if err := table.Write(record); err != nil {
			return err
		}
	}
	for i, matches := range found {
		for rank, m := range matches {
			if err := c.printOne(table, lines, all, names[i], rank+1, m); err != nil {
				return err
			}
		}
	}
	table.Flush()
	return errors.Join(table.Error(), out.Flush())
}

func (c searchCommand) printOne(table *csv.Writer, lines *json.Encoder, all *codefile.Codes, query string, rank int, m codes.Match) error {
	if c.JSON {
		match := struct {
			Query    any `json:"query"`
			Rank     int `json:"rank"`
			Row      int `json:"row"`
			ID       any `json:"id,omitempty"`
			Distance int `json:"distance"`
		}{Query: number(query), Rank: rank, Row: m.Row, Distance: m.Distance}
		if all.IDs != nil {
			match.ID = number(all.IDs[m.Row])
		}
		return lines.Encode(match)
	}
	record := []string{query, strconv.Itoa(rank), strconv.Itoa(m.Row)}
	if all.IDs != nil {
		record = append(record, all.IDs[m.Row])
	}
	return table.Write(append(record, strconv.Itoa(m.Distance)))
}

// number returns a whole number as one, and any other id as it is.
func number(id string) any {
	if n, err := strconv.Atoi(id); err == nil && strconv.Itoa(n) == id {
		return n
	}
	return id
}
