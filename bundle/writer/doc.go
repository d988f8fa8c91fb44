// Package writer writes bundles: it exports the three graphs, runs them beside the gorgonia graphs that they were made
// from, and leaves a folder that is whole, verified, and equal byte for byte for equal weights.
//
// Variants of the encoder are made by package variant from the graphs that were verified.
package writer
