package builder

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/catvae/catvae/dist"
)

// Groups are the groups of mixed variables.
type Groups []dist.Group

// Set reads groups from text: "bernoulli:32,categorical:8x10", for each its kind and its variables, with x and the categories where it
// has them; or the list as JSON.
func (g *Groups) Set(text string) error {
	if strings.Contains(text, "{") {
		var groups []dist.Group
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&groups); err != nil {
			return fmt.Errorf("%q is no list of groups: %w", text, err)
		}
		*g = groups
		return nil
	}
	groups := Groups{}
	for _, word := range strings.FieldsFunc(strings.Trim(text, "[]"), func(r rune) bool { return r == ',' || r == ' ' }) {
		group, err := parseGroup(word)
		if err != nil {
			return err
		}
		groups = append(groups, group)
	}
	*g = groups
	return nil
}

func parseGroup(word string) (dist.Group, error) {
	kind, sizes, ok := strings.Cut(word, ":")
	variables, categories, several := strings.Cut(sizes, "x")
	n, err := strconv.Atoi(variables)
	k := 0
	if several && err == nil {
		k, err = strconv.Atoi(categories)
	}
	if !ok || err != nil {
		return dist.Group{}, fmt.Errorf("%q is no group: write its kind and variables, such as bernoulli:32 or categorical:8x10", word)
	}
	return dist.Group{Kind: kind, Variables: n, Categories: k}, nil
}
