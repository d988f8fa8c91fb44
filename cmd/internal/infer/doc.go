// Package infer turns the rows of a source into files: what `infer`, `catvae encode` and cmd/infer-beam do.
//
// # Mental model
//
// A [Job] says what is wanted. A [Plan] is a job after its headers were read: it cuts the rows into blocks of a fixed
// number of rows, whatever runs them. A [Worker] has the model loaded and makes one part of the output from each block:
//
//	rows 0 … n-1          block 0            part-00000-of-00003.npy   part-00000-of-00003.npy.done
//	rows n … 2n-1   ───>  block 1   ───>     part-00001-of-00003.npy   part-00001-of-00003.npy.done
//	the rest              block 2            part-00002-of-00003.npy   …
//
// A part appears whole, and its record after it. The record holds what the part was made from (the bundle's hash, that of the
// bytes its rows were read from, the backend, the parameters) and its SHA-256. So a killed run continues where it was, several machines
// can share the blocks, and each would make the same bytes. A single output file is put together from raw parts in a
// folder next to it, which is removed when the file is complete; a single part is the file itself.
//
// A bad row becomes zeros, so that row i of the output stays row i of the input, and a line of JSON with id and reason
// in a file next to its part.
//
// # Tables
//
// What rows can become is a row of the table in products.go. A file format is a row of the table in format.go and a
// file format_NAME.go. Flags, help, errors and docs/formats.md come from the two tables ([Words], [WriteFormats]).
package infer

//go:generate go run ../gen/formats ../../../docs/formats.md
