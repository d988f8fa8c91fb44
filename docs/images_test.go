package docs_test

import (
	"bufio"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// A container's build gets every file that a package embeds: what a .dockerignore leaves out is missed there alone, where nobody tests.
func TestImagesGetEmbeddedFiles(t *testing.T) {
	ignores, err := filepath.Glob("../deploy/docker/*.dockerignore")
	if err != nil || len(ignores) == 0 {
		t.Fatal(err, ignores)
	}
	embedded := embeddedFiles(t)
	if len(embedded) < 5 {
		t.Fatalf("only %v are embedded", embedded)
	}
	for _, ignore := range ignores {
		text, err := os.ReadFile(ignore)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range embedded {
			if !lets(string(text), file) {
				t.Errorf("%s leaves out %s, which a package embeds", ignore, file)
			}
		}
	}
}

// lets reports whether a .dockerignore that begins with "*" lets a file through.
func lets(ignore, file string) bool {
	for line := range strings.Lines(ignore) {
		pattern, ok := strings.CutPrefix(strings.TrimSpace(line), "!")
		if !ok {
			continue
		}
		for name := file; name != "."; name = path.Dir(name) { // a folder lets through what it holds
			if same, _ := path.Match(pattern, name); same {
				return true
			}
		}
	}
	return false
}

// embeddedFiles are the files that packages of commands embed, by their paths from the root.
func embeddedFiles(t *testing.T) (files []string) {
	t.Helper()
	for _, folder := range []string{"builder", "bundle", "cmd", "codes", "dataset", "export", "internal", "models", "picture", "runtime", "train"} {
		err := filepath.WalkDir(filepath.Join("..", folder), func(name string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			for lines := bufio.NewScanner(f); lines.Scan(); {
				patterns, ok := strings.CutPrefix(lines.Text(), "//go:embed ")
				if !ok {
					continue
				}
				for _, pattern := range strings.Fields(patterns) {
					if err := addEmbedded(&files, filepath.Join(filepath.Dir(name), pattern)); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// addEmbedded adds the files of a pattern, and those of folders that it names.
func addEmbedded(files *[]string, pattern string) error {
	found, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	for _, f := range found {
		err := filepath.WalkDir(f, func(name string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				*files = append(*files, strings.TrimPrefix(filepath.ToSlash(name), "../"))
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
