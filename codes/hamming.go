package codes

import (
	"encoding/binary"
	"math/bits"
)

// Distance returns the number of bits in which two codes of one size differ. Of two sizes the longer's tail is not
// looked at.
func Distance(a, b []byte) int {
	d := 0
	for len(a) >= 8 && len(b) >= 8 {
		d += bits.OnesCount64(binary.LittleEndian.Uint64(a) ^ binary.LittleEndian.Uint64(b))
		a, b = a[8:], b[8:]
	}
	for i := range min(len(a), len(b)) {
		d += bits.OnesCount8(a[i] ^ b[i])
	}
	return d
}

// distances writes the distance of a query to each of several codes, all in words.
func distances(dst []int32, codes, query []uint64) {
	switch len(query) {
	case 1: // 64 bits
		q := query[0]
		for i, c := range codes[:len(dst)] {
			dst[i] = int32(bits.OnesCount64(c ^ q))
		}
	case 2: // 128 bits
		q0, q1 := query[0], query[1]
		for i := range dst {
			c := codes[2*i : 2*i+2 : 2*i+2]
			dst[i] = int32(bits.OnesCount64(c[0]^q0) + bits.OnesCount64(c[1]^q1))
		}
	case 4: // 256 bits, and 200
		q0, q1, q2, q3 := query[0], query[1], query[2], query[3]
		for i := range dst {
			c := codes[4*i : 4*i+4 : 4*i+4]
			dst[i] = int32(bits.OnesCount64(c[0]^q0) + bits.OnesCount64(c[1]^q1) + bits.OnesCount64(c[2]^q2) + bits.OnesCount64(c[3]^q3))
		}
	default:
		n := len(query)
		for i := range dst {
			sum := 0
			for j, c := range codes[i*n : i*n+n] {
				sum += bits.OnesCount64(c ^ query[j])
			}
			dst[i] = int32(sum)
		}
	}
}
