package codes

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// A way of scanning for losses.
type (
	halvesScanner func(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64)
	bytesScanner  func(heads, tails, tables []byte, head, categories int, limit uint8) (block int, near uint64)
)

var (
	halvesScanners = map[string]halvesScanner{"generic": scanHalvesGeneric, "this processor's": scanHalves}
	bytesScanners  = map[string]bytesScanner{
		"generic": func(heads, tails, tables []byte, head, _ int, limit uint8) (int, uint64) {
			return scanBytesGeneric(heads, tails, tables, head, limit)
		},
		"this processor's": scanBytes,
	}
)

// Each way of scanning finds the first block with a sum of losses within the limit, whatever the tables; sums end at 255.
func TestScanLosses(t *testing.T) {
	t.Parallel()
	r := rand.NewChaCha8([32]byte{2})
	for size := range 40 {
		for _, most := range []int{2, 255 / (size + 1), 255} {
			_, packed := random(r, 3*lanes, size+1)
			tables := make([]byte, tableBytes*(size+1))
			r.Read(tables)
			for i := range tables {
				tables[i] = byte(int(tables[i]) % (most + 1))
			}
			for _, limit := range []uint8{0, 3, 50, 120, 200, 254} {
				for _, categories := range []int{2, 16, 17, 100, 128, 129, 255, 256} {
					checkLosses(t, packed, tables, size+1, categories, limit)
				}
			}
		}
	}
}

// checkLosses wants of each way of scanning what adding up entries says.
func checkLosses(t *testing.T, packed, tables []byte, size, categories int, limit uint8) {
	t.Helper()
	few := bytes.Clone(packed)
	for i := range few {
		few[i] = byte(int(few[i]) % categories)
	}
	x, y := indexOf(packed, size), indexOf(few, size)
	head := headBytes(size)
	wantBlock, wantNear := firstNear(packed, size, limit, func(i int, b byte) int {
		return int(tables[32*i+int(b&15)]) + int(tables[32*i+16+int(b>>4)])
	})
	for name, scan := range halvesScanners {
		if block, near := scan(x.heads, x.tails, tables[:32*size], head, limit); block != wantBlock || near != wantNear {
			t.Fatalf("halves, %s, %d bytes, limit %d: block %d, codes %x, want %d, %x", name, size, limit, block, near, wantBlock, wantNear)
		}
	}
	wantBlock, wantNear = firstNear(few, size, limit, func(i int, b byte) int { return int(tables[tableBytes*i+int(b)]) })
	for name, scan := range bytesScanners {
		if block, near := scan(y.heads, y.tails, tables, head, categories, limit); block != wantBlock || near != wantNear {
			t.Fatalf("bytes, %s, %d bytes, %d categories, limit %d: block %d, codes %x, want %d, %x", name, size, categories, limit, block, near, wantBlock, wantNear)
		}
	}
}

// firstNear is what a scan of whole blocks promises.
func firstNear(packed []byte, size int, limit uint8, loss func(i int, b byte) int) (block int, near uint64) {
	for ; len(packed) > 0; block, packed = block+1, packed[lanes*size:] {
		for lane := range lanes {
			sum := 0
			for i, b := range packed[lane*size:][:size] {
				sum += loss(i, b)
			}
			if sum <= int(limit) {
				near |= 1 << lane
			}
		}
		if near != 0 {
			break
		}
	}
	return block, near
}

// Whatever codes and tables: this processor's way and the generic one find the same.
func FuzzScanLosses(f *testing.F) {
	f.Add([]byte("some bytes"), []byte("entries"), 3, 256, uint8(17))
	f.Add(make([]byte, 4000), []byte{1}, 31, 100, uint8(40))
	f.Fuzz(func(t *testing.T, packed, entries []byte, size, categories int, limit uint8) {
		if size < 1 || size > 200 || categories < 2 || categories > MaxCategories || limit > 254 || len(entries) == 0 || len(packed) > 1<<13 {
			return
		}
		packed = append(packed, make([]byte, lanes*size)...)
		packed = packed[:len(packed)/(lanes*size)*lanes*size]
		tables := bytes.Repeat(entries, tableBytes*size/len(entries)+1)[:tableBytes*size]
		checkLosses(t, packed, tables, size, categories, limit)
	})
}

// BenchmarkScanLosses compares codes that the nearest cache holds, with a limit that no code keeps.
func BenchmarkScanLosses(b *testing.B) {
	for _, size := range []int{8, 16, 32} {
		x, _ := random(rand.NewChaCha8([32]byte{}), piece/size, size)
		tables := bytes.Repeat([]byte{9}, tableBytes*size)
		measure := func(name string, scan func()) {
			b.Run(fmt.Sprintf("%s/%d bytes", name, size), func(b *testing.B) {
				for b.Loop() {
					scan()
				}
				b.ReportMetric(float64(x.rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mcodes/s")
			})
		}
		for name, scan := range halvesScanners {
			measure("halves, "+name, func() { scan(x.heads, x.tails, tables[:32*size], headBytes(size), 3) })
		}
		for name, scan := range bytesScanners {
			measure("bytes, "+name, func() { scan(x.heads, x.tails, tables, headBytes(size), 256, 3) })
		}
	}
}
