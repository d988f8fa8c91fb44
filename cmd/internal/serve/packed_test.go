package serve

import (
	"bytes"
	"compress/gzip"
	"testing"
)

// packed returns data as gzip packs them.
func packed(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packedZeros(t *testing.T, n int) []byte { return packed(t, make([]byte, n)) }
