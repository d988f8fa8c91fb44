package codes

import (
	"fmt"
	"math"
)

// scores are what a query by floats gives each code. A code's score is a sum of table entries: for packed codes a table of 16
// entries for each half of a byte, the low half first, whose entries are sums over four bits; for index codes a table for each
// variable, whose entries are the query's numbers.
type scores struct {
	head   int // bytes of a code's head
	size   int // bytes of a code
	halves bool
	width  int       // entries of a table
	exact  []float64 // table after table
	best   []float64 // largest entry of each table
	most   float64   // their sum: no code's score is larger
	slack  float64   // more than all rounding, of a score and of what scan makes of it
}

func newScores(x *Index, query []float32) *scores {
	s := &scores{head: headBytes(x.size), size: x.size, halves: x.categories == 0, width: x.categories}
	if s.halves {
		s.width = 16
		s.exact = make([]float64, 0, 32*x.size)
		for ; len(query) > 0; query = query[min(8, len(query)):] {
			s.exact = appendSums(s.exact, query[min(4, len(query)):min(8, len(query))])
			s.exact = appendSums(s.exact, query[:min(4, len(query))])
		}
	} else {
		s.exact = make([]float64, 0, len(query))
		for _, v := range query {
			s.exact = append(s.exact, float64(v))
		}
	}
	magnitude := 0.0
	for at := 0; at < len(s.exact); at += s.width {
		high, low := math.Inf(-1), math.Inf(1)
		for _, v := range s.exact[at:][:s.width] {
			high, low = max(high, v), min(low, v)
		}
		s.best = append(s.best, high)
		s.most += high
		magnitude += max(high, -low)
	}
	// A float32 is off by 2⁻²⁴ of its value, or by 2⁻¹⁵⁰; float64 sums of some 10⁵ entries by less.
	s.slack = magnitude*0x1p-22 + 0x1p-148
	return s
}

// appendSums appends the sums of up to four bits' numbers, each with its sign, for the values of half a byte: the first bit is the
// most significant.
func appendSums(dst []float64, numbers []float32) []float64 {
	for x := range 16 {
		sum := 0.0
		for i, q := range numbers {
			if x>>(3-i)&1 != 0 {
				sum += float64(q)
			} else {
				sum -= float64(q)
			}
		}
		dst = append(dst, sum)
	}
	return dst
}

// Score returns the score of a packed code for a query by floats, a number for each bit: see [Index.SearchFloats].
func Score(code []byte, query []float32) float32 {
	sum := 0.0
	for j := 0; j < len(query); j += 4 {
		four := 0.0
		for i, q := range query[j:min(j+4, len(query))] {
			if bit := j + i; code[bit/8]>>(7-bit%8)&1 != 0 {
				four += float64(q)
			} else {
				four -= float64(q)
			}
		}
		sum += four
	}
	return float32(sum)
}

// differences returns a query whose scores are the distances of index codes from one, with their signs turned.
func differences(code []byte, categories int) []float32 {
	q := make([]float32, len(code)*categories)
	for i := range q {
		if i%categories != int(code[i/categories]) {
			q[i] = -2
		}
	}
	return q
}

// checkFloats reports numbers that make no scores.
func checkFloats(query []float32, number int) error {
	sum := 0.0
	for i, v := range query {
		if v != v || math.IsInf(float64(v), 0) {
			return fmt.Errorf("codes: number %d of query %d is %g: use finite ones", i, number, v)
		}
		sum += math.Abs(float64(v))
	}
	if sum > math.MaxFloat32 {
		return fmt.Errorf("codes: the numbers of query %d add up to %g: divide them, which leaves the order of codes as it is", number, sum)
	}
	return nil
}

// byScore compares codes with a query by floats. It looks for near codes in bytes: an entry's loss, which is how far it is below its
// table's best, is rounded down to a multiple of a step and cut off at 255 steps. So a code's sum of such bytes never exceeds
// its loss, and a code whose sum is too large is passed over for good; what remains is looked at again, in float64. The step is
// chosen such that 254 steps are what may be lost now, and made smaller as that becomes less.
type byScore struct {
	*scores
	step   float64
	tables []byte // losses, tableBytes or 32 bytes for each byte of a code
}

// tableBytes is the size of a variable's table: where there are fewer categories, 255 fills the rest.
const tableBytes = 256

// finest is how few steps may be what codes may lose before smaller ones are taken.
const finest = 192

func (s *byScore) scan(heads, tails []byte, limit float64) (block int, near uint64) {
	if math.IsInf(limit, 1) {
		if len(heads) == 0 {
			return 0, 0
		}
		return 0, math.MaxUint64
	}
	room := s.most + limit + s.slack
	if room < 0 {
		return len(heads) / (lanes * s.head), 0
	}
	if s.tables == nil || room < finest*s.step {
		s.round(max(room, s.slack) / 254)
	}
	steps := uint8(min(254, room/s.step))
	if s.halves {
		return scanHalves(heads, tails, s.tables, s.head, steps)
	}
	return scanBytes(heads, tails, s.tables, s.head, s.width, steps)
}

// round makes the tables of bytes.
func (s *byScore) round(step float64) {
	s.step = step
	size, each := tableBytes*s.size, tableBytes
	if s.halves {
		size, each = 32*s.size, 16
	}
	if s.tables == nil {
		s.tables = make([]byte, size)
	}
	for t, best := range s.best {
		table := s.tables[t*each:][:each]
		for i, v := range s.exact[t*s.width:][:s.width] {
			table[i] = uint8(min(255, (best-v)/step))
		}
		for i := s.width; i < each; i++ {
			table[i] = 255
		}
	}
}

func (s *byScore) far(heads, tails []byte, lane int) float64 {
	sum := 0.0
	if s.halves {
		for i := range s.size {
			b := byteOf(heads, tails, s.head, i, lane)
			sum += s.exact[32*i+16+int(b>>4)]
			sum += s.exact[32*i+int(b&15)]
		}
	} else {
		for i := range s.size {
			sum += s.exact[i*s.width+int(byteOf(heads, tails, s.head, i, lane))]
		}
	}
	return -float64(float32(sum))
}

// byteOf returns a byte of a code of a block.
func byteOf(heads, tails []byte, head, i, lane int) byte {
	if i < head {
		return heads[i*lanes+lane]
	}
	return tails[(i-head)*lanes+lane]
}

// Each processor's file has two functions
//
//	func scanHalves(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64)
//	func scanBytes(heads, tails, tables []byte, head, categories int, limit uint8) (block int, near uint64)
//
// which go through blocks up to the first with a code whose sum of losses, cut off at 255, is at most limit. They return that
// block's index and which codes these are, code i as bit i of near; or the number of blocks and no bits. The first adds up an
// entry for each half of a byte, the second one for each byte. They are the generic functions, or give the same: a test
// compares them.

func scanHalvesGeneric(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64) {
	return scanSums(heads, tails, tables, head, 32, limit, func(sums *[lanes]uint16, part, table []byte) {
		for lane, b := range part {
			sums[lane] += uint16(table[b&15]) + uint16(table[16+b>>4])
		}
	})
}

func scanBytesGeneric(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64) {
	return scanSums(heads, tails, tables, head, tableBytes, limit, func(sums *[lanes]uint16, part, table []byte) {
		for lane, b := range part {
			sums[lane] += uint16(table[b])
		}
	})
}

// scanSums goes through blocks with a function that adds the losses of one byte of each code.
func scanSums(heads, tails, tables []byte, head, each int, limit uint8, add func(sums *[lanes]uint16, part, table []byte)) (block int, near uint64) {
	headSize, tail := lanes*head, lanes*(len(tables)/each-head)
	for ; len(heads) > 0; block, heads, tails = block+1, heads[headSize:], tails[tail:] {
		var sums [lanes]uint16
		of := func(part, tables []byte) (near uint64) {
			for ; len(part) > 0; part, tables = part[lanes:], tables[each:] {
				add(&sums, part[:lanes], tables[:each])
				for lane := range sums {
					sums[lane] = min(math.MaxUint8, sums[lane])
				}
			}
			for lane, sum := range sums {
				if sum <= uint16(limit) {
					near |= 1 << lane
				}
			}
			return near
		}
		if near = of(heads[:headSize], tables[:head*each]); near != 0 && tail > 0 {
			near = of(tails[:tail], tables[head*each:])
		}
		if near != 0 {
			break
		}
	}
	return block, near
}
