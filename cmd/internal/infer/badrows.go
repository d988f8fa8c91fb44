package infer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"sync"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/runtime"
)

// badRow is a row that cannot be used.
type badRow struct {
	Row    int    `json:"row"` // from 0
	ID     any    `json:"id"`  // the row again, or its name in the source
	Reason string `json:"reason"`
}

// tolerance counts bad rows, up to a ratio of all rows.
type tolerance struct {
	mu   sync.Mutex
	most int
	seen int
}

// take counts n further bad rows, or returns the error that ends the run.
func (t *tolerance) take(n int, first error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen += n
	switch {
	case n == 0 || t.seen <= t.most:
		return nil
	case t.most == 0:
		return fmt.Errorf("%w: --max-bad RATIO tolerates bad rows: %w", first, dataset.ErrData)
	}
	return fmt.Errorf("infer: %w: more than %d bad rows, the most that --max-bad tolerates, one of them: %w", dataset.ErrData, t.most, first)
}

// bad returns the bad rows of those errors that have a method BadRow.
func (p *Plan) bad(errs []error) []badRow {
	rows := make([]badRow, 0, len(errs))
	for _, err := range errs {
		var one runtime.BadRowError
		if errors.As(err, &one) {
			rows = append(rows, badRow{one.BadRow(), p.id(one.BadRow()), strings.Join(strings.Fields(p.explained(err).Error()), " ")})
		}
	}
	return rows
}

// explained is [WithDivideHint] where the flag helps.
func (p *Plan) explained(err error) error {
	var outside *dataset.ValueError
	if errors.As(err, &outside) && p.Source.DType == "uint8" && !outside.Values.One { // by the rule of older bundles it divides no bytes
		return err
	}
	return WithDivideHint(err)
}

// WithDivideHint adds to an error about a number that is out of a range which flag divides by another.
func WithDivideHint(err error) error {
	var outside *dataset.ValueError
	if errors.As(err, &outside) && outside.Values.Most < math.MaxFloat32 {
		return fmt.Errorf("%w (--divide N divides by N)", err)
	}
	return err
}

// writeBad names bad rows in a file, and removes the file of an earlier run where there are none.
func writeBad(path string, rows []badRow) error {
	if len(rows) == 0 {
		return removed(os.Remove(path))
	}
	return atomicfile.Write(path, 0o644, func(w io.Writer) error {
		lines := json.NewEncoder(w)
		for _, row := range rows {
			if err := lines.Encode(row); err != nil {
				return err
			}
		}
		return nil
	})
}

// listsBad reports a file that begins as writeBad writes it.
func listsBad(path string) bool {
	f, err := readfile.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	lines := json.NewDecoder(io.LimitReader(f, 1<<20))
	lines.DisallowUnknownFields()
	var row badRow
	return lines.Decode(&row) == nil && row.ID != nil && row.Reason != ""
}

// linesIn counts the lines of a file.
func linesIn(path string) (int, error) {
	var c lineCounter
	err := copyFile(&c, path)
	return int(c), err
}

type lineCounter int

func (c *lineCounter) Write(b []byte) (int, error) {
	*c += lineCounter(bytes.Count(b, []byte{'\n'}))
	return len(b), nil
}

// removed ignores that a file to be removed did not exist.
func removed(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
