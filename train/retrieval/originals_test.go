package retrieval_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/train/retrieval"
)

// short returns the space of codes of up to eight bits.
func short(t *testing.T, bits int, packed ...byte) *retrieval.Codes {
	t.Helper()
	c, err := retrieval.NewCodes(packed, bits)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// By hand. 00 finds itself among 00, 01 and 11. 01 is to find 11, which is one bit away as 00 is, and 01 comes first. Two pairs have the
// distance 0, one of them right: (1/1 + 1/2)/2 in the mean; three have the distance 1, one of them right: (2/3 + 2/4 + 2/5)/3.
func TestOriginalsByHand(t *testing.T) {
	t.Parallel()
	base := short(t, 2, 0<<6, 1<<6, 3<<6)
	f, err := retrieval.Originals(t.Context(), base, []retrieval.Changed{
		{Codes: short(t, 2, 0<<6), Originals: []int{0}}, {Codes: short(t, 2, 1<<6), Originals: []int{2}},
	})
	if err != nil || !slices.Equal(f.Recall, []float64{1, 0}) {
		t.Errorf("%v, %v", f, err)
	}
	near(t, "micro-AP", &f.MicroAP, (0.75+(2./3+2./4+2./5)/3)/2, 1e-15)
	near(t, "recall of all", &f.RecallAll, 0.5, 0)
	f, err = retrieval.Originals(t.Context(), short(t, 2, 0, 0, 0, 3<<6), []retrieval.Changed{{Codes: short(t, 2, 0), Originals: []int{1}}})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "recall of one of three copies", &f.Recall[0], 1./3, 1e-15)
}

// The figures are the means over all orders of the pairs: six pairs have 720, of which each is sorted stably by distance.
func TestOriginalsOfAllOrders(t *testing.T) {
	t.Parallel()
	type pair struct {
		distance int
		right    bool
	}
	draw := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		codes := make([]byte, 5) // three rows, two queries, of three bits
		for i := range codes {
			codes[i] = byte(draw.IntN(8)) << 5
		}
		answers := []int{draw.IntN(3), draw.IntN(3)}
		var pairs []pair
		for q, code := range codes[3:] {
			for row, other := range codes[:3] {
				d := 0
				for x := code ^ other; x != 0; x &= x - 1 {
					d++
				}
				pairs = append(pairs, pair{d, row == answers[q]})
			}
		}
		sum, orders := 0.0, 0
		permutations(len(pairs), func(order []int) {
			ranked := make([]pair, len(pairs))
			for i, at := range order {
				ranked[i] = pairs[at]
			}
			slices.SortStableFunc(ranked, func(a, b pair) int { return a.distance - b.distance })
			hits := 0
			for i, p := range ranked {
				if p.right {
					hits++
					sum += float64(hits) / float64(i+1) / 2
				}
			}
			orders++
		})
		f, err := retrieval.Originals(t.Context(), short(t, 3, codes[:3]...), []retrieval.Changed{{Codes: short(t, 3, codes[3:]...), Originals: answers}})
		if err != nil || orders != 720 {
			t.Fatal(err, orders)
		}
		near(t, "micro-AP", &f.MicroAP, sum/float64(orders), 1e-12)
	}
}

// permutations visits all orders of 0, …, n-1.
func permutations(n int, visit func(order []int)) {
	order := make([]int, 0, n)
	var more func()
	more = func() {
		if len(order) == n {
			visit(order)
			return
		}
		for i := range n {
			if !slices.Contains(order, i) {
				order = append(order, i)
				more()
				order = order[:len(order)-1]
			}
		}
	}
	more()
}

func TestOriginalsErrors(t *testing.T) {
	t.Parallel()
	done, cancel := context.WithCancel(t.Context())
	cancel()
	base := short(t, 2, 0, 1<<6)
	for want, c := range map[string][]retrieval.Changed{
		"give at least one": nil,
		"codes of 3 bits":   {{Codes: short(t, 3, 0), Originals: []int{0}}},
		"2 originals of 1":  {{Codes: short(t, 2, 0), Originals: []int{0, 1}}},
		"0 originals of 0":  {{Codes: short(t, 2)}},
		"the rows 2 to 2":   {{Codes: short(t, 2, 0), Originals: []int{2}}},
		"the rows -1 to -1": {{Codes: short(t, 2, 0), Originals: []int{-1}}},
	} {
		if _, err := retrieval.Originals(t.Context(), base, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	if _, err := retrieval.Originals(done, base, []retrieval.Changed{{Codes: base, Originals: []int{0, 1}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("a done context gives %v", err)
	}
}
