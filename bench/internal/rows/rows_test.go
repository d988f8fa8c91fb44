package rows

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A file of more rows than the source has holds the source's rows, and then the same ones again.
func TestWriteIDXRepeatsTheSource(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows.idx")
	const n, all = 41_000, 20_000 // dataset's glyphs to train on
	if err := Source("glyphs").WriteIDX(t.Context(), path, n); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) != idxHeader+n*Size {
		t.Fatalf("%d bytes, want %d", len(data), idxHeader+n*Size)
	}
	data = data[idxHeader:]
	if !bytes.Equal(data[:all*Size], data[all*Size:2*all*Size]) || !bytes.Equal(data[:1000*Size], data[2*all*Size:]) {
		t.Error("the rows after the source's last are not its first again")
	}
	if err := Source("glyphs").Each(t.Context(), 3, func(i int, row []byte) error {
		if !bytes.Equal(row, data[i*Size:][:Size]) {
			t.Errorf("row %d of Each is not the file's", i)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestDoneContextEndsReading(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	err := Source("glyphs").Each(ctx, 100, func(int, []byte) error {
		if seen++; seen == 3 {
			cancel()
		}
		return nil
	})
	if seen != 3 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d rows, %v", seen, err)
	}
}
