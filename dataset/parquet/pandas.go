package parquet

import (
	"encoding/json"
	"strconv"

	"github.com/apache/arrow-go/v18/parquet/metadata"
)

// An index is that of a frame of pandas, as pandas' entry in a file's end says:
// https://pandas.pydata.org/docs/development/developer.html.
type index struct {
	columns map[string]bool // that hold it
	numbers *numbers        // where no column does
}

// numbers are start, start+step, …
type numbers struct {
	Kind  string `json:"kind"` // "range"
	Name  string `json:"name"`
	Start int64  `json:"start"`
	Step  int64  `json:"step"`
}

// indexOf returns the index that the entries of a file's end tell of.
func indexOf(entries metadata.KeyValueMetadata) (x index) {
	text := entries.FindValue("pandas")
	if text == nil {
		return x
	}
	var says struct {
		Columns []json.RawMessage `json:"index_columns"`
	}
	if json.Unmarshal([]byte(*text), &says) != nil { // somebody else's, or damaged: the columns are what they are
		return x
	}
	x.columns = map[string]bool{}
	for _, column := range says.Columns {
		var name string
		var n numbers
		if json.Unmarshal(column, &name) == nil {
			x.columns[name] = true
		} else if json.Unmarshal(column, &n) == nil && n.Kind == "range" && (n.Start != 0 || n.Step != 1) { // else it is the rows' numbers
			x.numbers = &n
		}
	}
	return x
}

// ID returns what a row is called.
func (n *numbers) ID(row int) string { return strconv.FormatInt(n.Start+int64(row)*n.Step, 10) }
