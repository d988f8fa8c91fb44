//go:build !purego

package codes

// hasAVX2 says whether the processor has AVX2 and the system keeps its registers. golang.org/x/sys/cpu would say so too,
// but this package imports the standard library alone.
var hasAVX2 = detectAVX2()

func detectAVX2() bool {
	const (
		osxsave, avx = 1 << 27, 1 << 28 // leaf 1, ecx
		avx2         = 1 << 5           // leaf 7, ebx
		registers    = 1<<1 | 1<<2      // xcr0: SSE's and AVX's
	)
	leaves, _, _ := cpuid(0, 0)
	if leaves < 7 {
		return false
	}
	if _, _, c := cpuid(1, 0); c&osxsave == 0 || c&avx == 0 || xgetbv()&registers != registers {
		return false
	}
	_, b, _ := cpuid(7, 0)
	return b&avx2 != 0
}

func (q *query) scan(d *distances, heads, tails []byte, limit uint16) (block int, near uint64) {
	if hasAVX2 {
		return scanAVX2(d, heads, tails, q.tables, q.head, limit)
	}
	return q.scanGeneric(d, heads, tails, limit)
}

// scanAVX2 is query.scan with the query's tables, those of the head's bytes first.
//
//go:noescape
func scanAVX2(d *distances, heads, tails, tables []byte, head int, limit uint16) (block int, near uint64)

func cpuid(leaf, subleaf uint32) (a, b, c uint32)

func xgetbv() (xcr0 uint32)
