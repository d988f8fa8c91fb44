package rivals

import (
	"fmt"
	"strings"
)

// Columns returns the headings of the figures, after name and bits.
func (c Comparison) Columns() (names []string) {
	for _, column := range c.columns() {
		names = append(names, column.name)
	}
	return names
}

// Cells returns the figures of a row as text, one for each of Columns: "" where a figure was not measured.
func (c Comparison) Cells(r Row) (cells []string) {
	for _, column := range c.columns() {
		text := ""
		if x := column.of(r); x != nil {
			text = fmt.Sprintf("%.3f", *x)
		}
		cells = append(cells, text)
	}
	return cells
}

type column struct {
	name string
	of   func(Row) *float64
}

// columns are the figures that some row has.
func (c Comparison) columns() (list []column) {
	for _, column := range []column{
		{fmt.Sprintf("precision@%d", c.At), func(r Row) *float64 { return r.Precision }},
		{"mAP", func(r Row) *float64 { return r.MeanAP }},
		{fmt.Sprintf("%d-NN", c.Votes), func(r Row) *float64 { return r.Accuracy }},
		{fmt.Sprintf("recall@%d", c.Recall), func(r Row) *float64 { return r.Recall }},
		{fmt.Sprintf("in %d", c.Within), func(r Row) *float64 { return r.RecallWithin }},
	} {
		for _, r := range c.Rows {
			if column.of(r) != nil {
				list = append(list, column)
				break
			}
		}
	}
	return list
}

// Notes say in words how the figures were measured.
func (c Comparison) Notes() []string {
	notes := []string{c.Protocol}
	if len(c.Rows) > 0 && c.Rows[0].Recall != nil {
		notes = append(notes, fmt.Sprintf("recall@%d is of the %d nearest rows of floats, by the metric %s, which are looked for among the %d and the %d first", c.Recall, c.Recall, c.Metric, c.Recall, c.Within))
	}
	if c.Fitted != "" {
		notes = append(notes, "rivals are fitted to "+c.Fitted)
	}
	return notes
}

// String returns the comparison as a table, with the protocol above it.
func (c Comparison) String() string {
	var b strings.Builder
	name := "retrieval"
	for _, note := range c.Notes() {
		fmt.Fprintf(&b, "%-15s %s\n", name, note)
		name = ""
	}
	fmt.Fprintf(&b, "%-15s %5s", "", "bits")
	columns := c.Columns()
	for _, name := range columns {
		fmt.Fprintf(&b, "  %*s", max(len(name), 5), name)
	}
	b.WriteString("\n")
	for _, r := range c.Rows {
		bits := ""
		if r.Bits > 0 {
			bits = fmt.Sprint(r.Bits)
		}
		line := fmt.Sprintf("%-15s %5s", r.Name, bits)
		for i, cell := range c.Cells(r) {
			line += fmt.Sprintf("  %*s", max(len(columns[i]), 5), cell)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	for _, why := range c.LeftOut {
		fmt.Fprintf(&b, "left out        %s\n", why)
	}
	return b.String()
}
