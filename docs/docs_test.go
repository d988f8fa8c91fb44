// Package docs_test checks what the repository's pages say: that links, headings and paths exist, that README links every page,
// that every environment variable is listed, and who imports whom.
package docs_test

import (
	"bytes"
	"flag"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

var update = flag.Bool("update", false, "write the import rules into docs/architecture.md")

const root = ".."

// A page is what a Markdown file says, as far as it can be checked.
type page struct {
	name    string // slashes, from the root
	anchors []string
	links   []string
	code    []string // of code spans and of blocks, word by word
}

// pages reads every Markdown file of the repository.
var pages = sync.OnceValues(func() (list []page, err error) {
	names, err := files(func(name string) bool { return path.Ext(name) == ".md" })
	for _, name := range names {
		source, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		list = append(list, parsePage(name, source))
	}
	return list, err
})

// files lists the repository's files, with slashes and from the root. Hidden folders except .ci, and shared, where data may be,
// are passed over.
func files(want func(name string) bool) (names []string, err error) {
	return names, fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(d.Name(), ".") && name != "." && name != ".ci"
		if d.IsDir() && (hidden || name == "shared" || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		if !d.IsDir() && want(name) {
			names = append(names, name)
		}
		return nil
	})
}

func parsePage(name string, source []byte) page {
	p := page{name: name}
	document := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // fails never, as the function does not
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			p.anchors = append(p.anchors, anchor(plainText(n, source), p.anchors))
		case *ast.Link:
			p.links = append(p.links, string(n.Destination))
		case *ast.Image:
			p.links = append(p.links, string(n.Destination))
		case *ast.AutoLink:
			p.links = append(p.links, string(n.URL(source)))
		case *ast.CodeSpan:
			p.code = append(p.code, strings.Fields(plainText(n, source))...)
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			p.code = append(p.code, strings.Fields(string(n.Lines().Value(source)))...)
		}
		return ast.WalkContinue, nil
	})
	return p
}

func plainText(n ast.Node, source []byte) string {
	var b bytes.Buffer
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Value(source))
			if t.SoftLineBreak() {
				b.WriteByte(' ')
			}
			continue
		}
		b.WriteString(plainText(c, source))
	}
	return b.String()
}

// anchor is the name that GitHub gives a heading: lower case, spaces as hyphens, no punctuation; -1 and so on where it is taken.
func anchor(heading string, taken []string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
	unique := name
	for i := 1; slices.Contains(taken, unique); i++ {
		unique = name + "-" + string(rune('0'+i))
	}
	return unique
}

// brokenLink says what is wrong with a link of a page, or "".
func brokenLink(from page, link string, all []page) string {
	u, err := url.Parse(link)
	switch {
	case err != nil:
		return err.Error()
	case u.Scheme == "mailto":
		return ""
	case u.Scheme != "":
		if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return "it is no address of the web"
		}
		return ""
	}
	target := from.name
	if u.Path != "" {
		target = path.Join(path.Dir(from.name), u.Path)
		if _, err := os.Stat(filepath.Join(root, target)); err != nil {
			return "there is no " + target
		}
	}
	if u.Fragment == "" {
		return ""
	}
	for _, p := range all {
		if p.name == target && slices.Contains(p.anchors, u.Fragment) {
			return ""
		}
	}
	return target + " has no heading #" + u.Fragment
}

// missingPath says whether a word of code looks like a path of the repository, such as internal/noise or ./cmd/infer, and is not
// there. A pattern must match something, as must a name in capitals, such as export/op_FAMILY.go; dataset/parquet.New is there
// where dataset/parquet is.
func missingPath(word string) bool {
	word = strings.TrimPrefix(strings.Trim(word, "()[]{}\"',;:"), "./")
	word = strings.TrimSuffix(strings.TrimSuffix(word, "..."), "/")
	top, _, found := strings.Cut(word, "/")
	if !found || !slices.Contains(topFolders(), top) {
		return false
	}
	word = placeholder.ReplaceAllString(word, "*")
	for {
		if matches, err := filepath.Glob(filepath.Join(root, word)); err != nil || len(matches) > 0 {
			return err != nil
		}
		cut := strings.LastIndexByte(word, '.')
		if cut <= strings.LastIndexByte(word, '/') || !unicode.IsUpper(rune((word + " ")[cut+1])) {
			return true
		}
		word = word[:cut]
	}
}

var placeholder = regexp.MustCompile(`\b[A-Z]{2,}\b|_[A-Z]{2,}\b`)

// topFolders lists the folders of the root that hold code.
var topFolders = sync.OnceValue(func() (names []string) {
	entries, _ := os.ReadDir(root)
	for _, e := range entries {
		if e.IsDir() && (e.Name() == ".ci" || !strings.HasPrefix(e.Name(), ".")) {
			names = append(names, e.Name())
		}
	}
	return names
})

func readPages(t *testing.T) []page {
	t.Helper()
	list, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 10 {
		t.Fatalf("%d pages in %s: want the repository's", len(list), root)
	}
	return list
}

func TestLinks(t *testing.T) {
	t.Parallel()
	all := readPages(t)
	for _, p := range all {
		for _, link := range p.links {
			if what := brokenLink(p, link, all); what != "" {
				t.Errorf("%s: link %q: %s", p.name, link, what)
			}
		}
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	for _, p := range readPages(t) {
		if p.name == "CHANGELOG.md" { // tells of what was
			continue
		}
		for _, word := range p.code {
			if missingPath(word) {
				t.Errorf("%s: there is no `%s`", p.name, word)
			}
		}
	}
}

func TestREADMELinksEveryPage(t *testing.T) {
	t.Parallel()
	all := readPages(t)
	readme := all[slices.IndexFunc(all, func(p page) bool { return p.name == "README.md" })]
	for _, p := range all {
		if path.Dir(p.name) == "docs" && !slices.Contains(readme.links, p.name) {
			t.Errorf("README.md does not link %s: give it a line under Documentation", p.name)
		}
	}
}

// The checks find what they are there for.
func TestChecksFind(t *testing.T) {
	t.Parallel()
	p := parsePage("docs/x.md", []byte("# A `b/c`, d!\n\n## Twice\n\n## Twice\n\n[l](../README.md#start) ![i](glyphs.png) <https://example.org>\n\n`internal/noise no/path`\n\n    go run ./cmd/infer\n"))
	if got := strings.Join(p.anchors, " "); got != "a-bc-d twice twice-1" {
		t.Errorf("anchors %q", got)
	}
	if got := strings.Join(p.links, " "); got != "../README.md#start glyphs.png https://example.org" {
		t.Errorf("links %q", got)
	}
	if got := strings.Join(p.code, " "); got != "b/c internal/noise no/path go run ./cmd/infer" {
		t.Errorf("code %q", got)
	}
	all := append(slices.Clone(readPages(t)), p)
	for link, good := range map[string]bool{
		"../README.md": true, "../README.md#start": true, "#twice-1": true, "https://example.org/a?b": true, "glyphs.png": true,
		"README.md": false, "../README.md#nowhere": false, "#thrice": false, "https:///a": false, "htp://a": false, "https://a b": false,
	} {
		if what := brokenLink(p, link, all); (what == "") != good {
			t.Errorf("link %q: %q", link, what)
		}
	}
	for word, missing := range map[string]bool{
		"internal/noise": false, "./cmd/infer": false, "./...": false, "export/pass_*.go": false, "export/op_FAMILY.go": false, "models/README.md": false, "dataset/parquet.New": false, "run/bundle": false, "docs/": false,
		"internal/nowhere": true, "./cmd/nowhere": true, "export/nowhere_*.go": true, "export/nowhere_NAME.go": true, "internal/noise.go": true, "internal/nowhere.New": true,
	} {
		if missingPath(word) != missing {
			t.Errorf("missing path %q: %v", word, !missing)
		}
	}
}
