package docs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/catvae/catvae"

// An importRule says what a package may import, tests left out.
type importRule struct {
	packages string // a folder; with /... also those beneath it
	ours     string // packages of this module, in the same form; anything: *
	others   string // beginnings of other modules' packages, besides the standard library; anything: *
}

// importRules has a row for each package: the first that fits. docs/architecture.md repeats it.
var importRules = []importRule{
	{"dist", "", ""},
	{"codes", "", ""},
	{"codes/index", "codes internal/atomicfile internal/mapped", "golang.org/x/sync/"},
	{"codes/parquet", "codes", "github.com/apache/arrow-go/"},
	{"models", "", ""},
	{"picture", "internal/visible", "golang.org/x/image/ golang.org/x/sync/"},
	{"dataset", "dataset/internal/... dist internal/diskspace internal/foreign internal/noise internal/packing internal/readfile internal/visible picture", "github.com/x448/float16 golang.org/x/image/ golang.org/x/sync/"},
	{"dataset/augment", "dist internal/configkey internal/noise internal/spelling", ""},
	{"dataset/internal/...", "dist internal/noise internal/readfile internal/visible", "github.com/zeebo/xxh3"},
	{"dataset/parquet", "dataset dataset/internal/... dist internal/readfile internal/visible picture", "github.com/apache/arrow-go/"},
	{"builder/...", "builder/... dist internal/...", "gorgonia.org/ github.com/chewxy/hm github.com/x448/float16 gonum.org/v1/gonum/ google.golang.org/protobuf/"},
	{"export", "internal/...", "gorgonia.org/ google.golang.org/protobuf/"},
	{"bundle", "dist internal/foreign internal/noise internal/onnxtensor internal/readfile internal/visible", ""},
	{"bundle/layout", "bundle internal/onnxcheck internal/onnxcompose internal/onnxtensor", "go.yaml.in/yaml/v3"},
	{"bundle/variant", "bundle dist internal/... runtime/backend", "github.com/x448/float16 google.golang.org/protobuf/"},
	{"bundle/writer", "bundle/... dist export internal/... runtime/backend", ""},
	{"runtime", "bundle dist internal/... picture runtime/backend runtime/onnxruntime", "golang.org/x/sync/"},
	{"runtime/backend", "internal/onnxtensor internal/onnxcheck internal/onnxpb internal/visible", ""},
	{"runtime/backendtest", "internal/... runtime/backend", "google.golang.org/protobuf/"},
	{"runtime/embed", "bundle internal/... runtime/backend", ""},
	{"runtime/onnxruntime/...", "internal/... runtime/backend runtime/onnxruntime/...", "github.com/yalue/onnxruntime_go golang.org/x/sys/"},
	{"runtime/purego", "internal/... runtime/backend", ""},
	{"train", "builder/... bundle/... codes dataset dataset/augment dist export internal/... models picture runtime runtime/backend train/...", "*"},
	{"train/engine", "builder dist export internal/... runtime/backend", "gorgonia.org/"},
	{"train/evaluate", "bundle codes dataset dist internal/... runtime", "golang.org/x/sync"},
	{"train/report", "internal/...", "gonum.org/v1/plot"},
	{"train/retrieval", "codes internal/...", "gonum.org/v1/gonum/"},
	{"train/rivals", "codes dataset dist internal/... train/retrieval", "github.com/corona10/goimagehash"},
	{"train/tune", "dataset internal/... train train/retrieval", ""},
	{"internal/gen/...", "export internal/... runtime/backend runtime/purego", "*"},
	{"internal/...", "internal/...", "*"},
	{"cmd/...", "builder/... bundle/... cmd/internal/... codes/... dataset/... dist internal/... models picture runtime/... train/...", "*"},
	{"examples/...", "bundle dataset dist internal/atomicfile runtime runtime/onnxruntime", "github.com/alecthomas/kong"},
	{"bench/...", "bench/internal/... builder bundle codes/... dataset dist internal/... runtime/... train/...", "*"},
}

// withoutGorgonia are the packages that link nothing of gorgonia, however many imports lie between.
var withoutGorgonia = []string{"dist", "codes/...", "dataset/...", "models", "picture", "bundle", "bundle/layout", "bundle/variant", "runtime", "runtime/backend", "runtime/embed", "runtime/onnxruntime/...", "train/evaluate", "train/retrieval", "train/rivals", "cmd/internal/...", "cmd/infer"}

// matches reports whether a package is among the patterns.
func matches(patterns, name string) bool {
	for p := range strings.FieldsSeq(patterns) {
		folder, tree := strings.CutSuffix(p, "/...")
		if p == "*" || name == folder || tree && strings.HasPrefix(name, folder+"/") {
			return true
		}
	}
	return false
}

func (r importRule) allows(imported string) bool {
	if name, ours := strings.CutPrefix(imported, module+"/"); ours {
		return matches(r.ours, name)
	}
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") { // the standard library, and C
		return true
	}
	return r.others == "*" || slices.ContainsFunc(strings.Fields(r.others), func(p string) bool { return strings.HasPrefix(imported, p) })
}

func (r importRule) String() string {
	cell := func(patterns, all string) string {
		switch patterns {
		case "":
			return "-"
		case "*":
			return all
		}
		return "`" + strings.Join(strings.Fields(patterns), "`, `") + "`"
	}
	return fmt.Sprintf("| `%s` | %s | %s |", r.packages, cell(r.ours, "all"), cell(r.others, "any"))
}

type goPackage struct {
	ImportPath    string
	Imports, Deps []string
}

// listPackages lists the module's packages, as they are built with cgo.
func listPackages(t *testing.T) (list []goPackage) {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p goPackage
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

func TestImports(t *testing.T) {
	t.Parallel()
	used, checked := map[string]bool{}, map[string]bool{}
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if name == "docs" {
			continue
		}
		i := slices.IndexFunc(importRules, func(r importRule) bool { return matches(r.packages, name) })
		if i < 0 {
			t.Errorf("%s: no rule says what it may import: give it a row in importRules", name)
			continue
		}
		used[importRules[i].packages] = true
		for _, imported := range p.Imports {
			if !importRules[i].allows(imported) {
				t.Errorf("%s imports %s: the rule %s", name, strings.TrimPrefix(imported, module+"/"), importRules[i])
			}
		}
		for _, pattern := range withoutGorgonia {
			if !matches(pattern, name) {
				continue
			}
			checked[pattern] = true
			for _, d := range p.Deps {
				if strings.HasPrefix(d, "gorgonia.org/") {
					t.Errorf("%s links %s", name, d)
				}
			}
		}
	}
	for _, r := range importRules {
		if !used[r.packages] {
			t.Errorf("no package is under the rule %s", r)
		}
	}
	for _, pattern := range withoutGorgonia {
		if !checked[pattern] {
			t.Errorf("%s, which should link no gorgonia, is not there", pattern)
		}
	}
}

// The rules say no where they should.
func TestImportRules(t *testing.T) {
	t.Parallel()
	r := importRule{"a/...", "b c/...", "example.org/x/"}
	for imported, want := range map[string]bool{
		"fmt": true, "net/http": true, "C": true, module + "/b": true, module + "/c": true, module + "/c/d": true, "example.org/x/y": true,
		module + "/b/d": false, module + "/a": false, module + "/cc": false, "example.org/y": false, "gorgonia.org/tensor": false,
	} {
		if r.allows(imported) != want {
			t.Errorf("%s allows %s: %v", r, imported, !want)
		}
	}
}

const (
	importsBegin = "<!-- imports -->\n"
	importsEnd   = "<!-- /imports -->"
)

// docs/architecture.md repeats the rules: go test ./docs -update writes them.
func TestArchitecturePage(t *testing.T) {
	t.Parallel()
	const file = "architecture.md"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), importsBegin)
	old, after, end := strings.Cut(rest, importsEnd)
	if !found || !end {
		t.Fatalf("%s lacks %q or %q", file, importsBegin, importsEnd)
	}
	var table strings.Builder
	table.WriteString("| packages | may import of ours | of others, besides the standard library |\n| --- | --- | --- |\n")
	for _, r := range importRules {
		fmt.Fprintln(&table, r)
	}
	fmt.Fprintf(&table, "\nWith cgo, these link nothing of gorgonia: `%s`.\n", strings.Join(withoutGorgonia, "`, `"))
	if old == table.String() {
		return
	}
	if !*update {
		t.Fatalf("%s does not repeat the rules: run go test ./docs -update", file)
	}
	if err := os.WriteFile(file, []byte(before+importsBegin+table.String()+importsEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
