package runtime_test

import (
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/runtime"
)

// Packed codes hold the most significant bit first; the last byte is padded with zeros.
func ExampleUnpack() {
	l := bundle.Latent{Kind: dist.Bernoulli, Variables: 10}
	bits, err := runtime.Unpack(l, nil, []byte{0b1010_0001, 0b1100_0000})
	fmt.Println(bits, err)
	// Output: [1 0 1 0 0 0 0 1 1 1] <nil>
}
