package dataset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/foreign"
	"github.com/catvae/catvae/picture"
)

// refuseForeign returns the error of content that is known to hold no rows, nil where it is not.
func refuseForeign(name string, head []byte) error {
	if picture.Is(head) {
		return foreignError(name, foreign.Kind{Is: "a picture", Way: "pictures are read from files, folders and columns of Parquet, and not from a pipe: give the file"})
	}
	if k, ok := foreign.Rows(head); ok {
		return foreignError(name, k)
	}
	return nil
}

// refuseMembers is refuseForeign for the members of a ZIP archive.
func refuseMembers(name string, names []string) error {
	if slices.ContainsFunc(names, func(member string) bool { return strings.HasSuffix(member, ".npy") }) {
		return nil
	}
	for _, member := range names {
		if k, ok := foreign.Archive(member); ok {
			return foreignError(name, k)
		}
	}
	if slices.ContainsFunc(names, func(member string) bool { return picture.Named(member) || strings.HasSuffix(member, ".csv") }) {
		return foreignError(name, foreign.Kind{Is: "a ZIP archive of other files than arrays", Way: "unpack it first"})
	}
	return nil
}

func foreignError(name string, k foreign.Kind) error {
	return &UnsupportedError{File: name, Reason: fmt.Sprintf("it is %s: %s; %s are read", k.Is, k.Way, readable())}
}
