package engine

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
)

// ErrOptimizer is wrapped by every error about an optimiser's configuration.
var ErrOptimizer = errors.New("bad optimizer")

// Optimizer says how parameters move. It is saved with a run.
type Optimizer struct {
	Name         string  `json:"name" doc:"update rule" when:"rarely: adamw for weight_decay, sgd to compare with others" oneof:"optimizers"`
	LearningRate float64 `json:"learning_rate" doc:"step size" when:"lower where the loss jumps or becomes NaN, or when a trained model is trained further; higher, up to 0.003, where it falls slowly and smoothly" range:"(0,1000]"`
	Clip         float64 `json:"clip" doc:"largest norm of all gradients together; 0 means no limit" when:"100 where single batches throw the loss up" range:"[0,1e30]"`
	Momentum     float64 `json:"momentum,omitempty" doc:"for sgd only: how much of the last step is kept" when:"with sgd; 0.9 is usual" range:"[0,1)"`
	Rho          float64 `json:"rho,omitempty" doc:"for rmsprop only: how much of the mean of squared gradients is kept; 0 means 0.999, as in gorgonia" when:"with rmsprop and the like; nearer to 1 for a steadier step" range:"[0,1)"`
	WeightDecay  float64 `json:"weight_decay,omitempty" doc:"for adamw only: how much of a weight each step removes, times the learning rate; 0.01 is usual" when:"with adamw, where the bound on held-out rows rises while the loss falls" range:"[0,1e6]"`

	Schedule      string  `json:"schedule,omitempty" doc:"how the learning rate goes on: cosine lets it fall to 0 along half a wave; left out or constant: it stays" when:"cosine for the best figure at the end of a run whose length is known" oneof:"rates"`
	ScheduleSteps int     `json:"schedule_steps,omitempty" doc:"for cosine only: the step at which the rate is 0; left out or 0: the end of the run, and the run's config.json says which step that is" when:"longer than the first run, where it will be resumed for longer" range:"[0,1e12]"`
	Average       float64 `json:"average,omitempty" doc:"how much of the moving average of the weights a step keeps; bundles and bounds are those of the averages. Left out or 0: none" when:"0.999 with a constant learning rate, where the bound jumps from epoch to epoch; with a cosine there is little to gain" range:"[0,1)"`
	Warmup        int     `json:"warmup,omitempty" doc:"steps over which the learning rate rises to what it is" when:"some hundred steps where a high learning rate throws the loss up at the beginning" range:"[0,1e12]"`
}

// The schedules of the learning rate.
const (
	ConstantRate = "constant"
	CosineRate   = "cosine"
)

// RateSchedules returns the names of the learning rate's schedules.
func RateSchedules() []string { return []string{ConstantRate, CosineRate} }

// RateAt returns the learning rate of step t, from 1: learning_rate · min(1, t/warmup), and with a cosine over T steps, where s of them are the
// warm-up, from step s+1 on
//
//	learning_rate · ½ (1 + cos(π (t-1-s)/(T-s))),   0 from step T+1 on
//
// Loshchilov and Hutter 1608.03983, equation (5), without restarts.
func (o Optimizer) RateAt(t int) float64 {
	if t <= o.Warmup {
		return o.LearningRate * float64(t) / float64(o.Warmup)
	}
	if o.Schedule != CosineRate {
		return o.LearningRate
	}
	part := float64(t-1-o.Warmup) / float64(o.ScheduleSteps-o.Warmup)
	return o.LearningRate * (1 + math.Cos(math.Pi*min(1, part))) / 2
}

// Optimizers returns the names of all update rules, sorted.
func Optimizers() []string { return slices.Sorted(maps.Keys(rules)) }

// Validate reports the first thing wrong with the configuration.
func (o Optimizer) Validate() error {
	positive := func(x float64) bool { return x >= 0 && !math.IsInf(x, 0) }
	switch {
	case rules[o.Name].of == nil:
		return fmt.Errorf("engine: optimizer.name is %q: use %s: %w", o.Name, strings.Join(Optimizers(), ", "), ErrOptimizer)
	case !positive(o.LearningRate) || o.LearningRate == 0 || o.LearningRate > 1e3:
		return fmt.Errorf("engine: optimizer.learning_rate is %g: use a number above 0, up to 1000: %w", o.LearningRate, ErrOptimizer)
	case !positive(o.Clip):
		return fmt.Errorf("engine: optimizer.clip is %g: use 0 for no limit, or a positive number: %w", o.Clip, ErrOptimizer)
	case !(o.Momentum >= 0 && o.Momentum < 1) || o.Momentum != 0 && !rules[o.Name].momentum:
		return fmt.Errorf("engine: optimizer.momentum is %g: use a number from 0, below 1, and with sgd only: %w", o.Momentum, ErrOptimizer)
	case !(o.Rho >= 0 && o.Rho < 1) || o.Rho != 0 && !rules[o.Name].rho:
		return fmt.Errorf("engine: optimizer.rho is %g: use a number from 0, below 1, and with rmsprop only: %w", o.Rho, ErrOptimizer)
	case !positive(o.WeightDecay) || o.WeightDecay*o.LearningRate >= 1 || o.WeightDecay != 0 && !rules[o.Name].decay:
		return fmt.Errorf("engine: optimizer.weight_decay is %g: use a number from 0, below 1/learning_rate, and with adamw only: %w", o.WeightDecay, ErrOptimizer)
	case o.Schedule != "" && !slices.Contains(RateSchedules(), o.Schedule):
		return fmt.Errorf("engine: optimizer.schedule is %q: use %s: %w", o.Schedule, strings.Join(RateSchedules(), " or "), ErrOptimizer)
	case !(o.Average >= 0 && o.Average < 1):
		return fmt.Errorf("engine: optimizer.average is %g: use a number from 0, below 1: %w", o.Average, ErrOptimizer)
	case o.Warmup < 0 || o.ScheduleSteps < 0:
		return fmt.Errorf("engine: optimizer.warmup is %d and optimizer.schedule_steps %d: use 0 or more: %w", o.Warmup, o.ScheduleSteps, ErrOptimizer)
	case o.ScheduleSteps > 0 && o.Schedule != CosineRate:
		return fmt.Errorf("engine: optimizer.schedule_steps is %d, and the learning rate is constant: set optimizer.schedule to %s, or leave it out: %w", o.ScheduleSteps, CosineRate, ErrOptimizer)
	case o.ScheduleSteps > 0 && o.ScheduleSteps <= o.Warmup:
		return fmt.Errorf("engine: optimizer.warmup is %d steps, and the learning rate is 0 after optimizer.schedule_steps, %d: use a shorter warm-up, or a longer schedule: %w", o.Warmup, o.ScheduleSteps, ErrOptimizer)
	}
	return nil
}

// A rule is an optimiser's update as nodes, so that every engine runs the same.
type rule struct {
	moments []string                                                               // one tensor of each per parameter
	scalars func(t int) []scalar                                                   // what step t (from 1) needs; the names are the same for every t
	update  func(b *builder.Graph, in updateInputs) (w *G.Node, moments []*G.Node) // the new ones
}

// scalar is a number that changes from step to step and is computed in float64 outside the graph.
type scalar struct {
	name  string
	value float64
}

type updateInputs struct {
	w, g    *G.Node
	moments []*G.Node // in the order of rule.moments
	scalars []*G.Node // in the order of rule.scalars
}

// rules holds the optimisers by their names: one row each, the update and the settings that it takes.
var rules = map[string]struct {
	of                   func(o Optimizer) rule
	momentum, decay, rho bool
}{
	"adagrad": {of: adagrad},
	"adam":    {of: adam},
	"adamw":   {of: adam, decay: true},
	"rmsprop": {of: rmsprop, rho: true},
	"sgd":     {of: sgd, momentum: true},
}

// rule returns the update of the configuration.
func (o Optimizer) rule() rule {
	r := rules[o.Name].of(o)
	if o.Average > 0 {
		return averaged(r, o.Average)
	}
	return r
}

// The constants of Adam (Kingma and Ba 1412.6980, section 2).
const (
	beta1   = 0.9
	beta2   = 0.999
	epsilon = 1e-8
)

// adam is Adam's update for a gradient g at step t (from 1), with moments that leave the factors 1-β to the end:
//
//	m' = β1 m + g        v' = β2 v + g²
//	w' = w - rate · m' / (√v' + eps)
//	rate = lr (1-β1)/√(1-β2) · √(1-β2ᵗ) / (1-β1ᵗ),   eps = ε √(1-β2ᵗ) / √(1-β2)
//
// which is the paper's rule, m being its m/(1-β1) and v its v/(1-β2): ten passes over memory instead of fourteen. rate
// and eps are computed in float64 for each step. AdamW (Loshchilov and Hutter 1711.05101, algorithm 2) first shrinks the
// weights: w becomes w (1 - lr λ).
func adam(o Optimizer) rule {
	return rule{
		moments: []string{"m", "v"},
		scalars: func(t int) []scalar {
			correction := math.Sqrt(1-math.Pow(beta2, float64(t))) / math.Sqrt(1-beta2)
			s := []scalar{
				{"rate", o.RateAt(t) * (1 - beta1) * correction / (1 - math.Pow(beta1, float64(t)))},
				{"eps", epsilon * correction},
			}
			if o.WeightDecay > 0 {
				s = append(s, scalar{"decay", 1 - o.RateAt(t)*o.WeightDecay})
			}
			return s
		},
		update: func(b *builder.Graph, in updateInputs) (*G.Node, []*G.Node) {
			rate, eps, w := in.scalars[0], in.scalars[1], in.w
			m := b.Add(b.Mul(in.moments[0], b.Number(beta1)), in.g)
			v := b.Add(b.Mul(in.moments[1], b.Number(beta2)), b.Square(in.g))
			if o.WeightDecay > 0 {
				w = b.Mul(w, in.scalars[2])
			}
			return b.Sub(w, b.Mul(b.Div(m, b.Add(b.Sqrt(v), eps)), rate)), []*G.Node{m, v}
		},
	}
}

// sgd is stochastic gradient descent, with momentum μ (Polyak) where it is not 0:
//
//	v' = μ v + g,   w' = w - lr v'
func sgd(o Optimizer) rule {
	r := rule{
		scalars: func(t int) []scalar { return []scalar{{"rate", o.RateAt(t)}} },
		update: func(b *builder.Graph, in updateInputs) (*G.Node, []*G.Node) {
			step := in.g
			var moments []*G.Node
			if o.Momentum > 0 {
				step = b.Add(b.Mul(in.moments[0], b.Number(o.Momentum)), in.g)
				moments = []*G.Node{step}
			}
			return b.Sub(in.w, b.Mul(step, in.scalars[0])), moments
		},
	}
	if o.Momentum > 0 {
		r.moments = []string{"v"}
	}
	return r
}

// adagrad divides each step by what its squared gradients have added up to (Duchi, Hazan and Singer 2011, figure 1), with ε where gorgonia's
// AdaGradSolver has it:
//
//	s' = s + g²,   w' = w - lr g / √(s' + ε)
func adagrad(o Optimizer) rule {
	return rule{
		moments: []string{"total"},
		scalars: func(t int) []scalar { return []scalar{{"rate", o.RateAt(t)}} },
		update: func(b *builder.Graph, in updateInputs) (*G.Node, []*G.Node) {
			s := b.Add(in.moments[0], b.Square(in.g))
			return rooted(b, in, s), []*G.Node{s}
		},
	}
}

// rmsprop divides each step by a moving mean of the squared gradients (Hinton, lecture 6e of "Neural networks for machine learning"), with ε
// where gorgonia's RMSPropSolver has it:
//
//	s' = ρ s + (1-ρ) g²,   w' = w - lr g / √(s' + ε)
func rmsprop(o Optimizer) rule {
	rho := o.Rho
	if rho == 0 {
		rho = 0.999
	}
	return rule{
		moments: []string{"square"},
		scalars: func(t int) []scalar { return []scalar{{"rate", o.RateAt(t)}} },
		update: func(b *builder.Graph, in updateInputs) (*G.Node, []*G.Node) {
			s := b.Add(b.Mul(in.moments[0], b.Number(rho)), b.Mul(b.Square(in.g), b.Number(1-rho)))
			return rooted(b, in, s), []*G.Node{s}
		},
	}
}

// rooted is w - rate g / √(s + ε).
func rooted(b *builder.Graph, in updateInputs, s *G.Node) *G.Node {
	return b.Sub(in.w, b.Mul(b.Div(in.g, b.Sqrt(b.Add(s, b.Number(epsilon)))), in.scalars[0]))
}

// averageMoment is the name of the moment that holds a parameter's moving average.
const averageMoment = "average"

// averaged adds to a rule the moving average of the weights that it gives,
//
//	a' = a + (1 - dₜ)(w' - a),   dₜ = min(d, (t-1)/(t+9))
//
// so that the first steps, which are far from the end, are soon forgotten. Polyak and Juditsky 1992; Izmailov et al. 1803.05407 say why it helps.
func averaged(r rule, d float64) rule {
	n := len(r.moments)
	scalars := r.scalars
	update := r.update
	return rule{
		moments: append(slices.Clone(r.moments), averageMoment),
		scalars: func(t int) []scalar {
			return append(scalars(t), scalar{averageMoment, 1 - min(d, float64(t-1)/float64(t+9))})
		},
		update: func(b *builder.Graph, in updateInputs) (*G.Node, []*G.Node) {
			all := in
			last := len(all.scalars) - 1
			in.moments, in.scalars = all.moments[:n], all.scalars[:last]
			w, moments := update(b, in)
			average := all.moments[n]
			return w, append(moments, b.Add(average, b.Mul(b.Sub(w, average), all.scalars[last])))
		},
	}
}

// clipByNorm scales gradients so that their joint norm is at most limit:
//
//	g' = g · limit / max(‖g‖, limit)
func clipByNorm(b *builder.Graph, grads G.Nodes, limit float64) G.Nodes {
	if limit == 0 {
		return grads
	}
	var total *G.Node
	for _, g := range grads {
		square := b.Square(g)
		if g != nil && g.Dims() > 0 {
			square = b.Sum(square)
		}
		if total == nil {
			total = square
		} else {
			total = b.Add(total, square)
		}
	}
	most := b.Number(limit)
	above := b.Activate(builder.ReLU, b.Sub(b.Sqrt(total), most)) // max(x, c) = c + ReLU(x-c)
	factor := b.Div(most, b.Add(above, most))
	clipped := make(G.Nodes, len(grads))
	for i, g := range grads {
		clipped[i] = b.Mul(g, factor)
	}
	return clipped
}
