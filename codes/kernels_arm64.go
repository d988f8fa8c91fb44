//go:build !purego

package codes

// most is how many bytes a code may have for its distances to be summed in 16 bits.
const most = 8191

func (q *query) scan(d *distances, heads, tails []byte, limit uint16) (block int, near uint64) {
	if len(q.code) > most {
		return q.scanGeneric(d, heads, tails, limit)
	}
	return scanDistancesNEON(d, heads, tails, q.code, q.head, limit)
}

func scanHalves(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64) {
	return scanHalvesNEON(heads, tails, tables, head, limit)
}

func scanBytes(heads, tails, tables []byte, head, _ int, limit uint8) (block int, near uint64) {
	return scanBytesNEON(heads, tails, tables, head, limit)
}

// scanDistancesNEON is query.scanGeneric, of codes of at most most bytes, which are the query's.
//
//go:noescape
func scanDistancesNEON(d *distances, heads, tails, tables []byte, head int, limit uint16) (block int, near uint64)

// scanHalvesNEON is scanHalvesGeneric.
//
//go:noescape
func scanHalvesNEON(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64)

// scanBytesNEON is scanBytesGeneric.
//
//go:noescape
func scanBytesNEON(heads, tails, tables []byte, head int, limit uint8) (block int, near uint64)
