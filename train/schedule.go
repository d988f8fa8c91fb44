package train

import (
	"math"

	"github.com/catvae/catvae/builder"
)

// At returns tau at a global step: max(floor, start·exp(-rate·step)).
func (t Temperature) At(step int) float64 {
	return max(t.Floor, t.Start*math.Exp(-t.Rate*float64(step)))
}

// At returns the weight of the divergence at a global step: kl_weight · min(1, step/kl_warmup).
func (o ObjectiveConfig) At(step int) float64 {
	if step >= o.KLWarmup {
		return o.KLWeight
	}
	return o.KLWeight * float64(step) / float64(o.KLWarmup)
}

// schedules are the numbers that follow the step, by the names of the inputs that estimators ask for.
var schedules = map[string]func(c Config, step int) float64{
	builder.TemperatureInput: func(c Config, step int) float64 { return c.Temperature.At(step) },
	builder.KLWeightInput:    func(c Config, step int) float64 { return c.Objective.At(step) },
}
