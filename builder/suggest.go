package builder

import "github.com/catvae/catvae/internal/spelling"

// suggest ends an error about a name that is none of words.
func suggest(name string, words []string) string { return spelling.Suggest(name, words) }
