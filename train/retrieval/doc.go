// Package retrieval measures what codes find: rows of the query's label, and the nearest rows of floats.
//
// Three nouns: a [Space] ranks rows by their distance from a query, [Codes] by the Hamming distance and [Floats] by the angle or the
// Euclidean distance; a [Protocol] says which rows search, and among which; [Figures] are the means over the queries.
//
//	space, err := retrieval.NewCodes(packed, 64)
//	f, err := retrieval.Measure(ctx, space, labels, nil, retrieval.Protocol{Queries: retrieval.First(2000), At: 100, Votes: 10, Seed: 1})
//	fmt.Println(f.Precision, f.MeanAP)
//
// [Originals] measures how changed rows, such as pictures that were cropped, find the rows that they were made of.
//
// Figures of two protocols never compare. docs/retrieval.md has all of them in words, with formulas and sources.
//
// Everything is exact: each query is compared with every row. 2,000 queries among 10,000 rows of 64 bits take a fraction of a second.
// A measurement runs on all cores, and equal seeds give equal figures, on any number of them.
package retrieval
