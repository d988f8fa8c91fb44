package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var imports = regexp.MustCompile(`(?m)^[ \t]*(import .*\bonnxruntime\b|from onnxruntime\b)`)

// Every Python program and snippet that we show switches onnxruntime's telemetry off before it imports onnxruntime, which dies in a
// container without /etc/machine-id otherwise.
func TestTelemetryIsOff(t *testing.T) {
	t.Parallel()
	found := 0
	for _, dir := range []string{"../README.md", "../docs", "../examples", "../clients"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if d != nil && d.Name() == "node_modules" {
				return fs.SkipDir
			}
			if end := filepath.Ext(path); err != nil || d.IsDir() || end != ".py" && end != ".md" {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			programs := []string{string(text)}
			if filepath.Ext(path) == ".md" {
				programs = strings.Split(string(text), "```python\n")[1:]
				for i, program := range programs {
					programs[i], _, _ = strings.Cut(program, "\n```")
				}
			}
			for _, program := range programs {
				at := imports.FindStringIndex(program)
				if at == nil {
					continue
				}
				found++
				if !strings.Contains(program[:at[0]], `os.environ["ORT_DISABLE_TELEMETRY"] = "1"`) {
					t.Errorf("%s imports onnxruntime with its telemetry on", path)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 3 {
		t.Errorf("%d programs were found", found)
	}
}
