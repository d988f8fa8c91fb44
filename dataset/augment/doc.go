// Package augment changes rows by chance before a model sees them: pictures are moved, cut and damaged, the columns of other rows dropped and
// disturbed. What is drawn depends on the seed, the step, the row and the place in the list alone ([internal/noise]): any engine can repeat any
// step, and rows may be made in any order by several goroutines.
//
// A [List] is what a configuration says, data.augment: objects with one key, the name of a [Kind], each a file of this package.
//
//	[{"affine": {"rotate": 20, "scale": 0.2}}, {"elastic": 0.5}, {"mask": {"part": 0.3, "chance": 0.5}}]
//
// A [Pipeline] is a list for rows of one shape. Rows are float32, a picture's planes one after the other: [height, width] or [channels,
// height, width]. [Pipeline.Apply] changes a row in place:
//
//	p, err := augment.New(list, augment.Rows{Shape: []int{28, 28}, Values: set.Values()}, seed, 0)
//	...
//	set.Row(i, row)
//	err = p.Apply(row, step, uint32(i))
//
// Moves of pictures that follow each other are made as one: places are moved, and the picture is looked up once, bilinearly. A list whose
// strengths are all zero changes no bit. Values stay in the range that the rows' rule allows, and whole where it wants whole numbers.
package augment
