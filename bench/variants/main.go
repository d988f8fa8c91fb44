// Variants compares the variants of a bundle on labelled rows: how many bits agree with float32, and what that does to retrieval.
// bench/variants/run.sh trains a model, exports it with every variant and calls it.
//
//	bench/variants/run.sh mnist/
//	go run ./bench/variants --data mnist/ --model bundle/
//
// Precision at 100 is the share of a query's 100 nearest codes that have its label. The codes are those of the test rows, nearness is
// Hamming distance, and the query itself does not count. The first 2,000 rows are queries.
package main

import (
	"context"
	"fmt"
	"math/bits"
	"os"

	"github.com/alecthomas/kong"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime"
)

type command struct {
	Data    string `help:"Source with labels and a test split." required:""`
	Model   string `help:"Bundle with variants." required:""`
	Queries int    `help:"How many rows are queries." default:"2000"`
}

func main() {
	var c command
	kong.Parse(&c)
	if err := c.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "variants:", err)
		os.Exit(1)
	}
}

func (c command) run(ctx context.Context) error {
	set, err := dataset.Load(ctx, c.Data, dataset.Options{Split: dataset.Test, Labels: true})
	if err != nil {
		return err
	}
	b, err := bundle.Open(c.Model)
	if err != nil {
		return err
	}
	fmt.Printf("| variant | bits equal to float32 | precision at 100 |\n| --- | --- | --- |\n")
	var float32s []byte
	for _, name := range runtime.VariantNames(b.Manifest) {
		packed, err := encode(ctx, c.Model, name, set)
		if err != nil {
			return err
		}
		if float32s == nil {
			float32s = packed
		}
		precision, err := c.precision(ctx, set, packed, b.Manifest.Latent)
		if err != nil {
			return err
		}
		differ := 0
		for i, x := range packed {
			differ += bits.OnesCount8(x ^ float32s[i])
		}
		all := set.Len() * b.Manifest.Latent.Bits()
		fmt.Printf("| %s | %.3f %% | %.4f |\n", name, 100*float64(all-differ)/float64(all), precision)
	}
	return nil
}

func encode(ctx context.Context, dir, variant string, set *dataset.Set) ([]byte, error) {
	model, err := runtime.Open(ctx, dir, runtime.WithVariant(variant))
	if err != nil {
		return nil, err
	}
	defer model.Close()
	var packed, rows []byte
	for i := range set.Len() {
		row := set.Bytes(i)
		if row == nil {
			return nil, fmt.Errorf("%s holds no bytes", set.Source)
		}
		if rows = append(rows, row...); (i+1)%runtime.DefaultBatch != 0 && i+1 < set.Len() {
			continue
		}
		if packed, err = model.EncodeBytes(ctx, packed, rows); err != nil {
			return nil, err
		}
		rows = rows[:0]
	}
	return packed, nil
}

func (c command) precision(ctx context.Context, set *dataset.Set, packed []byte, l bundle.Latent) (float64, error) {
	index, err := codes.NewIndex(l.Bits())
	if err != nil {
		return 0, err
	}
	if err := index.Add(packed); err != nil {
		return 0, err
	}
	n := min(c.Queries, set.Len())
	found, err := index.Search(ctx, packed[:n*l.PackedBytes()], 101)
	if err != nil {
		return 0, err
	}
	same, seen := 0, 0
	for query, matches := range found {
		taken := 0
		for _, m := range matches {
			if m.Row == query || taken == 100 {
				continue
			}
			taken++
			seen++
			if set.Label(m.Row) == set.Label(query) {
				same++
			}
		}
	}
	return float64(same) / float64(seen), nil
}
