package explore

import (
	"bytes"
	"fmt"
	"html"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Names that come from files end no element and no attribute of the page, and start none.
func TestEscaped(t *testing.T) {
	const evil = `</title></script><script>alert(1)</script>"'><img src=x onerror=alert(1)>{{script}}`
	page, err := assemble(Info{Engine: engineServed, Name: evil, Bundle: evil, Columns: []string{evil}, Rows: &rowsInfo{Source: evil, Names: []string{evil}}}, []part{{evil, "AAAA"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script>alert", "<img", "</title></script>"} {
		if bytes.Contains(page, []byte(bad)) {
			t.Errorf("the page has %s", bad)
		}
	}
	code, err := script()
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(page, []byte(code)); n != 1 {
		t.Errorf("the script is in the page %d times", n)
	}
}

// The policy of the page names its own script and style, and nothing else that may run.
func TestPolicy(t *testing.T) {
	for engine, connect := range map[string]string{engineServed: "connect-src 'self'", engineAlone: "connect-src 'none'"} {
		page, err := assemble(Info{Engine: engine}, nil)
		if err != nil {
			t.Fatal(err)
		}
		text := html.UnescapeString(string(page))
		code := regexp.MustCompile(`(?s)<script type="module">(.*)</script>`).FindStringSubmatch(string(page))[1]
		style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(string(page))[1]
		for _, want := range []string{"default-src 'none'", "script-src '" + integrity(code) + "'", "style-src '" + integrity(style) + "'", connect, "form-action 'none'"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %s is missing in the policy", engine, want)
			}
		}
		if strings.Contains(text, "unsafe-inline") || strings.Contains(text, "unsafe-eval'") && !strings.Contains(text, "'wasm-unsafe-eval'") || regexp.MustCompile(`\s(?:style|on[a-z]+)="`).MatchString(text) {
			t.Errorf("%s: the page allows or uses what its policy should refuse", engine)
		}
	}
}

// Every module is part of the script, once; they share one scope, so that no name is given twice; and none names another host.
func TestModules(t *testing.T) {
	files, err := fs.Glob(assets, "assets/*.mjs")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, name := range modules {
		listed = append(listed, "assets/"+name)
	}
	slices.Sort(listed)
	if !slices.Equal(files, listed) {
		t.Errorf("the modules are %v, the folder has %v", listed, files)
	}
	code, err := script()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(?:async )?(?:function|class|const|let) (?:([$\w]+)|\[([$\w, ]+)\])`).FindAllStringSubmatch(code, -1) {
		for name := range strings.SplitSeq(m[1]+m[2], ",") {
			if name = strings.TrimSpace(name); seen[name] {
				t.Errorf("%s is given twice", name)
			}
			seen[name] = true
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d names were found", len(seen))
	}
	for _, bad := range []string{"http:", "https:", "</script", "innerHTML", "eval("} {
		if strings.Contains(code, bad) {
			t.Errorf("the script has %s", bad)
		}
	}
	if strings.Contains(code, "\nimport ") || strings.Contains(code, "\nexport ") {
		t.Error("an import or export is left in the script: write it on one line")
	}
}

// The page makes rows of pictures as the example does, which is held against the program's own rows.
func TestPictureRule(t *testing.T) {
	want, err := os.ReadFile("../../../examples/javascript/pictures.mjs")
	if err != nil {
		t.Fatal(err)
	}
	got, err := fs.ReadFile(assets, "assets/pictures.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("assets/pictures.mjs is not examples/javascript/pictures.mjs: copy it")
	}
}

// Every id that the script asks for is in the page.
func TestIDs(t *testing.T) {
	code, err := script()
	if err != nil {
		t.Fatal(err)
	}
	body, err := fs.ReadFile(assets, "assets/page.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\$\("([^"]+)"\)`).FindAllStringSubmatch(code, -1) {
		if !bytes.Contains(body, fmt.Appendf(nil, "id=%q", m[1])) {
			t.Errorf("the page has no %s", m[1])
		}
	}
}
