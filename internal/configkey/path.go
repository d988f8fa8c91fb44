package configkey

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Index splits a path into a list, "layers[1].conv", into the place 1 and the rest "conv".
func Index(list, path string) (index int, rest string, err error) {
	place, rest, _ := strings.Cut(path, ".")
	text, begins := strings.CutPrefix(place, list+"[")
	text, ends := strings.CutSuffix(text, "]")
	if !begins || !ends {
		return 0, "", fmt.Errorf("%q is no place in a list: write %s[0] and so on", path, list)
	}
	if index, err = strconv.Atoi(text); err != nil {
		return 0, "", fmt.Errorf("%q is no place in a list: write %s[0] and so on", path, list)
	}
	return index, rest, nil
}

// JSON reads a value from a command line: JSON, a list of whole numbers such as 3,5 or 3x5, or a word.
func JSON(text string) json.RawMessage {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	if list := json.RawMessage("[" + strings.ReplaceAll(text, "x", ",") + "]"); json.Unmarshal(list, &[]int{}) == nil {
		return list
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return json.RawMessage(`""`)
	}
	return quoted
}
