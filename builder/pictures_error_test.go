package builder_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"
)

// Layers that cannot be are errors of one line that say what was given and what fits.
func TestPictureErrors(t *testing.T) {
	t.Parallel()
	kernel := func(k ...int) builder.ConvSpec { return builder.ConvSpec{Channels: 2, Kernel: k} }
	with := func(change func(*builder.ConvSpec)) builder.ConvSpec {
		s := kernel(3)
		change(&s)
		return s
	}
	conv := func(s builder.ConvSpec) func(b *builder.Graph, x *G.Node) {
		return func(b *builder.Graph, x *G.Node) { b.Conv("layer", x, s, builder.HeNormal) }
	}
	transposed := func(s builder.ConvSpec) func(b *builder.Graph, x *G.Node) {
		return func(b *builder.Graph, x *G.Node) { b.ConvTranspose("layer", x, s, builder.HeNormal) }
	}
	for name, c := range map[string]struct {
		build func(b *builder.Graph, x *G.Node)
		want  []string
	}{
		"no kernel":                   {conv(kernel()), []string{"layer", "no kernel"}},
		"a kernel of 0":               {conv(kernel(0)), []string{"kernel 0"}},
		"a negative kernel":           {conv(kernel(3, -1)), []string{"kernel -1"}},
		"kernels of three axes":       {conv(kernel(3, 3, 3)), []string{"kernel [3 3 3] for 2 spatial axes"}},
		"a kernel that is too large":  {conv(kernel(9)), []string{"[4 6 6]", "kernel of 9"}},
		"a huge kernel":               {conv(kernel(math.MaxInt)), []string{"kernel"}},
		"a huge padded kernel":        {conv(with(func(s *builder.ConvSpec) { s.Kernel, s.Padding = []int{16000}, []int{16000} })), []string{"at most"}},
		"a stride of 0":               {conv(with(func(s *builder.ConvSpec) { s.Stride = []int{0} })), []string{"stride 0"}},
		"a dilation of 0":             {conv(with(func(s *builder.ConvSpec) { s.Dilation = []int{0} })), []string{"dilation 0"}},
		"a dilation that is too much": {conv(with(func(s *builder.ConvSpec) { s.Dilation = []int{4} })), []string{"covers 9"}},
		"a negative padding":          {conv(with(func(s *builder.ConvSpec) { s.Padding = []int{-1} })), []string{"padding -1"}},
		"a padding of three numbers":  {conv(with(func(s *builder.ConvSpec) { s.Padding = []int{1, 1, 1} })), []string{"padding [1 1 1]", "beginnings"}},
		"no channels":                 {conv(builder.ConvSpec{Kernel: []int{3}}), []string{"0 channels"}},
		"negative groups":             {conv(with(func(s *builder.ConvSpec) { s.Groups = -1 })), []string{"-1 groups"}},
		"groups that do not divide":   {conv(with(func(s *builder.ConvSpec) { s.Groups = 3 })), []string{"3 groups", "4 channels"}},
		"output padding":              {conv(with(func(s *builder.ConvSpec) { s.OutputPadding = []int{1} })), []string{"output padding"}},
		"too many channels":           {conv(builder.ConvSpec{Channels: math.MaxInt, Kernel: []int{3}}), []string{"channels"}},
		"too many results":            {conv(builder.ConvSpec{Channels: 1 << 29, Kernel: []int{3}}), []string{"at most"}},
		"output padding of a stride":  {transposed(with(func(s *builder.ConvSpec) { s.OutputPadding = []int{2}; s.Stride = []int{2} })), []string{"output padding 2 at stride 2"}},
		"nothing left":                {transposed(with(func(s *builder.ConvSpec) { s.Padding = []int{9} })), []string{"-10 elements of 6"}},
		"a transposed stride of 0":    {transposed(with(func(s *builder.ConvSpec) { s.Stride = []int{0} })), []string{"stride 0"}},
		"a huge transposed stride":    {transposed(with(func(s *builder.ConvSpec) { s.Stride = []int{math.MaxInt} })), []string{"stride"}},
		"a large transposed stride":   {transposed(with(func(s *builder.ConvSpec) { s.Stride = []int{1 << 14} })), []string{"at most"}},
		"no initialiser":              {func(b *builder.Graph, x *G.Node) { b.Conv("layer", x, kernel(3), nil) }, []string{"initialiser"}},
		"no picture":                  {func(b *builder.Graph, x *G.Node) { b.Conv("layer", b.Reshape(x, 4*36), kernel(3), builder.HeNormal) }, []string{"(144)"}},
		"rows without a size":         {func(b *builder.Graph, x *G.Node) { b.Conv("layer", b.Reshape(x, 1, 144), kernel(3), builder.HeNormal) }, []string{"[144]", "channels and then"}},
		"a convolution of nil":        {func(b *builder.Graph, _ *G.Node) { b.Conv("layer", nil, kernel(3), builder.HeNormal) }, []string{"nothing"}},
		"a pool of nil":               {func(b *builder.Graph, _ *G.Node) { b.MaxPool(nil, builder.PoolSpec{Kernel: []int{2}}) }, []string{"nothing"}},
		"a pool without kernel":       {func(b *builder.Graph, x *G.Node) { b.MaxPool(x, builder.PoolSpec{}) }, []string{"no kernel"}},
		"a pool of padding alone": {func(b *builder.Graph, x *G.Node) {
			b.MaxPool(x, builder.PoolSpec{Kernel: []int{2}, Padding: []int{2}})
		}, []string{"see padding only"}},
		"a maximum that counts padding": {func(b *builder.Graph, x *G.Node) {
			b.MaxPool(x, builder.PoolSpec{Kernel: []int{2}, CountPadding: true})
		}, []string{"average only"}},
		"a dilated average": {func(b *builder.Graph, x *G.Node) {
			b.AveragePool(x, builder.PoolSpec{Kernel: []int{2}, Dilation: []int{2}})
		}, []string{"dilation [2 2]"}},
		"a global average of a row": {func(b *builder.Graph, x *G.Node) { b.GlobalAveragePool(b.Reshape(x, 4, 36)) }, []string{"(4, 36)"}},
		"no scale":                  {func(b *builder.Graph, x *G.Node) { b.Upsample(x, builder.UpsampleSpec{}) }, []string{"no scale"}},
		"a scale of 0":              {func(b *builder.Graph, x *G.Node) { b.Upsample(x, builder.UpsampleSpec{Scale: []int{0}}) }, []string{"scale 0"}},
		"a huge scale":              {func(b *builder.Graph, x *G.Node) { b.Upsample(x, builder.UpsampleSpec{Scale: []int{1 << 14}}) }, []string{"at most"}},
		"a mode that is not": {func(b *builder.Graph, x *G.Node) {
			b.Upsample(x, builder.UpsampleSpec{Scale: []int{2}, Mode: "cubic"})
		}, []string{`"cubic"`, "nearest or linear"}},
		"an axis twice":      {func(b *builder.Graph, x *G.Node) { b.Transpose(x, 0, 1, 1, 2) }, []string{"[0 1 1 2]"}},
		"too few axes":       {func(b *builder.Graph, x *G.Node) { b.Transpose(x, 0, 1) }, []string{"[0 1]"}},
		"no axes of a row":   {func(b *builder.Graph, _ *G.Node) { b.Transpose(b.Input("s")) }, []string{"transpose"}},
		"a transpose of nil": {func(b *builder.Graph, _ *G.Node) { b.Transpose(nil, 0) }, []string{"nil"}},
	} {
		b := builder.New(params64(t))
		c.build(b, b.Input("x", 1, 4, 6, 6))
		err := b.Err()
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.Count(err.Error(), "builder:") > 1 {
				t.Errorf("%s: the error is %v, want one line with %q", name, err, want)
			}
		}
	}
}

// Whatever numbers a layer holds, its shape is refused or it builds to that shape and runs; nothing panics.
func TestPicturesFromAnyNumbers(t *testing.T) {
	t.Parallel()
	p := params64(t)
	rapid.Check(t, func(rt *rapid.T) {
		numbers := func(name string, least int) []int {
			n := rapid.OneOf(rapid.IntRange(least, 4), rapid.SampledFrom([]int{math.MaxInt, math.MinInt, 1 << 30, 1 << 20}))
			return rapid.SliceOfN(n, 0, 4).Draw(rt, name)
		}
		in := numbers("row", 1)
		s := builder.ConvSpec{
			Channels: rapid.IntRange(-1, 4).Draw(rt, "channels"), Kernel: numbers("kernel", 1), Stride: numbers("stride", 1), Dilation: numbers("dilation", 1),
			Padding: numbers("padding", 0), OutputPadding: numbers("output padding", 0), Groups: rapid.IntRange(-1, 3).Draw(rt, "groups"),
		}
		pool := builder.PoolSpec{Kernel: s.Kernel, Stride: s.Stride, Dilation: s.Dilation, Padding: s.Padding}
		up := builder.UpsampleSpec{Scale: s.Kernel}
		for name, c := range map[string]struct {
			shape func(in []int) ([]int, error)
			build func(b *builder.Graph, x *G.Node) *G.Node
		}{
			"conv": {s.OutputShape, func(b *builder.Graph, x *G.Node) *G.Node {
				return b.Conv(fmt.Sprint("conv", s, in), x, s, builder.HeNormal)
			}},
			"transposed": {s.TransposedShape, func(b *builder.Graph, x *G.Node) *G.Node {
				return b.ConvTranspose(fmt.Sprint("transposed", s, in), x, s, builder.HeNormal)
			}},
			"max":      {pool.OutputShape, func(b *builder.Graph, x *G.Node) *G.Node { return b.MaxPool(x, pool) }},
			"upsample": {up.OutputShape, func(b *builder.Graph, x *G.Node) *G.Node { return b.Upsample(x, up) }},
		} {
			shape, err := c.shape(in)
			size := tensor.Shape(append(append([]int{}, in...), shape...)).TotalSize()
			if err != nil || size > 1<<16 {
				continue
			}
			b := builder.New(p)
			y := c.build(b, b.Input("x", append([]int{2}, in...)...))
			if b.Err() != nil {
				rt.Fatalf("%s: the shape is %v, building says %v", name, shape, b.Err())
			}
			if got := y.Shape()[1:]; fmt.Sprint([]int(got)) != fmt.Sprint(shape) {
				rt.Fatalf("%s: the shape is %v, built it is %v", name, shape, got)
			}
		}
	})
}

// Layers that differ in one number are two nodes: their ops' hashes name every field.
func TestPictureOpsDoNotMerge(t *testing.T) {
	t.Parallel()
	base := builder.ConvSpec{Channels: 4, Kernel: []int{3}, Stride: []int{2}, Padding: []int{2}, Dilation: []int{1}, Groups: 1}
	pool := builder.PoolSpec{Kernel: []int{3}, Stride: []int{2}, Padding: []int{1}}
	hashes := map[string]string{}
	add := func(name string, gradients bool, build func(b *builder.Graph, x *G.Node) *G.Node) {
		b := builder.New(params64(t))
		n := build(b, b.Input("x", 1, 4, 6, 6))
		if b.Err() != nil {
			t.Fatalf("%s: %v", name, b.Err())
		}
		nodes := G.Nodes{n}
		if gradients {
			grads, err := G.Grad(b.Sum(n), b.Expr().Inputs()...)
			if err != nil {
				t.Fatal(err)
			}
			nodes = append(nodes, grads...)
		}
		for i, node := range nodes {
			h := fnv.New64()
			node.Op().WriteHash(h)
			text := string(h.Sum(nil))
			what := fmt.Sprintf("%s, node %d: %v", name, i, node.Op())
			if other, ok := hashes[text]; ok && !strings.HasPrefix(fmt.Sprint(node.Op()), "Sum") { // of a bias
				t.Errorf("%s has the hash of %s", what, other)
			}
			hashes[text] = what
		}
	}
	convs := map[string]func(s *builder.ConvSpec){
		"as it is": func(*builder.ConvSpec) {}, "channels": func(s *builder.ConvSpec) { s.Channels = 8 }, "kernel": func(s *builder.ConvSpec) { s.Kernel = []int{3, 2} },
		"kernel, other axis": func(s *builder.ConvSpec) { s.Kernel = []int{2, 3} }, "stride": func(s *builder.ConvSpec) { s.Stride = []int{2, 1} },
		"padding": func(s *builder.ConvSpec) { s.Padding = []int{2, 1, 2, 2} }, "padding at the end": func(s *builder.ConvSpec) { s.Padding = []int{2, 2, 2, 1} },
		"dilation": func(s *builder.ConvSpec) { s.Dilation = []int{2, 1} }, "groups": func(s *builder.ConvSpec) { s.Groups = 2 }, "no bias": func(s *builder.ConvSpec) { s.NoBias = true },
	}
	for name, change := range convs {
		s := base
		change(&s)
		add("conv, "+name, !s.NoBias, func(b *builder.Graph, x *G.Node) *G.Node { return b.Conv("layer", x, s, builder.HeNormal) })
	}
	for name, change := range map[string]func(s *builder.PoolSpec){
		"as it is": func(*builder.PoolSpec) {}, "kernel": func(s *builder.PoolSpec) { s.Kernel = []int{3, 2} }, "stride": func(s *builder.PoolSpec) { s.Stride = []int{2, 1} },
		"padding": func(s *builder.PoolSpec) { s.Padding = []int{1, 1, 1, 0} },
	} {
		s := pool
		change(&s)
		add("max, "+name, true, func(b *builder.Graph, x *G.Node) *G.Node { return b.MaxPool(x, s) })
		add("average, "+name, true, func(b *builder.Graph, x *G.Node) *G.Node { return b.AveragePool(x, s) })
		counted := s
		counted.CountPadding = true
		add("average with padding, "+name, true, func(b *builder.Graph, x *G.Node) *G.Node { return b.AveragePool(x, counted) })
	}
	for _, mode := range []string{builder.Nearest, builder.Linear} {
		for _, scale := range [][]int{{2}, {2, 3}, {3, 2}} {
			add(fmt.Sprint(mode, scale), true, func(b *builder.Graph, x *G.Node) *G.Node {
				return b.Upsample(x, builder.UpsampleSpec{Scale: scale, Mode: mode})
			})
		}
	}
	for _, perm := range [][]int{{0, 1, 3, 2}, {0, 3, 1, 2}, {1, 0, 2, 3}} {
		add(fmt.Sprint("transpose", perm), false, func(b *builder.Graph, x *G.Node) *G.Node { return b.Transpose(x, perm...) })
	}
}
