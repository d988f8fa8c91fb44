package onnxop

import (
	"maps"
	"slices"
)

// Operators gives tests the names of the table.
func Operators() []string { return slices.Sorted(maps.Keys(table)) }
