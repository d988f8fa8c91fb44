package main

import (
	"fmt"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
)

// halves are two convolutions of kernel 3 and stride 2 with ReLU, and a dense layer: an encoder's network.
type halves struct {
	Picture, Channels []int
}

// doubles are a dense layer with ReLU and two transposed convolutions of kernel 3 and stride 2: a decoder's network.
type doubles struct {
	Picture, Channels []int
}

var (
	half   = builder.ConvSpec{Kernel: []int{3}, Stride: []int{2}, Padding: []int{1}}
	double = builder.ConvSpec{Kernel: []int{3}, Stride: []int{2}, Padding: []int{1}, OutputPadding: []int{1}}
)

func (n halves) Kind() string         { return "two convolutions" }
func (n halves) Check(string) error   { return nil }
func (n halves) Weights(_, _ int) int { return 0 }

func (n halves) Build(b *builder.Graph, x *G.Node, s builder.NetworkSpec) *G.Node {
	batch := x.Shape()[0]
	x = b.Reshape(x, append([]int{batch}, n.Picture...)...)
	for i, channels := range n.Channels {
		spec := half
		spec.Channels = channels
		x = b.Activate(s.Activation, b.Conv(fmt.Sprint(i), x, spec, builder.HeNormal))
	}
	return b.Linear("logits", b.Reshape(x, batch, smallest(n.Picture, n.Channels)), s.Out, builder.GlorotNormal)
}

// smallest is how many numbers are left of a picture.
func smallest(picture, channels []int) int {
	return channels[len(channels)-1] * picture[1] / 4 * picture[2] / 4
}

func (n doubles) Kind() string         { return "two transposed convolutions" }
func (n doubles) Check(string) error   { return nil }
func (n doubles) Weights(_, _ int) int { return 0 }

func (n doubles) Build(b *builder.Graph, z *G.Node, s builder.NetworkSpec) *G.Node {
	batch := z.Shape()[0]
	x := b.Activate(s.Activation, b.Linear("dense", z, smallest(n.Picture, n.Channels), builder.HeNormal))
	x = b.Reshape(x, batch, n.Channels[1], n.Picture[1]/4, n.Picture[2]/4)
	spec := double
	spec.Channels = n.Channels[0]
	x = b.Activate(s.Activation, b.ConvTranspose("1", x, spec, builder.HeNormal))
	spec.Channels = n.Picture[0]
	return b.ConvTranspose("0", x, spec, builder.GlorotNormal)
}
