package codes

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// random returns an index of random codes, and the codes.
func random(r *rand.ChaCha8, rows, size int) (*Index, []byte) {
	packed := make([]byte, rows*size)
	r.Read(packed)
	return indexOf(packed, size), packed
}

// indexOf returns an index of codes of any bytes.
func indexOf(packed []byte, size int) *Index {
	x := &Index{bits: 8 * size, size: size}
	if err := x.Add(packed); err != nil {
		panic(err)
	}
	return x
}

// Each way of scanning finds what counting bit by bit finds, for codes of 1 to 40 bytes, and of so many that sums of 8 and of
// 16 bits overflow; with limits that all, few or no codes keep.
func TestScan(t *testing.T) {
	t.Parallel()
	sizes := []int{61, 62, 63, 64, 93, 94, 8192, 9000}
	for size := range 40 {
		sizes = append(sizes, size+1)
	}
	r := rand.NewChaCha8([32]byte{1})
	for _, size := range sizes {
		x, packed := random(r, 3*lanes, size)
		code := make([]byte, size)
		r.Read(code)
		far := bytes.Clone(packed[70*size:][:size])
		for i := range far {
			far[i] ^= 0xff
		}
		for _, code := range [][]byte{code, packed[150*size:][:size], far} {
			all := distancesBitByBit(packed, code)
			for _, limit := range []int{0, 1, 3 * size, 4*size - 3, 4 * size, 255, 256, 65534, 65535} {
				checkScans(t, x, all, code, uint16(limit))
			}
		}
	}
}

// distancesBitByBit are of whole blocks of codes from one.
func distancesBitByBit(packed, code []byte) (all []int) {
	for ; len(packed) > 0; packed = packed[len(code):] {
		sum := 0
		for i, b := range code {
			for bit := range 8 {
				sum += int((packed[i] ^ b) >> bit & 1)
			}
		}
		all = append(all, sum)
	}
	return all
}

// checkScans wants what scan promises of each way of scanning.
func checkScans(t *testing.T, x *Index, all []int, code []byte, limit uint16) {
	t.Helper()
	var block int
	var near uint64
	var d distances
	for ; block < x.blocks() && near == 0; block++ {
		for lane, distance := range all[block*lanes:][:lanes] {
			if d[lane] = uint16(min(distance, far)); d[lane] <= limit {
				near |= 1 << lane
			}
		}
	}
	if near != 0 {
		block--
	}
	q := newQuery(code)
	for name, scan := range scans {
		var got distances
		gotBlock, gotNear := scan(&q, &got, x.heads, x.tails, limit)
		if gotBlock != block || gotNear != near || near != 0 && got != d {
			t.Fatalf("%s, %d bytes, limit %d: block %d, codes %x, want %d, %x\n%v\n%v", name, len(code), limit, gotBlock, gotNear, block, near, got, d)
		}
	}
}

// Whatever the codes: this processor's way and the generic one find the same.
func FuzzScan(f *testing.F) {
	f.Add([]byte("some bytes"), []byte("query"), uint16(17))
	f.Add(make([]byte, 4000), []byte{0xff}, uint16(8))
	f.Fuzz(func(t *testing.T, packed, code []byte, limit uint16) {
		if len(code) == 0 || len(packed) > 1<<13 {
			return
		}
		packed = packed[:len(packed)/len(code)*len(code)]
		x := &Index{bits: 8 * len(code), size: len(code)}
		if x.Add(packed) != nil {
			return
		}
		packed = append(packed, make([]byte, x.blocks()*lanes*len(code)-len(packed))...)
		checkScans(t, x, distancesBitByBit(packed, code), code, limit)
	})
}

type scanner func(q *query, d *distances, heads, tails []byte, limit uint16) (block int, near uint64)

var scans = map[string]scanner{"generic": (*query).scanGeneric, "this processor's": (*query).scan}

// BenchmarkScan compares codes that the nearest cache holds, with a limit that few blocks keep.
func BenchmarkScan(b *testing.B) {
	for name, scan := range scans {
		for _, size := range []int{8, 16, 25, 32, 64} {
			b.Run(fmt.Sprintf("%s/%d", name, 8*size), func(b *testing.B) {
				x, _ := random(rand.NewChaCha8([32]byte{}), piece/size, size)
				q := newQuery(make([]byte, size))
				var d distances
				for b.Loop() {
					scan(&q, &d, x.heads, x.tails, uint16(2*size))
				}
				b.ReportMetric(float64(x.rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mcodes/s")
			})
		}
	}
}
