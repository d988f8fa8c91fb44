package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/cmd/internal/cli"
)

// otherErrors are the sentinels that no row of an exit code's table has to name, and why.
var otherErrors = map[string]string{
	"ErrBusy":          "is told to clients of catvae serve alone: come again",
	"ErrNoSelfTest":    "is logged by catvae serve, which goes on",
	"ErrClosed":        "a program's fault",
	"ErrStdout":        "of the system",
	"ErrHeld":          "another process: waited for, or told by whoever wanted the lock",
	"ErrLocked":        "another process: its text names the way out",
	"ErrReadOnly":      "a program's fault",
	"ErrReplaced":      "another process: its text names the way out",
	"ErrLabels":        "package rivals measures without labels then, and says so",
	"ErrUnsupportedOp": "of gorgonia graphs, which commands do not take: its text names docs/operators.md",
}

// A refusal is a place in the sources where an error of a kind is made.
type refusal struct{ at, sentinel string }

// refusals finds every place outside of tests that makes an error which wraps a sentinel of the module, and the names of all
// sentinels that packages export, with that which they wrap.
func refusals(t *testing.T) (places []refusal, sentinels map[string]string) {
	t.Helper()
	sentinels = map[string]string{}
	files := token.NewFileSet()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "bench" || filepath.ToSlash(path) == "../../internal" || strings.HasPrefix(d.Name(), ".") && d.Name() != ".."):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if i < len(n.Values) && strings.HasPrefix(name.Name, "Err") && isCall(n.Values[i], "New", "Errorf") {
						sentinels[name.Name] = ""
						for _, arg := range n.Values[i].(*ast.CallExpr).Args {
							if of := lastName(arg); strings.HasPrefix(of, "Err") {
								sentinels[name.Name] = of
							}
						}
					}
				}
			case *ast.CallExpr:
				if !isCall(n, "Errorf") {
					return true
				}
				for _, arg := range n.Args {
					if name := lastName(arg); strings.HasPrefix(name, "Err") {
						places = append(places, refusal{files.Position(n.Pos()).String(), name})
					}
				}
			case *ast.CompositeLit:
				if name := lastName(n.Type); name == "FormatError" || name == "UnsupportedError" { // which are ErrData
					places = append(places, refusal{files.Position(n.Pos()).String(), "ErrData"})
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return places, sentinels
}

func isCall(e ast.Expr, names ...string) bool {
	call, ok := e.(*ast.CallExpr)
	return ok && slices.Contains(names, lastName(call.Fun))
}

func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// Every refusal of data, configuration or model names an option, a page or a command that helps: its own text does, or the row
// of its kind in the tables of exit codes, which commands add. The scripts look at what commands print.
func TestRefusals(t *testing.T) {
	t.Parallel()
	rows := map[string]string{} // help by sentinel
	row := regexp.MustCompile(`\{(?:Of: )?(?:\w+\.)?(Err\w+), (?:Code: )?(?:cli\.)?\w+, (?:Help: )?"([^"]*)"\}`)
	for _, table := range []string{"../internal/cli/exit.go", "main.go"} {
		text, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range row.FindAllStringSubmatch(string(text), -1) {
			if m[1] != "ErrStdout" && !cli.NamesWay(m[2]) {
				t.Errorf("%s: the row of %s names no option, page or command: %q", table, m[1], m[2])
			}
			for _, page := range regexp.MustCompile(`docs/(\w+\.md)`).FindAllStringSubmatch(m[2], -1) {
				if _, err := os.Stat(filepath.Join("../../docs", page[1])); err != nil {
					t.Errorf("%s: %v", m[1], err)
				}
			}
			rows[m[1]] = m[2]
		}
	}
	places, sentinels := refusals(t)
	if len(places) < 300 || len(rows) < 20 {
		t.Fatalf("%d places, %d rows", len(places), len(rows))
	}
	covered := func(name string) bool {
		for ; name != ""; name = sentinels[name] {
			if _, known := rows[name]; known || otherErrors[name] != "" {
				return true
			}
		}
		return false
	}
	for name := range sentinels {
		if !covered(name) {
			t.Errorf("%s is in no table of exit codes, with what helps: add a row to cmd/internal/cli/exit.go or cmd/catvae/main.go, or a reason here", name)
		}
	}
	count := map[string]int{}
	for _, p := range places {
		if _, ours := sentinels[p.sentinel]; ours && !covered(p.sentinel) {
			t.Errorf("%s: nothing says what helps with %s", p.at, p.sentinel)
		}
		count[p.sentinel]++
	}
	t.Logf("%d places: %v", len(places), count)
}
