package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/datatest"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"catvae": main,
		"infer":  mainOfInfer,
	})
}

// mainOfInfer is the command infer, which does not link what catvae does.
func mainOfInfer() {
	cli.PureGo = nil
	os.Exit(cli.Main("infer", cli.InferDescription, &cli.InferCommand{}, cli.Code))
}

// The scripts run the commands as a user would: files, exit status, stdout and stderr. Each finds a small data set in $DATA, a
// run on it in $RUN, the run's bundle in $BUNDLE and an embedder of texts in $EMBEDDER. Scripts run in parallel.
func TestScripts(t *testing.T) {
	backend := ortest.Backend(t, onnxruntime.WithThreads(1))
	lib, _, err := onnxruntime.FindLibrary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	data := smallData(t)
	run := smallRun(t, backend, data)
	pure := filepath.Join(t.TempDir(), "infer")
	build := exec.Command("go", "build", "-o", pure, "../infer")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("infer without cgo: %v: %s", err, out)
	}
	testscript.Run(t, testscript.Params{
		Dir:             "testdata/script",
		ContinueOnError: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("CATVAE_ORT_LIB", lib.Path)
			e.Setenv("LIB", lib.Path)
			e.Setenv("COMMANDS", filepath.SplitList(e.Getenv("PATH"))[0])
			torch, err1 := filepath.Abs("../../builder/importer/testdata")
			embedder, err2 := filepath.Abs("../../runtime/embed/testdata/tiny")
			e.Setenv("TORCH", torch)
			e.Setenv("PURE_INFER", pure)
			e.Setenv("DATA", data)
			e.Setenv("RUN", run)
			e.Setenv("BUNDLE", filepath.Join(run, train.BundleDir))
			e.Setenv("EMBEDDER", embedder)
			return errors.Join(err1, err2)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exit":     exitStatus,
			"oneline":  oneLine,
			"manifest": editManifest,
			"idx":      writeIDX,
			"header":   writeHeader,
			"npy":      writeNPY,
			"truncate": truncate,
		},
	})
}

// smallData writes a folder like MNIST's with few rows: 1,200 glyphs to train on and 200 to test.
func smallData(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, split := range []struct {
		split dataset.Split
		files string // beginning of their names
		rows  int
	}{{dataset.Train, "train", 1200}, {dataset.Test, "t10k", 200}} {
		glyphs, err := dataset.Load(t.Context(), dataset.GlyphsSource, dataset.Options{Split: split.split, Rows: split.rows})
		if err != nil {
			t.Fatal(err)
		}
		var pixels, labels []byte
		for i := range glyphs.Len() {
			pixels, labels = append(pixels, glyphs.Bytes(i)...), append(labels, byte(glyphs.Label(i)))
		}
		for name, file := range map[string][]byte{
			"-images-idx3-ubyte": datatest.IDX(pixels, append([]int{split.rows}, glyphs.Shape...)...),
			"-labels-idx1-ubyte": datatest.IDX(labels, split.rows),
		} {
			if err := os.WriteFile(filepath.Join(dir, split.files+name), file, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// header is that of an IDX file of bytes.
func header(shape ...int) []byte {
	head := []byte{0, 0, 8, byte(len(shape))}
	for _, d := range shape {
		head = binary.BigEndian.AppendUint32(head, uint32(d))
	}
	return head
}

// smallRun trains a model of 12 bits.
func smallRun(t *testing.T, backend backend.Backend, data string) string {
	t.Helper()
	c, err := train.LoadConfig("quickstart", os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"latent.variables=12", "encoder.hidden=8", "decoder.hidden=8", "epochs=1", "batch=500", "data.validation=200"} {
		if err := c.Set(set); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := train.Run(context.Background(), c, train.Options{Source: data, Out: dir, Backend: backend, Samples: 1}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// exit STATUS COMMAND... wants a command to end with a status.
func exitStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit STATUS COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if e, ok := err.(*exec.ExitError); ok {
		got = e.ExitCode()
	} else if err != nil {
		got = 1
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("%v: exit status %d, want %s", args[1:], got, args[0])
	}
	if got == cli.BadInput || got == cli.Usage || got == cli.NoLibrary { // refused: the way out is named
		if text := ts.ReadFile("stderr"); !cli.NamesWay(text) {
			ts.Fatalf("%v: no option, page or command is named: %s", args[1:], text)
		}
	}
}

// oneline wants stderr to be one line that contains every argument, and stdout to be empty.
func oneLine(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile("stderr")
	if n := strings.Count(text, "\n"); n != 1 || strings.Contains(text, "%!") {
		ts.Fatalf("stderr has %d lines: %q", n, text)
	}
	for _, a := range args {
		if !strings.Contains(text, a) {
			ts.Fatalf("stderr %q lacks %q", text, a)
		}
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("stdout is not empty: %q", out)
	}
}

// manifest DIR OLD NEW copies $BUNDLE to DIR with a change to its manifest's text.
func editManifest(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.CopyFS(dir, os.DirFS(ts.Getenv("BUNDLE"))))
	path := filepath.Join(dir, bundle.ManifestFile)
	data, err := os.ReadFile(path)
	ts.Check(err)
	text := strings.Replace(string(data), args[1], args[2], 1)
	if text == string(data) && args[1] != args[2] {
		ts.Fatalf("the manifest does not contain %q", args[1])
	}
	if !json.Valid([]byte(text)) {
		ts.Logf("the manifest is no JSON now")
	}
	ts.Check(os.WriteFile(path, []byte(text), 0o644))
}

// idx FILE ROWS HEIGHT WIDTH writes an IDX file of zeros.
func writeIDX(ts *testscript.TestScript, neg bool, args []string) {
	var shape []int
	total := 1
	for _, a := range args[1:] {
		var d int
		_, err := fmt.Sscan(a, &d)
		ts.Check(err)
		shape, total = append(shape, d), total*d
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), datatest.IDX(make([]byte, total), shape...), 0o644))
}

// header FILE DIMENSION... writes an IDX header that promises more than follows.
func writeHeader(ts *testscript.TestScript, neg bool, args []string) {
	var shape []int
	for _, a := range args[1:] {
		var d int
		_, err := fmt.Sscan(a, &d)
		ts.Check(err)
		shape = append(shape, d)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), header(shape...), 0o644))
}

// npy FILE ROWS WIDTH VALUE writes a float32 NPY file that is zero except for VALUE in the last place.
func writeNPY(ts *testscript.TestScript, neg bool, args []string) {
	var rows, width int
	var value float32
	_, err := fmt.Sscan(strings.Join(args[1:], " "), &rows, &width, &value)
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	w, err := dataset.NewNPYWriter(f, "float32", rows, width)
	ts.Check(err)
	values := make([]float32, rows*width)
	values[len(values)-1] = value
	ts.Check(w.WriteFloats(values))
	ts.Check(f.Close())
}

// truncate FILE BYTES cuts a file.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	var n int64
	_, err := fmt.Sscan(args[1], &n)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// cmd/infer links no model code: with cgo nothing of gorgonia's, without it what onnx-go's decoder needs.
func TestInferDependencies(t *testing.T) {
	t.Parallel()
	for cgo, allowed := range map[string]string{"1": "", "0": "gorgonia.org/tensor gorgonia.org/vecf32 gorgonia.org/vecf64"} {
		list := exec.Command("go", "list", "-deps", "-f", "{{if .Module}}{{.Module.Path}} {{.ImportPath}}{{end}}", "../infer")
		list.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			module, p, _ := strings.Cut(strings.TrimSpace(line), " ")
			gorgonia := strings.HasPrefix(module, "gorgonia.org/") && !slices.Contains(strings.Fields(allowed), module)
			if gorgonia || strings.HasSuffix(p, "catvae/train") || strings.HasSuffix(p, "catvae/builder") {
				t.Errorf("cmd/infer with CGO_ENABLED=%s depends on %s", cgo, p)
			}
		}
	}
}
