package cli

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Own are the kinds of errors that only this program knows, for what helps with them.
var Own []Kind

// OwnWords are the texts that only this program's tables give to its command line: see the words of package infer.
var OwnWords map[string]string

// way matches what an error names when it says where to go on: an option, a key to set, a page, or a command of ours.
var way = regexp.MustCompile(`(?:^|[^-\pL\pN])--[a-z]|\bdocs/[a-z]+\.md|\bset [a-z]+\.[a-z_]+|\bSECURITY\.md|\bcatvae [a-z]+ -`)

// NamesWay reports whether a text names an option, a key, a page or a command that helps.
func NamesWay(text string) bool { return way.MatchString(text) }

// withWay adds what helps with a kind of error, if the error's text names nothing of the kind.
func withWay(err error) error {
	if NamesWay(err.Error()) {
		return err
	}
	for _, k := range slices.Concat(Own, certain, kinds) {
		if k.Help != "" && errors.Is(err, k.Of) {
			return fmt.Errorf("%w (%s)", err, k.Help)
		}
	}
	return err
}
