package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// The packages of other languages have the programs' version: it is written down in three places, and here they are one.
func TestVersionOfClients(t *testing.T) {
	for file, pattern := range map[string]string{
		"python/src/catvae/_version.py": `__version__ = "(.+)"`,
		"js/package.json":               `"version": "(.+)"`,
	} {
		text, err := os.ReadFile(filepath.Join("..", "..", "..", "clients", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		if found := regexp.MustCompile(pattern).FindSubmatch(text); found == nil || string(found[1]) != Version {
			t.Errorf("%s: the version is %q, that of the programs %q", file, found, Version)
		}
	}
}
