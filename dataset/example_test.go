package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
)

func ExampleOpen() {
	r, err := dataset.Open(context.Background(), "glyphs", dataset.Options{Split: dataset.Test, Rows: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	row := make([]float32, r.Info().RowSize())
	for {
		label, err := r.Next(row)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("a", label, "of", r.Info().Shape, "pixels")
	}
	// Output:
	// a 1 of [28 28] pixels
	// a 9 of [28 28] pixels
}

// Pixels in a CSV file are divided by 255, as bytes are.
func ExampleLoad() {
	values := dist.Unit()
	values.Numbers = 255
	set, err := dataset.Load(context.Background(), dataset.Stdin, dataset.Options{Labels: true,
		Stdin:  strings.NewReader("label,a,b\n7,0,255\n3,51,102\n"),
		Values: values,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	row := make([]float32, set.RowSize())
	for i := range set.Len() {
		set.Row(i, row)
		fmt.Println(set.Label(i), row)
	}
	// Output:
	// 7 [0 1]
	// 3 [0.2 0.4]
}

// A value of 0.5 comes out 1 in about half of the epochs; 0 never does, 1 always.
func ExampleBinarizer() {
	b := dataset.Binarizer{Rule: dataset.Dynamic, Seed: 1}
	ones := make([]int, 3)
	for epoch := range uint32(1000) {
		row := []float32{0, 0.5, 1}
		b.Apply(row, epoch, 0)
		for i, x := range row {
			ones[i] += int(x)
		}
	}
	fmt.Println(ones[0], ones[1] > 450 && ones[1] < 550, ones[2])
	// Output: 0 true 1000
}
