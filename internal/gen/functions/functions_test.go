package main

import (
	"errors"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/flaw"
	"github.com/catvae/catvae/internal/golden"
	"github.com/catvae/catvae/internal/tape"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // gorgonia's group norm prints its gradients
	os.Exit(m.Run())
}

// Every form of every function, on both backends: what is exported is right, values and gradients, against plain loops and their
// differences; docs/gorgonia.md is what is measured; and gorgonia's machine, as internal/tape runs it, refuses exactly what it
// would compute wrongly.
func TestFunctions(t *testing.T) {
	rows := measureAll(t.Context(), []backend.Backend{purego.New(), ortest.Backend(t)})
	for _, r := range rows {
		if r.verdict() != "whole" && remarks[r.name] == "" {
			t.Errorf("%s is exported %q: say why in remarks", r.name, r.verdict())
		}
		for i, m := range r.found {
			misnamed := r.name == "AveragePool1D" // gorgonia's is MaxPool1D, which nobody can see in the graph
			if (m.values == wrong || m.gradient == wrong) != misnamed {
				t.Errorf("%s, %s: exported: values %s, gradient %s:\n%s", r.name, r.forms[i].name, m.values, m.gradient, strings.Join(m.detail, "\n"))
			}
			if r.forms[i].random || misnamed {
				continue
			}
			onTape(t, r.name, r.forms[i], false, m.tapeValues)
			if m.tapeGradient != none {
				onTape(t, r.name, r.forms[i], true, m.tapeGradient)
			}
		}
	}
	_, version, err := module()
	if err != nil {
		t.Fatal(err)
	}
	golden.File(t, "../../../docs/gorgonia.md", []byte(page(rows, version)))
}

// onTape compares what internal/tape says of a graph with what gorgonia's machine made of it.
func onTape(t *testing.T, name string, f form, gradient bool, found outcome) {
	t.Helper()
	g, err := graph(f, tensor.Float64, 3, gradient)
	if err != nil {
		return
	}
	var outputs G.Nodes
	for _, o := range g.Outputs {
		outputs = append(outputs, o.Node)
	}
	machine, err := tape.New(outputs[0].Graph(), outputs...)
	if err == nil {
		machine.Close()
	}
	if refuses := errors.Is(err, flaw.Err); refuses != (found == wrong) && found != missing {
		t.Errorf("%s, %s, gradient %t: the machine's numbers are %q, the tape says %v", name, f.name, gradient, found, err)
	}
}

// Every function of gorgonia that returns a node is measured, or the list says why not.
func TestComplete(t *testing.T) {
	t.Parallel()
	dir, _, err := module()
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := build.ImportDir(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range pkg.GoFiles {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.IsExported() && returnsNodes(f.Type) {
				names = append(names, f.Name.Name)
			}
		}
	}
	measured := map[string]bool{}
	for _, f := range functions {
		if measured[f.name] {
			t.Errorf("%s is measured twice", f.name)
		}
		measured[f.name] = true
	}
	for _, name := range names {
		if measured[name] == (unmeasured[name] != "") {
			t.Errorf("%s returns a node: measure it, or say in unmeasured why not; not both", name)
		}
	}
	for name := range unmeasured {
		if !slices.Contains(names, name) {
			t.Errorf("unmeasured names %s, which gorgonia lacks", name)
		}
	}
	for name := range remarks {
		if !measured[name] {
			t.Errorf("remarks names %s, which is not measured", name)
		}
	}
}

func returnsNodes(f *ast.FuncType) bool {
	if f.Results == nil {
		return false
	}
	for _, r := range f.Results.List {
		switch t := r.Type.(type) {
		case *ast.StarExpr:
			if id, ok := t.X.(*ast.Ident); ok && id.Name == "Node" {
				return true
			}
		case *ast.Ident:
			if t.Name == "Nodes" {
				return true
			}
		}
	}
	return false
}

// The errors of what is wrong in gorgonia are those that package export documents.
func TestRefusals(t *testing.T) {
	t.Parallel()
	_, err := export.Graph(t.Context(), func(batch int) (export.Traced, error) {
		return graph(pointwise("Log2", G.Log2, nil, nil).forms[0], tensor.Float32, batch, true)
	}, export.Options{})
	if !errors.Is(err, export.ErrWrong) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v, want one line that wraps ErrWrong", err)
	}
}
