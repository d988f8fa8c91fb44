package main

import (
	"context"
	"strconv"

	"github.com/catvae/catvae/bench/internal/peer"
)

// twin is the process with FAISS.
type twin struct{ *peer.Process }

// answer is what the twin says of building its index, and of a search.
type answer struct {
	Name      string  `json:"name"`
	MS        float64 `json:"ms"`
	MB        float64 `json:"mb"`
	Distances [][]int `json:"distances"`
}

// startTwin returns the twin when its index is built.
func startTwin(ctx context.Context, python, script, codes, queries string, size int) (*twin, answer, error) {
	var a answer
	p, err := peer.Start(ctx, "FAISS's twin", python, script, codes, queries, strconv.Itoa(size))
	if err != nil {
		return nil, a, err
	}
	if err := p.Answer(&a); err != nil {
		p.Close()
		return nil, a, err
	}
	return &twin{p}, a, nil
}

func (t *twin) search(first, queries, k, threads int) (a answer, err error) {
	err = t.Ask(map[string]int{"first": first, "queries": queries, "k": k, "threads": threads}, &a)
	return a, err
}
