package train

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/train/report"
	"github.com/catvae/catvae/train/rivals"
)

// Found is a table of what the codes of runs find, a line for each measurement that they recorded; nil where none did. Its notes are the
// protocols, by their numbers in the table: figures by different ones do not compare.
func Found(trials []Trial) *report.Table {
	type line struct {
		run, of string
		found   *rivals.Comparison
	}
	var lines []line
	for _, t := range trials {
		for _, l := range []line{{t.Dir, "test", t.Retrieval}, {t.Dir, "held out", t.HeldOutRetrieval}} {
			if l.found != nil && len(l.found.Rows) > 0 {
				lines = append(lines, l)
			}
		}
	}
	if len(lines) == 0 {
		return nil
	}
	t := &report.Table{Head: []string{"run", "rows", "bits"}}
	for _, l := range lines {
		for _, name := range l.found.Columns() {
			if !slices.Contains(t.Head, name) {
				t.Head = append(t.Head, name)
			}
		}
	}
	figures := len(t.Head)
	t.Head = append(t.Head, "protocol")
	for _, l := range lines {
		model := l.found.Rows[0]
		row := append(make([]string, 0, len(t.Head)), l.run, l.of, fmt.Sprint(model.Bits))
		cells, names := l.found.Cells(model), l.found.Columns()
		for _, name := range t.Head[3:figures] {
			cell := ""
			if i := slices.Index(names, name); i >= 0 {
				cell = cells[i]
			}
			row = append(row, cell)
		}
		at := slices.Index(t.Notes, l.found.Protocol)
		if at < 0 {
			at, t.Notes = len(t.Notes), append(t.Notes, l.found.Protocol)
		}
		t.Rows = append(t.Rows, append(row, fmt.Sprint(at+1)))
	}
	for i, note := range t.Notes {
		t.Notes[i] = fmt.Sprintf("protocol %d: %s", i+1, note)
	}
	return t
}
