// Package dataset reads rows of numbers to train on and to encode, makes some to start with, and binarises them.
//
// A *source* is the text that a command takes: a file, a folder, a pattern, "-" for standard input, or "glyphs", which are
// drawn on the fly. [Open] lists them. What a file is, its content tells, but for pictures, which are told by their names:
//
//	IDX       bytes, plain or gzip; a folder with MNIST's four files has labels
//	NPY, NPZ  uint8, float32 or float64 in C order, the first axis counting rows; NPY also in gzip
//	CSV       numbers, plain or gzip; columns called label and id are no values
//	Parquet   one column of lists or binary, or a number a column, where dataset/parquet is imported
//	PNG, JPEG a row each, turned grey and made to fit as [Options] say
//
// A [Reader] streams a source's rows, one by one or many at once; a [Set] holds a split in memory, bytes as bytes. Whatever
// the file holds, a row comes out as float32 within [0,1]: bytes are divided by 255, the numbers of CSV and Parquet by
// Options.Divide, other floats must lie there already. Sizes are checked against the file before anything is allocated.
//
// A bad row (a number out of range, a line too short, a broken picture) is an error that has the method BadRow; the rows behind
// it can still be read. Any other error ends the source. Both wrap [ErrData] where the content is to blame.
//
// Rows keep their order, and are neither shuffled nor centred here. For reading a file of many gigabytes use [Open], not
// [Load].
package dataset
