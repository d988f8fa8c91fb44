package train

import (
	"fmt"
	"math"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/train/engine"
)

// rivals are keys that say the same thing in two ways. A configuration that is laid over another, and sets one of them, does
// away with what the other one said there. Epochs do not take back what steps says in the same file.
func (c *Config) replaceRivals(isSet func(key string) bool) {
	const steps, epochs, warmup, part = "steps", "epochs", "objective.kl_warmup", "objective.kl_warmup_part"
	if isSet(epochs) && !isSet(steps) {
		c.Steps = 0
	}
	if isSet(warmup) && !isSet(part) {
		c.Objective.KLWarmupPart = 0
	}
	if isSet(part) && !isSet(warmup) {
		c.Objective.KLWarmup = 0
	}
	c.replacePrior(isSet)
}

// perEpoch returns the number of steps in an epoch of a set. Rows that are left over take part in other epochs.
func (c Config) perEpoch(training *dataset.Set) int { return training.Len() / c.Batch }

// steps returns the steps of the whole run.
func (c Config) steps(perEpoch int) int {
	if c.Steps > 0 {
		return c.Steps
	}
	return c.Epochs * perEpoch
}

// resolve makes steps of what the configuration gives as a part of the run: the warm-up of the divergence, and the end of a cosine. A run
// that continues an old one keeps the schedules that it began with, however long it is now.
func (r *run) resolve(old *Config) error {
	keep := func(steps *int, was func(c *Config) int, what string) {
		if old == nil || was(old) == *steps {
			return
		}
		*steps = was(old)
		r.options.Log(fmt.Sprintf("%s keeps the %d steps that the run began with", what, *steps))
	}
	if o := &r.config.Objective; o.KLWarmupPart != 0 {
		o.KLWarmup, o.KLWarmupPart = int(math.Round(o.KLWarmupPart*float64(r.steps()))), 0
		keep(&o.KLWarmup, func(c *Config) int { return c.Objective.KLWarmup }, "the warm-up of the divergence")
	}
	if n := &r.config.Objective.Neighbours; n.Count > 0 && n.From == 0 {
		n.From = r.epochs()/2 + 1
		if old != nil && old.Objective.Neighbours.From > 0 && old.Objective.Neighbours.From != n.From {
			n.From = old.Objective.Neighbours.From
			r.options.Log(fmt.Sprintf("neighbours are views from epoch %d on, as the run began", n.From))
		}
	}
	if t := &r.config.Temperature; t.Schedule == LinearTemperature && t.Steps == 0 {
		t.Steps = r.steps()
		keep(&t.Steps, func(c *Config) int { return c.Temperature.Steps }, "the temperature")
	}
	o := &r.config.Optimizer
	if o.Schedule == engine.CosineRate && o.ScheduleSteps == 0 {
		o.ScheduleSteps = r.steps()
		keep(&o.ScheduleSteps, func(c *Config) int { return c.Optimizer.ScheduleSteps }, "the learning rate's cosine")
	}
	if o.Schedule == engine.CosineRate && r.steps() > o.ScheduleSteps {
		return fmt.Errorf("train: %d steps: the learning rate is 0 from step %d on, so that a longer run changes nothing: begin one with a longer optimizer.schedule_steps, or with the learning rate constant: %w", r.steps(), o.ScheduleSteps+1, ErrConfig)
	}
	if err := o.Validate(); err != nil { // a warm-up may be longer than the run
		return fmt.Errorf("%w: %w", err, ErrConfig)
	}
	r.trained.Config = r.config
	return nil
}

// warmup warns of weights that were made before the divergence had its whole weight: "" where it had.
func (o ObjectiveConfig) warmup(step int) string {
	if step >= o.KLWarmup {
		return ""
	}
	return fmt.Sprintf("the warm-up was not finished: the weights are of step %d, and the divergence has its whole weight from step %d: train for longer, or set objective.kl_warmup_part to a part of the run such as 0.25", step, o.KLWarmup)
}

// warningsOf says what a user of the weights must know: that they were made within the warm-up, or that the held-out rows show a
// collapse. best is nil where no epoch was measured.
func (t Trained) warningsOf(step int, best *Best) (lines []string) {
	if best != nil {
		step = best.Step
		lines = best.Evaluation.Warnings(t.Model.Latent.Dist())
	}
	if line := t.Config.Objective.warmup(step); line != "" {
		lines = append(lines, line)
	}
	return lines
}

// stalled reports whether the bound on the held-out rows has not improved for as many epochs as the configuration is patient.
func (r *run) stalled() bool {
	return r.config.Patience > 0 && r.best != nil && r.validated-r.best.Epoch >= r.config.Patience
}

// steps, perEpoch and epochs of the run: the last epoch may be partial.
func (r *run) steps() int    { return r.config.steps(r.perEpoch()) }
func (r *run) perEpoch() int { return r.config.perEpoch(r.training) }
func (r *run) epochs() int   { return (r.steps() + r.perEpoch() - 1) / r.perEpoch() }

// epochOf returns the epoch that a step, from 1, belongs to.
func (r *run) epochOf(step int) int { return (step-1)/r.perEpoch() + 1 }
