// Package rivals compares a model's codes with those of methods that need no training, on the same rows and by the same protocol of
// package retrieval.
//
// Three nouns: a rival is a row of a table in this package, such as itq or phash; [Options] say which of them, and how retrieval is
// measured; a [Comparison] has a [Row] of figures for the model, for each rival, and for the rows themselves.
//
//	c, err := rivals.Compare(ctx, model, 64, []*dataset.Set{set}, training, rivals.Options{Queries: 1000, Rivals: rivals.Names(), Metric: retrieval.Cosine, Seed: 1})
//	fmt.Print(c)
//
// [Changes] takes changed rows, such as pictures that were cropped, with the rows that they were made of, and [FindOriginals] measures how the codes of all
// find these.
//
// Hyperplanes, pca and itq are the networks of those kinds in package builder: what `catvae train --config itq` exports. phash and dhash are
// those of github.com/corona10/goimagehash, and take pictures only.
package rivals
