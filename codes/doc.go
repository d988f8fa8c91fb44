// Package codes works with packed binary codes: what an encoder and its hard threshold leave of a row.
//
// # Mental model
//
// A code is a fixed number of bits in ceil(bits/8) bytes. Bit i of a code is bit 7-i%8 of byte i/8: the most significant bit
// comes first, and the unused bits of the last byte are 0. numpy.packbits writes this layout, and FAISS, pgvector and Milvus
// read it. Many codes are one slice of bytes, code after code, as in an NPY file of uint8 [rows, bytes].
//
//	bits 1 0 1 1 0 0 0 0 1 1   →   1011_0000 1100_0000   →   0xb0 0xc0
//
// Categorical codes are the one-hot bits of each variable; their Hamming distance is twice the number of variables that differ. Index
// codes are the same in another form: a byte for each variable, its category.
//
// [Pack] and [Unpack] convert between values and codes. [AppendBits] and [AppendHex] write a code as text; [ParseBits] and
// [ParseHex] read it. [Distance] is the Hamming distance, and [Stats] say how well each bit is used. An [Index] finds the nearest codes
// exactly: by their distance from a code, or by the score that a query by floats gives them, which finds more. [NewIndex] is for
// packed codes, [NewCategories] for index codes.
//
// # Speed
//
// A search is exact and looks at every code: for 10,000,000 codes of 128 bits one core takes 34 ms for one query, and 8 ms a
// query for 100 at once (AMD EPYC, AVX2; docs/search.md). Processors without AVX2 or NEON take a generic path, about 15 times as slow
// where memory is not the limit. Package codes/index beneath keeps codes in a folder, and finds most of the nearest by looking at few.
//
// # Concurrency
//
// The functions are safe for concurrent use. Any number of goroutines may search an Index while none adds to it. Stats are for
// one goroutine at a time.
//
// The package imports the standard library alone.
package codes

//go:generate go run ../internal/gen/kernels -out zz_kernels_amd64.s -pkg codes
