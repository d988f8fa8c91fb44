// Package content hashes what rows are read from, to tell one content from another.
//
// The hash is XXH3 of 128 bits (Collet, https://github.com/Cyan4973/xxHash): it reads as fast as memory does, where SHA-256 takes as
// long as a fast graph takes to encode the rows. Two contents that were not made to collide have the same sum with a probability of
// 2^-128. Somebody who wants to can make two that do, so it is not for what must be trusted.
package content

import (
	"hash"

	"github.com/zeebo/xxh3"
)

// Size is the size of a sum in bytes.
const Size = 16

// sum is XXH3 with sums of 128 bits; the one it embeds has 64.
type sum struct{ xxh3.Hasher }

// New returns an empty hash.
func New() hash.Hash { return new(sum) }

// Sum appends the 128 bits, the high byte first.
func (s *sum) Sum(b []byte) []byte {
	bits := s.Sum128().Bytes()
	return append(b, bits[:]...)
}

func (s *sum) Size() int { return Size }
