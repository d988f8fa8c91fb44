// Package writer writes bundles: it exports the three graphs, compares them with the gorgonia graphs that they were
// made from, and leaves a complete, verified folder. Equal weights give equal bytes.
//
// Package variant makes variants of the encoder from the verified graphs.
package writer
