package augment

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
)

// A Pipeline is a list for rows of one form. It is safe for concurrent use.
type Pipeline struct {
	form   *form
	values dist.Values
	whole  bool
	parts  []part
	memory sync.Pool
}

// A part is an augmentation with the streams of its numbers.
type part struct {
	Spec
	noise, chance noise.Stream
}

// New returns the pipeline of a list. Pipelines of different views draw different numbers for the same row of the same step. A list that makes
// no sense, or that is not for such rows, is an error that names the place and the key.
func New(l List, r Rows, seed uint64, view int) (*Pipeline, error) {
	r.Values = r.Values.OrUnit()
	if err := l.Check(); err != nil {
		return nil, err
	}
	if len(r.Shape) == 0 || slices.Min(r.Shape) < 1 {
		return nil, fmt.Errorf("rows have the shape %v: give the shape of one row, such as [28, 28]", r.Shape)
	}
	if n := len(r.Standard.Mean); n > 0 {
		if err := r.Standard.Check(r.size()); err != nil {
			return nil, err
		}
	}
	if err := l.Fits(r); err != nil {
		return nil, err
	}
	p := &Pipeline{form: r.form(), values: r.Values, whole: r.Values.Whole && r.Values.Most > 1}
	for i, s := range l {
		stream := func(what string) noise.Stream {
			return noise.Stream{Seed: seed, Purpose: noise.Named(fmt.Sprintf("augment/%d/%d/%s", view, i, what))}
		}
		p.parts = append(p.parts, part{s, stream("values"), stream("chance")})
	}
	p.memory.New = func() any { return new(memory) }
	return p, nil
}

// Only returns the pipeline with one augmentation of its list, which draws the same numbers: to look at what it does.
func (p *Pipeline) Only(i int) *Pipeline {
	return &Pipeline{form: p.form, values: p.values, whole: p.whole, parts: p.parts[i : i+1], memory: sync.Pool{New: func() any { return new(memory) }}}
}

// Apply changes a row in place, as the step and the row's number say.
func (p *Pipeline) Apply(row []float32, step, number uint32) error {
	if len(row) != len(p.form.nothing) {
		return fmt.Errorf("augment: a row has %d values, rows of the pipeline have %d", len(row), len(p.form.nothing))
	}
	m := p.memory.Get().(*memory)
	defer p.memory.Put(m)
	m.moves = m.moves[:0]
	changed := false
	for _, a := range p.parts {
		if !a.does() || a.Chance > 0 && a.Chance < 1 && !(draw{a.chance, step, number}.one() < float32(a.Chance)) {
			continue
		}
		changed = true
		d := draw{a.noise, step, number}
		switch kind := a.Kind.(type) {
		case mover:
			if !m.joins(kind) {
				m.settle(p.form, row)
			}
			m.moves = append(m.moves, move{kind, d})
		case changer:
			m.settle(p.form, row)
			if err := kind.change(d, p.form, row, m); err != nil {
				return fmt.Errorf("augment: %s of row %d in step %d: %w", a.Name(), number, step, err)
			}
		}
	}
	m.settle(p.form, row)
	if changed {
		p.bound(row)
	}
	return nil
}

// bound keeps values in their range, and whole where the rule says so.
func (p *Pipeline) bound(row []float32) {
	least, most := float32(p.values.Least), float32(p.values.Most)
	for i, x := range row {
		if x < least {
			row[i] = least
		} else if x > most {
			row[i] = most
		}
	}
	if p.whole {
		for i, x := range row {
			row[i] = float32(math.RoundToEven(float64(x)))
		}
	}
}

// A draw is the numbers of one augmentation of one row in one step.
type draw struct {
	noise.Stream
	step, row uint32
}

// uniform fills dst with numbers uniform in the open unit interval.
func (d draw) uniform(dst []float32) { d.Uniform(dst, d.step, d.row) }

// one returns the first of them.
func (d draw) one() float32 {
	var u [1]float32
	d.uniform(u[:])
	return u[0]
}

// normal fills dst, of even length, with standard normal numbers, by Box and Muller's transformation of pairs of uniform ones.
func (d draw) normal(dst []float32) {
	d.uniform(dst)
	for i := 0; i+1 < len(dst); i += 2 {
		r := math.Sqrt(-2 * math.Log(float64(dst[i])))
		sin, cos := math.Sincos(2 * math.Pi * float64(dst[i+1]))
		dst[i], dst[i+1] = float32(r*cos), float32(r*sin)
	}
}

// around maps a number of the unit interval to [-1,1].
func around(u float32) float64 { return 2*float64(u) - 1 }

// memory is what one goroutine works with.
type memory struct {
	moves          []move
	x, y           []float32 // places
	plane          []float32
	values, second []float32
	packed         bytes.Buffer
}

// floats returns n numbers of any content in memory that grows as needed.
func floats(at *[]float32, n int) []float32 {
	if cap(*at) < n {
		*at = make([]float32, n)
	}
	return (*at)[:n]
}
