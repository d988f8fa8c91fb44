// Package index keeps codes in a folder, and finds the nearest ones exactly or by a graph.
//
// # Mental model
//
// An [Index] is a folder: codes, one after the other; a log, which says which of them count, what their ids are and which were
// deleted; and, where it was asked for, a graph. Codes are appended and deleted, never changed. What Append has returned from
// survives the end of the process, and of the machine: codes are written and synced first, then their record in the log. What
// an append that did not end has left behind is cut off when the index is opened again.
//
// A search compares with every code ([codes.Index]), or goes through the graph: a hierarchical navigable small world (HNSW;
// Malkov and Yashunin, 1603.09320) over Hamming distances. The graph finds most of the nearest codes, and looks at few. [Search]
// says how much it looks at.
//
//	x, err := index.Create("codes.index", index.Options{Bits: 256, Graph: true})
//	…
//	first, err := x.Append(packed, nil)
//	found, err := x.Search(ctx, queries, 10, index.Search{})
//
// # Limits
//
// One process writes at a time; any number may read, which see what was there when they opened. The graph is written by Save
// and Close: rows that were appended after it are put into it when the index is opened, which takes as long as appending them
// did. Deleted rows keep their numbers and their place; an index with many of them is made anew.
//
// docs/search.md has figures.
package index
