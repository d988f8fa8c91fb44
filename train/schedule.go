package train

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/catvae/catvae/builder"
)

// The schedules of the temperature.
const (
	ExponentialTemperature = "exponential"
	LinearTemperature      = "linear"
	ConstantTemperature    = "constant"
)

// temperatures are the schedules of the temperature by their names: one row each.
var temperatures = map[string]func(t Temperature, step int) float64{
	ExponentialTemperature: func(t Temperature, step int) float64 {
		return max(t.Floor, t.Start*math.Exp(-t.Rate*float64(step)))
	},
	LinearTemperature: func(t Temperature, step int) float64 {
		return t.Start + (t.Floor-t.Start)*min(1, float64(step)/float64(max(t.Steps, 1)))
	},
	ConstantTemperature: func(t Temperature, _ int) float64 { return t.Start },
}

// TemperatureSchedules returns the names of the schedules, sorted.
func TemperatureSchedules() []string { return slices.Sorted(maps.Keys(temperatures)) }

// At returns tau at a global step, from 0.
func (t Temperature) At(step int) float64 {
	return temperatures[cmp.Or(t.Schedule, ExponentialTemperature)](t, step)
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
