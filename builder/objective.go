package builder

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Objective is what training minimises, and its parts: scalars, in nats a row, averaged over the batch.
type Objective struct {
	Loss           *G.Node // Reconstruction + weight·KL, or minus a bound on several samples
	Reconstruction *G.Node // -E ln p(x|z)
	KL             *G.Node // KL(q(z|x) ‖ p(z))

	Logits *G.Node // latent logits, for looking at them; may be nil
}

// NegativeELBO returns the objective of a batch:
//
//	loss = mean(-ln p(x|z)) + weight · mean(KL(q(z|x) ‖ p(z)))
//
// logLikelihood and kl are [batch]; weight is a scalar, 1 for the negative ELBO itself (Kingma and Welling 1312.6114,
// equation 3). With a relaxed z it is a surrogate: report bounds on hard samples instead.
func (b *Graph) NegativeELBO(logLikelihood, kl, weight *G.Node) Objective {
	var o Objective
	if weight != nil && weight.Dims() != 0 {
		b.fail("the weight of the divergence is a scalar, not %v", weight.Shape())
	}
	o.Reconstruction = b.Neg(b.mean(logLikelihood))
	o.KL = b.mean(kl)
	o.Loss = b.Add(o.Reconstruction, b.Mul(weight, o.KL))
	return o
}

// mean returns the mean of x [batch]. The divisor is the operand's own size, never a constant: a graph that is traced at
// two batch sizes must not hold the batch as a number.
func (b *Graph) mean(x *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || x.Dims() != 1 {
		return b.fail("the mean over a batch takes [batch], not %v", shapes(G.Nodes{x}))
	}
	size := b.make(fmt.Sprintf("gorgonia.sizeOp SizeOf=%d", x.Shape()[0]), func() (*G.Node, error) { return G.SizeOf(0, x) }, x)
	return b.Div(b.Sum(x), size)
}
