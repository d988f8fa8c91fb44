package codes

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Distance returns the number of bits in which two codes of the same size differ. Where the sizes differ, the tail of the longer
// is ignored.
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

// lanes is the number of codes in a block. A block holds byte 0 of each of them, then byte 1 of each, …: so that one
// instruction meets the same byte of 32 codes, and codes of any size need no padding of their own.
const lanes = 64

// headBytes returns how many bytes of a code, the first, are kept apart from the rest: heads of blocks in one slice and
// tails in another. Where no code of a block is near by its head alone, its tail is never read from memory, which is what
// a search for one query waits for.
//
// Of n random bits 64 codes seldom have one whose n-2√n first bits differ as little as all n do of the 10 nearest of
// 10,000,000 codes: in a block of 13.
func headBytes(size int) int {
	return max(1, size-int(math.Round(math.Sqrt(float64(8*size))/4)))
}

// far is written for all distances that 16 bits cannot hold.
const far = math.MaxUint16

// distances are those of a block's codes from a query, cut off at far.
type distances [lanes]uint16

// query is a code to compare with.
type query struct {
	code []byte
	head int // bytes

	// tables has, for each byte of the code, the distance of its low four bits from 0, 1, …, 15, then that of the high
	// four: what a shuffle instruction looks up for 32 codes at once.
	tables []byte

	fourfold []byte // each byte of the code four times: what an instruction meets 64 codes with
}

func newQuery(code []byte) query {
	q := query{code: code, head: headBytes(len(code)), tables: make([]byte, 0, 32*len(code)), fourfold: make([]byte, 0, 4*len(code))}
	for _, b := range code {
		q.fourfold = append(q.fourfold, b, b, b, b)
		for _, half := range [2]byte{b & 15, b >> 4} {
			for x := range byte(16) {
				q.tables = append(q.tables, byte(bits.OnesCount8(x^half)))
			}
		}
	}
	return q
}

// distance is the distance of one code of a block, however far.
func (q *query) distance(head, tail []byte, lane int) (d int) {
	for i, b := range q.code {
		d += bits.OnesCount8(b ^ byteOf(head, tail, q.head, i, lane))
	}
	return d
}

// byDistance compares codes by their Hamming distance.
type byDistance struct {
	*query
	d distances
}

func (c *byDistance) scan(heads, tails []byte, limit float64) (block int, near uint64) {
	if limit < 0 {
		return 0, 0
	}
	return c.query.scan(&c.d, heads, tails, uint16(min(far, limit)))
}

func (c *byDistance) far(heads, tails []byte, lane int) float64 {
	if c.d[lane] == far {
		return float64(c.distance(heads, tails, lane))
	}
	return float64(c.d[lane])
}

// Each processor's file has a method
//
//	func (q *query) scan(d *distances, heads, tails []byte, limit uint16) (block int, near uint64)
//
// which goes through blocks up to the first with a code at most limit bits away. It returns that block's index, its
// distances in d, and which codes are so near, code i as bit i of near; or the number of blocks and no bits. It is
// scanGeneric, or gives the same: a test compares them.

// scanGeneric takes 8 codes at a time, a byte of each in a word.
func (q *query) scanGeneric(d *distances, heads, tails []byte, limit uint16) (block int, near uint64) {
	head, tail := lanes*q.head, lanes*(len(q.code)-q.head)
	for ; len(heads) > 0; block, heads, tails = block+1, heads[head:], tails[tail:] {
		*d = distances{}
		if near = d.add(heads[:head], q.code[:q.head], limit); near != 0 && tail > 0 {
			near = d.add(tails[:tail], q.code[q.head:], limit)
		}
		if near != 0 {
			break
		}
	}
	return block, near
}

// add adds the distances of a part of a block's codes from that part of the query, and returns which are at most limit.
func (d *distances) add(part, query []byte, limit uint16) (near uint64) {
	const most = 31 // bytes, whose bits can be counted in 8 bits
	for ; len(query) > 0; part, query = part[min(most*lanes, len(part)):], query[min(most, len(query)):] {
		for first := 0; first < lanes; first += 8 {
			sums := eight(part[first:], query[:min(most, len(query))])
			for i := range 8 {
				d[first+i] = uint16(min(far, uint(d[first+i])+uint(sums>>(8*i)&0xff)))
			}
		}
	}
	for i := range d {
		if d[i] <= limit {
			near |= 1 << i
		}
	}
	return near
}

// eight returns the distances of 8 codes, in 8 bits each. Bits are counted by halves: H. S. Warren, Hacker's Delight,
// section 5-1.
func eight(part, query []byte) (sums uint64) {
	for i, b := range query {
		x := binary.LittleEndian.Uint64(part[i*lanes:]) ^ uint64(b)*0x0101010101010101
		x -= x >> 1 & 0x5555555555555555
		x = x&0x3333333333333333 + x>>2&0x3333333333333333
		sums += (x + x>>4) & 0x0f0f0f0f0f0f0f0f
	}
	return sums
}
