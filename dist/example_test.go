package dist_test

import (
	"fmt"

	"github.com/catvae/catvae/dist"
)

// The posterior of a row of three binary variables: what its code is, and what it says of the row.
func Example() {
	l, err := dist.NewLatent(dist.Bernoulli, 3, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	q := l.Posterior([]float32{-4, 0, 4})
	fmt.Printf("bits set with probability %.2f %.2f %.2f\n", q.Bit(0), q.Bit(1), q.Bit(2))
	fmt.Printf("KL %.3f of at most %.3f nats\n", q.KL(nil), l.MaxKL())
	// Output:
	// bits set with probability 0.02 0.50 0.98
	// KL 1.206 of at most 2.079 nats
}

// Two layers of one binary variable each, at a code whose first layer makes the second sure, and whose second says little of the first.
func ExampleLatent_Given() {
	layers := dist.Latent{Family: dist.FamilyOf(dist.Hierarchical), Variables: 2, Groups: []dist.Group{{Kind: dist.Bernoulli, Variables: 1}, {Kind: dist.Bernoulli, Variables: 1}}}
	if err := layers.Check(); err != nil {
		fmt.Println(err)
		return
	}
	q := layers.Given([]float32{2, 8}, []float32{0.5}) // the logits of q(z1|x), q(z2|z1), and p(z1|z2)
	prior, posterior := q.Logs([]float32{1, 1})
	fmt.Printf("ln p %.3f, ln q %.3f, KL %.3f\n", prior, posterior, q.KL(nil))
	// Output: ln p -1.167, ln q -0.127, KL 0.858
}

// A likelihood scores a row given the decoder's outputs, here a sure black and a sure white pixel.
func ExampleLikelihoodOf() {
	l, err := dist.LikelihoodOf(dist.LikelihoodConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.3f nats, and %.1f for the opposite\n", l.LogP([]float32{0, 1}, []float32{-4, 4}), l.LogP([]float32{1, 0}, []float32{-4, 4}))
	// Output: -0.036 nats, and -8.0 for the opposite
}
