//go:build (!amd64 && !arm64) || purego

package codes

func scanHalves(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64) {
	return scanHalvesGeneric(heads, tails, tables, head, limit)
}

func scanBytes(heads, tails, tables []byte, head, _ int, limit uint8) (block int, near uint64) {
	return scanBytesGeneric(heads, tails, tables, head, limit)
}

func (q *query) scan(d *distances, heads, tails []byte, limit uint16) (block int, near uint64) {
	return q.scanGeneric(d, heads, tails, limit)
}
