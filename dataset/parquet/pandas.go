package parquet

import (
	"encoding/json"

	"github.com/apache/arrow-go/v18/parquet/metadata"
)

// indexOf returns the names of the columns in which pandas has put a frame's index, as its entry in a file's end says:
// https://pandas.pydata.org/docs/development/developer.html. An index of 0, 1, 2 … has no column.
func indexOf(entries metadata.KeyValueMetadata) map[string]bool {
	text := entries.FindValue("pandas")
	if text == nil {
		return nil
	}
	var says struct {
		Columns []any `json:"index_columns"`
	}
	if json.Unmarshal([]byte(*text), &says) != nil { // somebody else's, or damaged: the columns are what they are
		return nil
	}
	index := map[string]bool{}
	for _, column := range says.Columns {
		if name, ok := column.(string); ok {
			index[name] = true
		}
	}
	return index
}
