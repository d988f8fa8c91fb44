// Package infer turns the rows of a source into files: what `infer`, `catvae encode` and cmd/infer-beam do.
//
// # Mental model
//
// A [Job] says what is wanted. A [Plan] is a job whose headers were read: it cuts the rows into blocks of a fixed number of rows,
// whatever runs them. A [Worker] has the model loaded and makes one part of the output from each block:
//
//	rows 0 … n-1          block 0            part-00000-of-00003.npy   part-00000-of-00003.npy.done
//	rows n … 2n-1   ───>  block 1   ───>     part-00001-of-00003.npy   part-00001-of-00003.npy.done
//	the rest              block 2            part-00002-of-00003.npy   …
//
// A part appears whole, and its record after it. The record holds what the part was made of (the bundle's hash, the source's
// size, the parameters), its rows and its SHA-256. So a run that was killed goes on where it was, several machines share
// the blocks, and whoever makes a part makes the same bytes. An output that is one file is put together from raw parts in a
// folder next to it, which is removed when the file is complete; where there would be one part, it is the file.
//
// A bad row is zeros in its place, so that row i of the output is row i of the input, and a line of JSON with id and reason
// in a file next to its part.
//
// # Tables
//
// What can be made of rows is a row of the table in products.go; what files are written in is a row of the table in format.go and
// a file format_NAME.go. Flags, help, errors and docs/formats.md come from the two ([Words], [WriteFormats]).
package infer

//go:generate go run ../gen/formats ../../../docs/formats.md
