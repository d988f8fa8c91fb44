//go:build !amd64 || purego

package codes

func (q *query) scan(d *distances, heads, tails []byte, limit uint16) (block int, near uint64) {
	return q.scanGeneric(d, heads, tails, limit)
}
