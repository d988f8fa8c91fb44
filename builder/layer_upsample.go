package builder

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Upsamples returns the ways to make pictures larger.
func Upsamples() []string { return []string{Linear, Nearest} }

// An UpsampleLayer makes rows [channels, spatial...] larger: see [Graph.Upsample].
type UpsampleLayer struct {
	Scale Sizes  `json:"scale,omitempty" doc:"how many times larger: one number, or one an axis; left out: 2" range:"[1,1024]"`
	Mode  string `json:"mode,omitempty" doc:"nearest repeats numbers, linear lays new ones between them; left out: nearest" oneof:"upsamples"`
}

func (l UpsampleLayer) check() error {
	if err := checkUpsample(l.Mode); err != nil {
		return fmt.Errorf("mode %w", err)
	}
	return between("scale", 1, maxKernel, l.Scale...)
}

func checkUpsample(mode string) error {
	if mode == "" || mode == Nearest || mode == Linear {
		return nil
	}
	return fmt.Errorf("is %q: %s", mode, suggest(mode, Upsamples()))
}

func (l UpsampleLayer) spec() UpsampleSpec {
	u := UpsampleSpec{Scale: l.Scale, Mode: l.Mode}
	if len(u.Scale) == 0 {
		u.Scale = []int{2}
	}
	return u
}

func (l UpsampleLayer) plan(in []int, _ NetworkSpec) ([]Layer, error) {
	out, err := l.spec().OutputShape(in)
	if err != nil {
		return nil, plain(err)
	}
	return []Layer{{Name: l.String(), Output: out}}, nil
}

func (l UpsampleLayer) build(b *Graph, x *G.Node, _ NetworkSpec, _ Init) *G.Node {
	return b.Upsample(x, l.spec())
}

func (l UpsampleLayer) String() string {
	mode := l.Mode
	if mode == "" {
		mode = Nearest
	}
	return fmt.Sprintf("upsample %s, %s", sizesText(l.Scale, 2), mode)
}
