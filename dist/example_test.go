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
	fmt.Printf("means %.2f %.2f %.2f\n", q.Mean(0), q.Mean(1), q.Mean(2))
	fmt.Printf("KL %.3f of at most %.3f nats\n", q.KL(nil), l.MaxKL())
	// Output:
	// means 0.02 0.50 0.98
	// KL 1.206 of at most 2.079 nats
}

func ExampleLikelihoodOf() {
	_, err := dist.LikelihoodOf("student")
	fmt.Println(err)
	// Output: likelihood is "student": use "bernoulli"
}
