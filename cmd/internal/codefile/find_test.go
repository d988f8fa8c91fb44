package codefile_test

import (
	"testing"

	"github.com/catvae/catvae/cmd/internal/codefile"
)

// A number that is no id is a row's only where ids are no numbers: else it would be another row than the one that is meant.
func TestNumbersAsIDs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ids  []string
		id   string
		want int // -1 for an error
	}{
		{[]string{"a", "b"}, "1", 1},
		{[]string{"3", "1"}, "0", -1},
		{[]string{"3.0", "1.0"}, "1", -1},
		{[]string{"", "1.0"}, "0", -1},
		{[]string{"a", "7"}, "0", -1},
		{[]string{"3", "1"}, "3", 0},
	} {
		row, err := (&codefile.Codes{Bytes: 1, Packed: make([]byte, len(c.ids)), IDs: c.ids}).Find(c.id)
		if c.want < 0 && err == nil || c.want >= 0 && (err != nil || row != c.want) {
			t.Errorf("%q in %q: row %d, %v", c.id, c.ids, row, err)
		}
	}
}
