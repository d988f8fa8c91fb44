package train

import "cmp"

// By what the epoch is chosen whose weights are exported, as the key best names it.
const (
	BestBound = "bound" // the largest ELBO on the held-out rows
	BestLast  = "last"  // the newest
)

// Bests returns the names of what may choose the best epoch.
func Bests() []string { return []string{BestBound, BestLast} }

// chooses returns by what the best epoch is chosen. Where the reconstruction does not shape the codes, the bound says nothing of them.
func (c Config) chooses() string {
	if c.Objective.Detached {
		return cmp.Or(c.Best, BestLast)
	}
	return cmp.Or(c.Best, BestBound)
}

// better reports whether an epoch's weights are to be exported rather than those of another, which may be nil.
func (c Config) better(a, than *Best) bool {
	if than == nil {
		return true
	}
	if c.chooses() == BestLast {
		return a.Step > than.Step
	}
	return a.Evaluation.ELBO > than.Evaluation.ELBO
}
