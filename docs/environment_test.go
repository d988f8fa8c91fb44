package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ours matches our own environment variables.
var ours = regexp.MustCompile(`\bCATVAE_[A-Z_]+`)

// variables lists the environment variables that Go code reads by name, our own in Go code and scripts, and the files that name
// each.
func variables(t *testing.T) map[string]string {
	t.Helper()
	scripts := []string{".sh", ".py", ".yaml", ""} // .ci/run and Dockerfile have no extension
	names, err := files(func(name string) bool {
		return path.Ext(name) == ".go" || slices.Contains(scripts, path.Ext(name)) || strings.HasPrefix(path.Base(name), "Dockerfile")
	})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, name := range names {
		source, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		if path.Ext(name) == ".go" {
			list = readInGo(t, name, source)
		} else {
			list = ours.FindAllString(string(source), -1)
		}
		for _, v := range list {
			found[v] = name
		}
	}
	return found
}

// readInGo lists the literals that are our own variables' names, and those that os.Getenv and os.LookupEnv are called with.
func readInGo(t *testing.T, name string, source []byte) (list []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	literal := func(e ast.Expr) string {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			s, _ := strconv.Unquote(l.Value)
			return s
		}
		return ""
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if s := literal(n); s != "" && ours.FindString(s) == s {
				list = append(list, s)
			}
		case *ast.CallExpr:
			f, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || len(n.Args) != 1 || f.Sel.Name != "Getenv" && f.Sel.Name != "LookupEnv" {
				return true
			}
			if p, ok := f.X.(*ast.Ident); ok && p.Name == "os" && literal(n.Args[0]) != "" {
				list = append(list, literal(n.Args[0]))
			}
		}
		return true
	})
	return list
}

// docs/environment.md lists every environment variable that is read, and no other of ours.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("environment.md")
	if err != nil {
		t.Fatal(err)
	}
	found := variables(t)
	if found["CATVAE_ORT_LIB"] == "" || found["CATVAE_BENCH_VENV"] == "" || found["LD_LIBRARY_PATH"] == "" {
		t.Fatalf("found only %v", found)
	}
	for v, file := range found {
		if !strings.Contains(string(text), "`"+v+"`") {
			t.Errorf("docs/environment.md does not list `%s`, which %s reads", v, file)
		}
	}
	for _, v := range ours.FindAllString(string(text), -1) {
		if found[v] == "" {
			t.Errorf("docs/environment.md lists %s, which nothing reads", v)
		}
	}
}
