//go:build !purego

package codes

// Every level up to the processor's is compared, not its best alone.
func init() {
	for l, name := range map[level]string{levelAVX2: "AVX2", levelAVX512: "AVX-512", levelVBMI: "AVX-512 VBMI"} {
		if l > processor {
			continue
		}
		scans[name] = func(q *query, d *distances, heads, tails []byte, limit uint16) (int, uint64) {
			return q.scanAt(l, d, heads, tails, limit)
		}
		halvesScanners[name] = func(heads, tails, tables []byte, head int, limit uint8) (int, uint64) {
			return scanHalvesAt(l, heads, tails, tables, head, limit)
		}
		bytesScanners[name] = func(heads, tails, tables []byte, head, categories int, limit uint8) (int, uint64) {
			return scanBytesAt(l, heads, tails, tables, head, categories, limit)
		}
	}
}
