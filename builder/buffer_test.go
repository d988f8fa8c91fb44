package builder_test

import (
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
)

// Updates count in training graphs only, for the graph's own buffers, once each.
func TestUpdates(t *testing.T) {
	b := builder.New(params64(t))
	buffer := b.Buffer("mean", builder.Zeros, 3)
	b.Update(buffer, b.Square(buffer))
	if n := len(b.Updates()); n != 0 || b.Training() {
		t.Errorf("%d updates outside training", n)
	}
	b.ForTraining()
	first := b.Square(buffer)
	b.Update(buffer, first)
	b.Update(buffer, b.Exp(buffer))
	if u := b.Updates(); len(u) != 1 || u[0].Next != first || !b.Training() {
		t.Errorf("the updates are %v, want the first", u)
	}
	if names, _ := b.Parameters(); len(names) != 0 || b.Err() != nil {
		t.Errorf("parameters %v, error %v", names, b.Err())
	}
	for name, update := range map[string]func(b *builder.Graph){
		"of another shape": func(b *builder.Graph) { x := b.Buffer("x", builder.Zeros, 2); b.Update(x, b.Sum(x)) },
		"of a parameter":   func(b *builder.Graph) { x := b.Parameter("x", builder.Zeros, 2); b.Update(x, x) },
		"of an input":      func(b *builder.Graph) { x := b.Input("x", 2); b.Update(x, x) },
		"of nothing":       func(b *builder.Graph) { b.Update(nil, nil) },
	} {
		b := builder.New(params64(t))
		b.ForTraining()
		update(b)
		if b.Err() == nil || !strings.Contains(b.Err().Error(), "buffer") {
			t.Errorf("an update %s: %v", name, b.Err())
		}
	}
}
