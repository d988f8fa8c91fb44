package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sort"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/atomicfile"
)

// badRows collects the rows that cannot be used. As long as they are no more than a ratio of all rows, each is zeros in
// the output, so that row i of the output stays row i of the input, and a line of JSON with id and reason in a file beside
// it. The first one too many ends the run.
type badRows struct {
	most int
	rows []badRow // in order
}

type badRow struct {
	ID     int    `json:"id"` // the row, from 0
	Reason string `json:"reason"`
}

// newBadRows tolerates a ratio of so many rows, rounded down: 0.29 of 100 are 29, though the product in binary is less.
func newBadRows(ratio float64, rows int) *badRows {
	return &badRows{most: int(ratio*float64(rows) + 1e-6)}
}

// add notes a bad row, or returns the error that ends the run.
func (b *badRows) add(row int, err error) error {
	switch {
	case b.most == 0:
		return fmt.Errorf("%w: --max-bad RATIO tolerates bad rows", err)
	case len(b.rows) == b.most:
		return fmt.Errorf("%w: more than %d bad rows, which is what --max-bad tolerates, the last: %w", dataset.ErrData, b.most, err)
	}
	b.rows = append(b.rows, badRow{row, OneLine(err)})
	return nil
}

// blank sets to zero what was made of bad rows among values, width a row, of the rows from first on.
func blank[T byte | float32](b *badRows, values []T, first, width int) {
	i := sort.Search(len(b.rows), func(i int) bool { return b.rows[i].ID >= first })
	for _, bad := range b.rows[i:] {
		if at := (bad.ID - first) * width; at < len(values) {
			clear(values[at:][:width])
		}
	}
}

// badFile is where the bad rows of an output are named.
func badFile(out string) string { return out + ".bad.jsonl" }

// write names the bad rows in a file, and removes that of an earlier run where there are none.
func (b *badRows) write(path string) error {
	if len(b.rows) == 0 {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return atomicfile.Write(path, 0o644, func(w io.Writer) error {
		lines := json.NewEncoder(w)
		for _, row := range b.rows {
			if err := lines.Encode(row); err != nil {
				return err
			}
		}
		return nil
	})
}

// err says that rows are missing, or nil.
func (b *badRows) err(path string) error {
	if len(b.rows) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d rows are bad and zeros in the output: %s names them", ErrPart, len(b.rows), path)
}
