package readfile

import (
	"fmt"
	"path/filepath"
	"strings"
)

// maxName is the longest part of a name that file systems hold, in bytes.
const maxName = 255

// Local returns a slash-separated name that a file holds as a path relative to the file's folder. A name that leads out of
// the folder, or that means something else on another system (a drive, a stream, a backslash, a control character), is an
// [ErrName]. Links are not looked at: whoever can write the folder may link from it.
func Local(name string) (string, error) {
	path := filepath.FromSlash(name)
	odd := func(r rune) bool { return r < ' ' || r == '\x7f' || r == '\\' || r == ':' }
	if !filepath.IsLocal(path) || strings.HasPrefix(name, "/") || strings.ContainsFunc(name, odd) {
		return "", fmt.Errorf("%.200q: %w", name, ErrName)
	}
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > maxName {
			return "", fmt.Errorf("%.200q has a part of %d bytes, at most %d are possible: %w", name, len(part), maxName, ErrName)
		}
	}
	return path, nil
}
