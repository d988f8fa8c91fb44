package index_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/catvae/catvae/codes/index"
)

// BenchmarkGraph searches 50,000 codes of 256 bits around 500 centres by the graph, one query at a time.
func BenchmarkGraph(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	x, err := index.Create(b.TempDir()+"/x", index.Options{Bits: 256, Graph: true})
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	centres := randomBytes(r, 500*32)
	queries := clustered(r, centres, 1000, 32)
	if _, err := x.Append(clustered(r, centres, 50_000, 32), nil); err != nil {
		b.Fatal(err)
	}
	for _, breadth := range []int{30, 100} {
		b.Run(fmt.Sprint(breadth), func(b *testing.B) {
			for i := 0; b.Loop(); i = (i + 1) % 1000 {
				if _, err := x.Search(b.Context(), queries[i*32:][:32], 10, index.Search{Breadth: breadth}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
