package retrieval

import (
	"fmt"
	"slices"
)

// A Protocol says how retrieval is measured.
type Protocol struct {
	Queries []int // the rows that search, each once
	Apart   bool  // queries search the rows that are no queries; else all rows but the query itself

	At     int    // k of precision@k
	Votes  int    // k of the k-NN accuracy
	Recall int    // k of recall@k: how many nearest rows of the floats are looked for
	Within int    // among so many first ranks they are looked for a second time
	Seed   uint64 // of the order of rows that are equally near
}

// First returns the rows 0, 1, …, n-1.
func First(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// Random returns n of so many rows, in ascending order: the first of a permutation by the seed.
func Random(rows, n int, seed uint64) []int {
	some := permuted(rows, seed)[:n]
	slices.Sort(some)
	return some
}

// permuted returns rows in random order.
func permuted(n int, seed uint64) []int {
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	shuffle(order, seed, -1)
	rows := make([]int, n)
	for i, row := range order {
		rows[i] = int(row)
	}
	return rows
}

// FirstOfEach returns the first rows with each label, n in all: as many of each as n divides into, in the order of the rows. Rows with
// the label -1 have none. A label with fewer rows, or an n that is no multiple of the labels, is an error.
func FirstOfEach(labels []int, n int) ([]int, error) { return ofEach(labels, n, First(len(labels))) }

// RandomOfEach returns random rows with each label, n in all, like [FirstOfEach]: the first of a permutation by the seed.
func RandomOfEach(labels []int, n int, seed uint64) ([]int, error) {
	return ofEach(labels, n, permuted(len(labels), seed))
}

// ofEach returns the first rows of an order with each label, in ascending order.
func ofEach(labels []int, n int, order []int) ([]int, error) {
	count := map[int]int{}
	for _, l := range labels {
		if l != -1 {
			count[l]++
		}
	}
	if len(count) == 0 || n < 1 || n%len(count) != 0 {
		return nil, fmt.Errorf("retrieval: %d queries, as many of each of %d labels: use a multiple", n, len(count))
	}
	each := n / len(count)
	for l, rows := range count {
		if rows < each {
			return nil, fmt.Errorf("retrieval: %d queries of each label, and label %d has %d rows: use fewer queries", each, l, rows)
		}
	}
	taken := map[int]int{}
	var rows []int
	for _, row := range order {
		if l := labels[row]; l != -1 && taken[l] < each {
			taken[l]++
			rows = append(rows, row)
		}
	}
	slices.Sort(rows)
	return rows, nil
}

// check reports a protocol that makes no sense for a number of rows.
func (p Protocol) check(rows int) error {
	if len(p.Queries) == 0 {
		return fmt.Errorf("retrieval: no row is a query: give at least one")
	}
	seen := make([]bool, rows)
	for _, q := range p.Queries {
		if q < 0 || q >= rows {
			return fmt.Errorf("retrieval: row %d is a query, and there are %d rows", q, rows)
		}
		if seen[q] {
			return fmt.Errorf("retrieval: row %d is a query twice", q)
		}
		seen[q] = true
	}
	if base := p.Base(rows); base < 1 {
		return fmt.Errorf("retrieval: %d queries of %d rows leave none to be found: use fewer queries", len(p.Queries), rows)
	}
	for _, n := range []int{p.At, p.Votes, p.Recall, p.Within} {
		if n < 0 {
			return fmt.Errorf("retrieval: %d ranks: use 1 or more, or 0 to leave a figure out", n)
		}
	}
	return nil
}

// Base returns among how many rows a query searches, of so many in all.
func (p Protocol) Base(rows int) int {
	if p.Apart {
		return rows - len(p.Queries)
	}
	return rows - 1
}

// candidates returns the rows that may be found, in their order: the query is among them unless queries are apart.
func (p Protocol) candidates(rows int) []int32 {
	var query []bool
	if p.Apart {
		query = make([]bool, rows)
		for _, q := range p.Queries {
			query[q] = true
		}
	}
	list := make([]int32, 0, rows)
	for i := range rows {
		if query == nil || !query[i] {
			list = append(list, int32(i))
		}
	}
	return slices.Clip(list)
}

// String says the protocol in words.
func (p Protocol) String() string {
	among := "all rows, the query itself left out"
	if p.Apart {
		among = "the rows that are no queries"
	}
	return fmt.Sprintf("%d queries among %s; rows that are equally near in random order (seed %d)", len(p.Queries), among, p.Seed)
}
