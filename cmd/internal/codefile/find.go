package codefile

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/catvae/catvae/internal/spelling"
	"github.com/catvae/catvae/internal/visible"
)

// Find returns the row that is called by an id, as it is written or as UTF-8, or that has a number where no id is that text. An id that
// no row has, or several have, is an error.
func (c *Codes) Find(id string) (int, error) {
	if c.IDs == nil {
		row, err := strconv.Atoi(id)
		switch {
		case err != nil:
			return 0, fmt.Errorf("%s has no ids, and %q is no row's number: use 0 to %d", c.Source, id, c.Len()-1)
		case row < 0 || row >= c.Len():
			return 0, fmt.Errorf("there is no row %d: %s has rows 0 to %d", row, c.Source, c.Len()-1)
		}
		return row, nil
	}
	var rows []int
	for _, form := range []string{id, visible.EscapeID(id)} {
		for row, name := range c.IDs {
			if name == form && !slices.Contains(rows, row) {
				rows = append(rows, row)
			}
		}
	}
	switch {
	case len(rows) == 1:
		return rows[0], nil
	case len(rows) > 1:
		return 0, fmt.Errorf("%d rows of %s have the id %q, among them %d and %d: ids must differ to search by them", len(rows), c.Source, id, rows[0], rows[1])
	}
	if row, err := strconv.Atoi(id); err == nil && !c.numbered() {
		if row >= 0 && row < c.Len() {
			return row, nil
		}
		return 0, fmt.Errorf("there is no row %d: %s has rows 0 to %d", row, c.Source, c.Len()-1)
	}
	return 0, fmt.Errorf("no row of %s has the id %q: the nearest is %q", c.Source, id, c.nearest(id))
}

// numbered reports ids among which are numbers, such as 17 or 17.0.
func (c *Codes) numbered() bool {
	return slices.ContainsFunc(c.IDs, func(id string) bool {
		_, err := strconv.ParseFloat(id, 64)
		return err == nil
	})
}

// nearest returns the id that is most like a text.
func (c *Codes) nearest(id string) (best string) {
	least := int(^uint(0) >> 1)
	for i, name := range c.IDs {
		if i == 100_000 { // looks at enough
			break
		}
		d := 0
		switch {
		case strings.EqualFold(name, id):
			return name
		case path.Base(name) == path.Base(id):
			d = 1
		case max(len(name)-len(id), len(id)-len(name)) < least:
			d = spelling.Distance(name[:min(len(name), compared)], id[:min(len(id), compared)])
		default:
			continue
		}
		if d < least {
			least, best = d, name
		}
	}
	return best
}

// compared is how many bytes of two ids are compared.
const compared = 200
