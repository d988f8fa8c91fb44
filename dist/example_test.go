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
