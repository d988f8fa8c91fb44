package content

import (
	"encoding/hex"
	"testing"
)

// The sums are those of the xxhash package of Python (xxh3_128_hexdigest), in whatever pieces bytes come.
func TestSum(t *testing.T) {
	t.Parallel()
	long := make([]byte, 100_000)
	for i := range long {
		long[i] = byte(i * i >> 3)
	}
	for _, row := range []struct {
		content []byte
		want    string
	}{
		{nil, "99aa06d3014798d86001c324468d497f"},
		{[]byte("abc"), "06b05ab6733a618578af5f94892f3950"},
		{long, "bb34bf7b2426ababde7b34649650c701"},
	} {
		for _, piece := range []int{1, 7, 1000, len(long)} {
			h := New()
			for rest := row.content; len(rest) > 0; {
				n := min(piece, len(rest))
				h.Write(rest[:n])
				rest = rest[n:]
			}
			got := h.Sum([]byte{})
			if hex.EncodeToString(got) != row.want || len(got) != h.Size() {
				t.Errorf("%d bytes in pieces of %d: %x, want %s", len(row.content), piece, got, row.want)
			}
		}
	}
}
