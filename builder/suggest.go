package builder

import (
	"strings"

	"github.com/catvae/catvae/internal/spelling"
)

// suggest ends an error about a name that is none of words: the word that it looks like, and all of them.
func suggest(name string, words []string) string {
	list := strings.Join(words, ", ")
	if i := strings.LastIndex(list, ", "); i >= 0 {
		list = list[:i] + " or " + list[i+2:]
	}
	best, least := "", max(2, len(name)/3)+1
	for _, word := range words {
		if d := spelling.Distance(strings.ToLower(name), word); d < least && name != "" {
			best, least = word, d
		}
	}
	if best == "" {
		return "use " + list
	}
	return "did you mean " + best + "? Use " + list
}
