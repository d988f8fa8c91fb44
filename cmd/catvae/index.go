package main

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/codefile"
	"github.com/catvae/catvae/cmd/internal/progress"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/codes/index"
	"github.com/catvae/catvae/dataset"
)

type indexCommand struct {
	Out        string   `help:"Folder of the index: a new one, or with --append or --delete one that is there." required:"" placeholder:"DIR"`
	Codes      string   `help:"Codes to put into it, with their ids, as catvae search takes them." placeholder:"FILE|DIR"`
	Append     bool     `help:"Append the codes to an index that is there."`
	Delete     repeated `help:"Row to delete, by its id where rows have ids, or its number from 0; may be repeated." placeholder:"ID"`
	Kind       string   `help:"What the bytes of codes are: packed, 8 bits each, or index, the category of a variable each." default:"packed" enum:"packed,index"`
	Bits       int      `help:"Bits of a packed code; 0 means 8 for each byte." default:"0" placeholder:"N" range:"0,1048576"`
	Categories int      `help:"Categories of a variable of index codes." default:"256" placeholder:"N" range:"2,256"`
	Graph      bool     `help:"Build a graph of packed codes, by which searches need not look at all of them."`
	Links      int      `help:"Links of a code in the graph: more find more, and take more memory." default:"16" range:"4,128"`
	Breadth    int      `help:"How many near codes are held while a code is put into the graph: more find more, and take longer." default:"100" range:"1,10000"`
	Text       string   `help:"How codes are written as text: bits, hex, or auto: bits where all digits are 0 and 1." default:"auto" enum:"auto,bits,hex"`
}

// Help is printed under the flags' list.
func (indexCommand) Help() string {
	return `Examples:

  catvae index --codes codes.parquet --out photos.index --graph
  catvae search --index photos.index --row photo/0001.jpg
  catvae index --codes new.parquet --out photos.index --append
  catvae index --delete photo/0001.jpg --out photos.index

An index keeps codes and their ids in a folder. What was appended stays, whatever happens to the program or the machine: each append is synced before it counts. Deleted rows are not found any more; other rows keep their numbers. Without --graph a search compares with every code. With it, it goes from near codes to nearer ones, and finds nearly all of the nearest in a fraction of the time: docs/search.md has figures.

` + cli.ExitStatus
}

func (c indexCommand) Run(ctx context.Context, env cli.Env) (err error) {
	if c.Codes == "" && len(c.Delete.list) == 0 {
		return fmt.Errorf("%w: --codes FILE is appended, --delete ID is deleted: neither is there", cli.ErrUsage)
	}
	var all *codefile.Codes
	if c.Codes != "" {
		if all, err = codefile.Read(ctx, c.Codes, c.Text); err != nil {
			return err
		}
	}
	x, err := c.open(all)
	if err != nil {
		return err
	}
	defer func() {
		if closing := x.Close(); err == nil {
			err = closing
		}
	}()
	if all != nil {
		if err := c.append(ctx, env, x, all); err != nil {
			return err
		}
	}
	if err := c.delete(x); err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "index: %d codes of %d bytes in %s, %d deleted\n", x.Len(), x.Bytes(), c.Out, x.Deleted())
	return nil
}

// open opens the index, or makes one for codes.
func (c indexCommand) open(all *codefile.Codes) (*index.Index, error) {
	if c.Append || all == nil {
		return index.Open(c.Out)
	}
	o := index.Options{Bits: c.Bits, Graph: c.Graph}
	switch {
	case c.Kind == kindIndex:
		o = index.Options{Variables: all.Bytes, Categories: c.Categories, Graph: c.Graph}
	case c.Bits == 0:
		o.Bits = 8 * all.Bytes
	}
	if c.Graph {
		if c.Kind == kindIndex {
			return nil, fmt.Errorf("%w: --graph is of packed codes: leave it out, or --kind index", cli.ErrUsage)
		}
		o.Links, o.Breadth = c.Links, c.Breadth
	}
	return index.Create(c.Out, o)
}

// appended is how many rows are appended at once.
const appended = 1 << 18

// append appends codes.
func (c indexCommand) append(ctx context.Context, env cli.Env, x *index.Index, all *codefile.Codes) error {
	if all.Bytes != x.Bytes() {
		return fmt.Errorf("%s has codes of %d bytes, %s of %d: they come from different models: %w", c.Codes, all.Bytes, c.Out, x.Bytes(), dataset.ErrData)
	}
	bar := progress.New(env.Stderr, all.Len(), "index")
	defer bar.Done("")
	for from := 0; from < all.Len(); from += appended {
		to := min(from+appended, all.Len())
		var ids []string
		if all.IDs != nil {
			ids = all.IDs[from:to]
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := x.Append(all.Packed[from*all.Bytes:to*all.Bytes], ids); err != nil {
			return fmt.Errorf("%s: %w: %w", c.Codes, err, dataset.ErrData)
		}
		bar.Set(to, "")
	}
	return nil
}

// delete deletes rows.
func (c indexCommand) delete(x *index.Index) error {
	var rows []int
	all := codesOf(x, c.Out)
	for _, id := range c.Delete.list {
		found, err := find(all, id)
		if err != nil {
			return fmt.Errorf("%w: --delete %s: %w", cli.ErrUsage, id, err)
		}
		rows = append(rows, found...)
	}
	return x.Delete(rows...)
}

// codesOf returns an index's codes as those of a file.
func codesOf(x *index.Index, dir string) *codefile.Codes {
	return &codefile.Codes{Source: dir, Bytes: x.Bytes(), Packed: x.Codes(), IDs: x.IDs()}
}

// indexSearch is an index that is searched in one way.
type indexSearch struct {
	*index.Index
	how index.Search
}

func (s indexSearch) Search(ctx context.Context, queries []byte, k int) ([][]codes.Match, error) {
	return s.Index.Search(ctx, queries, k, s.how)
}

func (s indexSearch) SearchFloats(ctx context.Context, queries []float32, k int) ([][]codes.Match, error) {
	return s.Index.SearchFloats(ctx, queries, k, s.how)
}
