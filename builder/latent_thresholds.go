package builder

import (
	"fmt"
	"slices"
	"strings"
)

// Where the bits of hard codes are decided, as `latent.thresholds` has it.
const (
	ThresholdsZero   = "zero"   // at 0: the likelier value
	ThresholdsMedian = "median" // at the median of the bit's logits over the rows trained on
	ThresholdsBest   = "best"   // at whichever of both finds more
)

// LatentThresholds returns the names of all ways to choose thresholds.
func LatentThresholds() []string {
	return []string{ThresholdsZero, ThresholdsMedian, ThresholdsBest}
}

// Calibrated reports whether the thresholds are taken from rows, after training.
func (l Latent) Calibrated() bool { return l.Thresholds != "" && l.Thresholds != ThresholdsZero }

// checkThresholds reports thresholds that the latent variables do not have.
func (l Latent) checkThresholds() error {
	switch {
	case !slices.Contains(LatentThresholds(), l.Thresholds) && l.Thresholds != "":
		return fmt.Errorf("latent.thresholds is %q: use %s", l.Thresholds, strings.Join(LatentThresholds(), ", "))
	case l.Calibrated() && len(l.Dist().Decided()) == 0:
		return fmt.Errorf("latent.thresholds is %q, and latent.kind %q: only the bits of Bernoulli variables are decided by a threshold: leave latent.thresholds out", l.Thresholds, l.Kind)
	}
	return nil
}
