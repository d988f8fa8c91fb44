package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/internal/visible/visibletest"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
)

// Whatever files hold and are called, what inspect and import print has as many lines as for a file with harmless names, and nothing
// in it steers a terminal; errors are one visible line.
func TestOutputIsVisible(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	harmless := onnxtest.Named("name")
	lines := map[string]int{}
	for _, kind := range append([]string{""}, kinds()...) {
		name, models := visibletest.Names()[kind], onnxtest.Named(visibletest.Names()[kind])
		if kind == "" {
			name, models = "name", harmless
		}
		for what, model := range models {
			file := filepath.Join(dir, "model.onnx")
			if err := os.WriteFile(file, model, 0o666); err != nil {
				t.Fatal(err)
			}
			for verb, run := range map[string]func(env cli.Env) error{
				"inspect": func(env cli.Env) error { return inspectCommand{Path: file}.Run(t.Context(), env) },
				"import":  func(env cli.Env) error { return importCommand{File: file}.Run(t.Context(), env) },
			} {
				var out, talk bytes.Buffer
				err := run(cli.Env{Stdout: &out, Stderr: &talk}) // without what makes all output of a command visible
				if err != nil {
					err = visibletest.Check(err)
				}
				got := strings.Count(out.String(), "\n")
				key := verb + what
				if kind == "" {
					lines[key] = got
				}
				if err != nil || visibletest.Lines(out.String(), "\n\t") != nil || visibletest.Lines(talk.String(), "\n\t") != nil || got > lines[key] || out.Len() > 1<<14 {
					t.Errorf("%s of %s with %s (%.20q): %v, %d lines, want %d: %.3000q", verb, what, kind, name, err, got, lines[key], out.String())
				}
			}
		}
	}
}

// The same of a bundle, whose manifest has names and texts of its own.
func TestBundlesAreVisible(t *testing.T) {
	t.Parallel()
	run := smallRun(t, ortest.Backend(t, onnxruntime.WithThreads(1)), smallData(t))
	b, err := bundle.Open(filepath.Join(run, "bundle"))
	if err != nil {
		t.Fatal(err)
	}
	want := -1
	for _, kind := range append([]string{""}, kinds()...) {
		name := visibletest.Names()[kind]
		if kind == "" {
			name = "name"
		}
		m := *b.Manifest
		m.Name, m.Producer, m.Input.Name, m.Input.Seen = name, name, name, name
		m.Files = maps.Clone(m.Files)
		m.Files["variant.onnx"] = m.Files[bundle.EncoderFile]
		m.Variants = map[string]bundle.Variant{name: {File: "variant.onnx", Input: bundle.Uint8, Devices: []string{name}}}
		m.Model = fmt.Appendf(nil, `{"name": %q}`, strings.ToValidUTF8(name, ""))
		m.Model = bytes.ReplaceAll(bytes.ReplaceAll(m.Model, []byte(`\x`), []byte(`\u00`)), []byte(`\a`), []byte(`\u0007`))
		text, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for file := range m.Files {
			from := file
			if file == "variant.onnx" {
				from = bundle.EncoderFile
			}
			data, err := b.File(from)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, file), data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, bundle.ManifestFile), text, 0o666); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err = inspectCommand{Path: dir}.Run(t.Context(), cli.Env{Stdout: &out, Stderr: &out})
		if kind == "" {
			want = strings.Count(out.String(), "\n")
		}
		if got := strings.Count(out.String(), "\n"); err != nil || got != want || visibletest.Lines(out.String(), "\n\t") != nil {
			t.Errorf("%s: %v, %d lines, want %d: %.2000q", kind, err, got, want, out.String())
		}
	}
}

func kinds() []string {
	var list []string
	for kind := range visibletest.Names() {
		list = append(list, kind)
	}
	return list
}
