package main

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// draw returns the codes, and queries that are drawn like them.
func (c command) draw(size int) (packed, queries []byte) {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], c.Seed)
	r := rand.NewChaCha8(key)
	queries = make([]byte, max(1000, slices.Max(c.Queries))*size)
	packed = make([]byte, c.Rows*size)
	if c.Clusters == 0 {
		r.Read(packed)
		r.Read(queries)
		return packed, queries
	}
	centres := make([]byte, c.Clusters*size)
	r.Read(centres)
	around(r, packed, centres, size)
	around(r, queries, centres, size)
	return packed, queries
}

// around sets codes to centres with an eighth of their bits flipped: where three random bits are 1.
func around(r *rand.ChaCha8, codes, centres []byte, size int) {
	for ; len(codes) > 0; codes = codes[size:] {
		centre := centres[int(r.Uint64()%uint64(len(centres)/size))*size:]
		for i := range size {
			bits := r.Uint64()
			codes[i] = centre[i] ^ byte(bits)&byte(bits>>8)&byte(bits>>16)
		}
	}
}
