package retrieval

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/catvae/catvae/codes"
)

// Codes is the space of packed codes under the Hamming distance.
type Codes struct {
	bits  int
	rows  int
	size  int      // words a code
	words []uint64 // row after row, the last word padded with zeros
}

var _ Space = (*Codes)(nil)

// NewCodes returns the space of packed codes, row after row, as package codes packs them. It keeps a copy.
func NewCodes(packed []byte, bits int) (*Codes, error) {
	if bits < 1 || len(packed)%codes.Bytes(bits) != 0 {
		return nil, fmt.Errorf("retrieval: %d bytes are no whole number of codes of %d bits", len(packed), bits)
	}
	bytes := codes.Bytes(bits)
	c := &Codes{bits: bits, rows: len(packed) / bytes, size: (bytes + 7) / 8}
	c.words = make([]uint64, c.rows*c.size)
	word := make([]byte, 8*c.size)
	for i := range c.rows {
		copy(word, packed[i*bytes:][:bytes])
		for j := range c.size {
			c.words[i*c.size+j] = binary.LittleEndian.Uint64(word[8*j:])
		}
	}
	return c, nil
}

// Bits returns the number of bits of a code.
func (c *Codes) Bits() int { return c.bits }

// Len implements [Space].
func (c *Codes) Len() int { return c.rows }

// Keys implements [Space]: a key is the Hamming distance.
func (c *Codes) Keys(dst []uint32, queries []int) int {
	for i, q := range queries {
		c.distances(dst[i*c.rows:][:c.rows], c.code(q))
	}
	return bits.Len(uint(c.bits))
}

// code returns the words of a row.
func (c *Codes) code(row int) []uint64 { return c.words[row*c.size:][:c.size] }

// distances writes the Hamming distances of all rows from a code to dst.
func (c *Codes) distances(dst []uint32, code []uint64) {
	if c.size == 1 {
		for j, w := range c.words {
			dst[j] = uint32(bits.OnesCount64(w ^ code[0]))
		}
		return
	}
	for j := range dst {
		row, d := c.code(j), 0
		for k, w := range code {
			d += bits.OnesCount64(w ^ row[k])
		}
		dst[j] = uint32(d)
	}
}
