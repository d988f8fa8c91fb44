package importer

import (
	"maps"
	"slices"
)

// Lowerings gives tests the operators of the table.
func Lowerings() []string { return slices.Sorted(maps.Keys(lowerings)) }

// OurLogits and OurOutputs are the names that need not be told.
const (
	OurLogits  = ourLogits
	OurOutputs = ourOutputs
)
