package mapped_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/catvae/catvae/internal/mapped"
)

// Bytes are the file's, of an empty one none.
func TestBytes(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "some bytes"} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		data, unmap, err := mapped.Bytes(f, int64(len(content)))
		if err != nil || string(data) != content {
			t.Fatalf("%q, %v, want %q", data, err, content)
		}
		if err := unmap(); err != nil {
			t.Error(err)
		}
		if _, _, err := mapped.Bytes(f, -1); err == nil {
			t.Error("a size below 0 is taken")
		}
	}
}
