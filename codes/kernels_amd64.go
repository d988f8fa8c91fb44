//go:build !purego

package codes

// level says which instructions are used: each level has those before it.
type level int

const (
	plain level = iota
	levelAVX2
	levelAVX512 // F and BW, as all processors with BW have it
	levelVBMI   // and BITALG, which came later
)

// processor is what the processor has, of whose registers the system keeps. golang.org/x/sys/cpu would say so too, but this package
// imports the standard library alone.
var processor = detect()

func detect() level {
	const (
		osxsave, avx  = 1 << 27, 1 << 28 // leaf 1, ecx
		avx2          = 1 << 5           // leaf 7, ebx
		avx512        = 1<<16 | 1<<30    // leaf 7, ebx: F and BW
		vbmi, bitalg  = 1 << 1, 1 << 12  // leaf 7, ecx
		registers     = 1<<1 | 1<<2      // xcr0: SSE's and AVX's
		longRegisters = 1<<5 | 1<<6 | 1<<7
	)
	leaves, _, _ := cpuid(0, 0)
	if leaves < 7 {
		return plain
	}
	if _, _, c := cpuid(1, 0); c&osxsave == 0 || c&avx == 0 || xgetbv()&registers != registers {
		return plain
	}
	_, b, c := cpuid(7, 0)
	switch {
	case b&avx2 == 0:
		return plain
	case b&avx512 != avx512 || xgetbv()&longRegisters != longRegisters:
		return levelAVX2
	case c&vbmi == 0 || c&bitalg == 0:
		return levelAVX512
	}
	return levelVBMI
}

func (q *query) scan(d *distances, heads, tails []byte, limit uint16) (block int, near uint64) {
	return q.scanAt(processor, d, heads, tails, limit)
}

func (q *query) scanAt(l level, d *distances, heads, tails []byte, limit uint16) (block int, near uint64) {
	switch {
	case l >= levelVBMI:
		return scanDistancesAVX512(d, heads, tails, q.fourfold, q.head, limit)
	case l >= levelAVX2:
		return scanAVX2(d, heads, tails, q.tables, q.head, limit)
	}
	return q.scanGeneric(d, heads, tails, limit)
}

func scanHalves(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64) {
	return scanHalvesAt(processor, heads, tails, tables, head, limit)
}

func scanHalvesAt(l level, heads, tails, tables []byte, head int, limit uint8) (block int, near uint64) {
	switch {
	case l >= levelAVX512:
		return scanHalvesAVX512(heads, tails, tables, head, limit)
	case l >= levelAVX2:
		return scanHalvesAVX2(heads, tails, tables, head, limit)
	}
	return scanHalvesGeneric(heads, tails, tables, head, limit)
}

func scanBytes(heads, tails, tables []byte, head, categories int, limit uint8) (block int, near uint64) {
	return scanBytesAt(processor, heads, tails, tables, head, categories, limit)
}

func scanBytesAt(l level, heads, tails, tables []byte, head, categories int, limit uint8) (block int, near uint64) {
	switch {
	case l >= levelVBMI:
		return scanBytesVBMI(heads, tails, tables, head, limit)
	case l >= levelAVX2:
		return scanBytesAVX2(heads, tails, tables, head, categories, limit)
	}
	return scanBytesGeneric(heads, tails, tables, head, limit)
}

// scanAVX2 is query.scan with the query's tables, those of the head's bytes first.
//
//go:noescape
func scanAVX2(d *distances, heads, tails, tables []byte, head int, limit uint16) (block int, near uint64)

// The others are written by internal/gen/kernels, which says what they do.

//go:noescape
func scanDistancesAVX512(d *distances, heads, tails, tables []byte, head int, limit uint16) (block int, near uint64)

//go:noescape
func scanHalvesAVX2(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64)

//go:noescape
func scanHalvesAVX512(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64)

//go:noescape
func scanBytesAVX2(heads, tails, tables []byte, head, categories int, limit uint8) (block int, near uint64)

//go:noescape
func scanBytesVBMI(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64)

func cpuid(leaf, subleaf uint32) (a, b, c uint32)

func xgetbv() (xcr0 uint32)
