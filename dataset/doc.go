// Package dataset reads rows of numbers to train on and to encode, makes some to start with, and binarises them.
//
// A *source* is the text that a command takes: a file (IDX or NPY, told by its content), a folder with MNIST's four
// files, or "glyphs", which are drawn on the fly. A [Reader] streams a source's rows; a [Set] holds a split in memory,
// bytes as bytes. Whatever the file holds, a row comes out as float32 within [0,1]: bytes are divided by 255, floats
// must lie there already. Sizes are checked against the file before anything is allocated.
//
// Images are kept as they are: nothing is resized, shuffled or centred here. For reading a file of many gigabytes use
// [Open], not [Load].
package dataset
