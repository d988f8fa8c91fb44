// Package spelling says how much alike two words are, for errors that suggest a name.
package spelling

import "strings"

// Suggest ends an error about a name that is none of words: the word that it looks like, and all of them.
func Suggest(name string, words []string) string {
	list := strings.Join(words, ", ")
	if i := strings.LastIndex(list, ", "); i >= 0 {
		list = list[:i] + " or " + list[i+2:]
	}
	best, least := "", max(2, len(name)/3)+1
	for _, word := range words {
		if d := Distance(strings.ToLower(name), word); d < least && name != "" {
			best, least = word, d
		}
	}
	if best == "" {
		return "use " + list
	}
	return "did you mean " + best + "? Use " + list
}

// Distance returns how many bytes of a must be changed, put in or left out to get b (Levenshtein 1966).
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := before
			if a[i] != b[j] {
				d = 1 + min(before, row[j], row[j+1])
			}
			before, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
