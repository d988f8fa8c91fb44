package reading_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset/internal/reading"
)

// Every row has the name that was added for it, also past the blocks in which they are kept.
func TestIDs(t *testing.T) {
	t.Parallel()
	var ids reading.IDs
	if ids.ID(0) != "" || ids.Given() {
		t.Error("a table without rows has names")
	}
	name := func(row int) string {
		if row%7 == 0 {
			return ""
		}
		return fmt.Sprint(row, strings.Repeat("é", row*row%400))
	}
	const rows = 200
	for row := range rows {
		ids.Add([]byte(name(row)))
	}
	for row := range rows {
		if got := ids.ID(row); got != name(row) {
			t.Errorf("row %d is %q, want %q", row, got, name(row))
		}
	}
	ids.Add([]byte("a\xff"))
	if got := ids.ID(rows); got != `a\xff` || ids.ID(rows+1) != "" || ids.ID(-1) != "" || !ids.Given() {
		t.Errorf("%q", got)
	}
}
