package main

import (
	"context"
	"fmt"
	"os"

	"github.com/catvae/catvae/dataset"
)

// rows loads the data, as it is or binarised once, as bytes of 0 and 1.
func rows(ctx context.Context, source string, binarize bool) (*dataset.Set, error) {
	set, err := dataset.Load(ctx, source, dataset.Options{Split: dataset.Train})
	if err != nil {
		return nil, err
	}
	if set.RowSize() != 784 || set.Bytes(0) == nil {
		return nil, fmt.Errorf("%s: rows of 784 bytes are timed", source)
	}
	for i := range set.Len() {
		if row := set.Bytes(i); binarize {
			for j, b := range row {
				row[j] = b >> 7
			}
		}
	}
	return set, nil
}

// colour makes a row of 3x32x32 of the pictures of three rows, in their middle: one a plane.
func colour(to []byte, set *dataset.Set, row int) {
	clear(to)
	for plane := range 3 {
		from := set.Bytes((row + plane) % set.Len())
		for y := range 28 {
			copy(to[plane*1024+(y+2)*32+2:][:28], from[y*28:][:28])
		}
	}
}

// writeRows writes the bytes of all rows, one after the other, for PyTorch.
func writeRows(path string, set *dataset.Set) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for i := range set.Len() {
		if _, err := f.Write(set.Bytes(i)); err != nil {
			return err
		}
	}
	return f.Close()
}
