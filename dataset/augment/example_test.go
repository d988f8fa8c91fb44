package augment_test

import (
	"encoding/json"
	"fmt"

	"github.com/catvae/catvae/dataset/augment"
)

// A picture is mirrored in every step, and some of its pixels dropped by chance.
func Example() {
	var list augment.List
	if err := json.Unmarshal([]byte(`[{"flip": 1}, {"mask": {"part": 0.3}}]`), &list); err != nil {
		fmt.Println(err)
		return
	}
	p, err := augment.New(list, augment.Rows{Shape: []int{1, 8}}, 1, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	for step := range uint32(3) {
		row := []float32{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8}
		if err := p.Apply(row, step, 0); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(row)
	}
	// Output:
	// [0.8 0.7 0.6 0.5 0 0 0.2 0]
	// [0.8 0 0.6 0.5 0.4 0.3 0.2 0.1]
	// [0.8 0.7 0.6 0.5 0 0 0.2 0.1]
}

// An augmentation that does not fit rows says what does.
func ExampleList_Fits() {
	list := augment.List{{Kind: augment.Affine{Rotate: 20}}}
	fmt.Println(list.Fits(augment.Rows{Shape: []int{784}}))
	// Output: [0].affine: it is for pictures, and the rows have the shape [784]: give rows of [height, width] or [channels, height, width], or take it out of the list; mask and noise are for any rows
}
