// Package foreign says what a file is that was given in the place of another: people give what their framework saved, or what a download
// left, and an error that only says what it is not helps nobody.
package foreign

// A Kind is a kind of file.
type Kind struct {
	Is  string // "a Git LFS pointer, not the file itself"
	Way string // what leads to a model, or to rows, from there
}

// A row is a kind and how it is told. Rows of a table are tried in their order.
type row struct {
	is        func(data []byte) bool
	what, way string
}

// first returns the first kind of a table that content is.
func first(table []row, data []byte) (k Kind, ok bool) {
	for _, r := range table {
		if r.is(data) {
			return Kind{r.what, r.way}, true
		}
	}
	return Kind{}, false
}
