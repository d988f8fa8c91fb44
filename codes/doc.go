// Package codes works with packed binary codes: what an encoder and its hard threshold leave of a row.
//
// # Mental model
//
// A code is a fixed number of bits in ceil(bits/8) bytes. Bit i of a code is bit 7-i%8 of byte i/8: the most significant
// comes first, and what is left of the last byte is 0. So numpy.packbits writes them, and FAISS, pgvector and Milvus read
// them. Many codes are one slice of bytes, code after code, as they stand in an NPY file of uint8 [rows, bytes].
//
//	bits 1 0 1 1 0 0 0 0 1 1   →   1011_0000 1100_0000   →   0xb0 0xc0
//
// [Pack] and [Unpack] go there and back, [AppendBits] and [AppendHex] write a code as text and [ParseBits] and [ParseHex] read
// it, [Distance] is Hamming's, an [Index] finds the nearest codes exactly, and [Stats]
// says how well each bit is used. Categorical codes are the one-hot bits of each variable; their Hamming distance is twice
// the number of variables that differ.
//
// The package imports the standard library alone. Searching is exact and looks at every code: 10,000,000 codes of 128 bits
// take one core 34 ms for one query and 8 ms a query for 100 at once (AMD EPYC, AVX2; docs/search.md). Other processors take
// a generic way, some 15 times as long where memory is not what is waited for. Approximate indexes are others' work:
// examples/faiss gives FAISS the NPY files that infer writes.
package codes
