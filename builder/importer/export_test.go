package importer

import (
	"maps"
	"slices"
)

// Lowerings gives tests the operators of the table.
func Lowerings() []string { return slices.Sorted(maps.Keys(lowerings)) }
