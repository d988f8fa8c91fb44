package infer

import (
	"slices"
	"sync/atomic"

	"github.com/catvae/catvae/runtime"
)

// A watch looks for a number above 1 among those that are divided by more. Where there is none in all rows, they were probably
// divided before.
type watch struct {
	width   int     // of a row
	one     float32 // what 1 becomes, if it is no byte
	divisor float64
	seen    atomic.Bool // such a number, or nothing is to be looked for
}

// newWatch returns what looks at a plan's rows.
func (p *Plan) newWatch() *watch {
	v := p.values()
	w := &watch{width: p.Source.RowSize(), one: v.Number(1), divisor: v.Numbers}
	if p.Bytes() {
		w.divisor = v.Bytes
	}
	w.seen.Store(p.out.takesCodes || !(w.divisor > 1) || v.Mean != 0 || v.Deviation != 1)
	return w
}

// over returns sources that are looked at as they are read.
func (w *watch) over(s sources) sources {
	if w.seen.Load() {
		return s
	}
	if s.bytes != nil {
		s.bytes = watched(w, s.bytes, func(b byte) bool { return b > 1 })
	}
	s.floats = watched(w, s.floats, func(x float32) bool { return x > w.one })
	return s
}

func watched[T runtime.Value](w *watch, source runtime.Source[T], above func(T) bool) runtime.Source[T] {
	return func(dst []T) (int, func() ([]error, error), error) {
		n, decode, err := source(dst)
		if n == 0 || w.seen.Load() {
			return n, decode, err
		}
		return n, func() (bad []error, err error) {
			if decode != nil {
				bad, err = decode()
			}
			if err == nil && slices.ContainsFunc(dst[:n*w.width], above) {
				w.seen.Store(true)
			}
			return bad, err
		}, err
	}
}

// warn says that no number was above 1.
func (w *watch) warn(p *Plan, rows int) {
	if w.seen.Load() || rows == 0 {
		return
	}
	remedy := "--divide 1 takes them as they are"
	if p.Bytes() && !p.values().One {
		remedy = "the bundle divides bytes by nothing else: give them as float32"
	}
	p.say("warning: no number of these %d rows is above 1, and they were divided by %g: if they were divided before, or are 0 and 1 that mean black and white, %s", rows, w.divisor, remedy)
}
