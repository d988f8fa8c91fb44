package dist

import "cmp"

// byteLevels is how many values a byte has.
const byteLevels = 256

// levels are whole numbers 0, …, n-1 that enter as their quotients by n-1, within [0,1].
type levels int

func levelsOf(c LikelihoodConfig) levels { return levels(cmp.Or(c.Levels, byteLevels)) }

// Values is the rule of whole numbers that are divided by the largest of them.
func (n levels) Values() Values { return Unit().Alike(float64(n-1), true) }

// level returns the whole number of a value.
func (n levels) level(x float32) int {
	return min(max(int(float64(x)*float64(n-1)+0.5), 0), int(n)-1)
}

func (levels) Standardises() bool             { return false }
func (levels) Dimensions(x []float32) float64 { return float64(len(x)) }
func (levels) Dimension() string              { return "dimension" }
