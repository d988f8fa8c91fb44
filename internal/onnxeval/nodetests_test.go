package onnxeval_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

var update = flag.Bool("update", false, "rewrite docs/purego.md and the committed tests")

// skipped says why tests of operators that are there do not run, by the end or the part of their names. Everything else must
// pass.
var skipped = []struct{ match, reason string }{
	{"bfloat16", bfloat16}, {"BFLOAT16", bfloat16},
	{"FLOAT8", smallFloats}, {"FLOAT4", smallFloats}, {"e4m3fn", smallFloats}, {"e5m2", smallFloats}, {"float4e2m1", smallFloats}, {"E8M0", smallFloats},
	{"INT4", smallIntegers}, {"INT2", smallIntegers}, {"linear_int4", smallIntegers}, {"linear_uint4", smallIntegers}, {"linear_int2", smallIntegers}, {"linear_uint2", smallIntegers},
	{"linear_blocked", "scales of blocks are not there"},
	{"STRING", "text is not read"}, {"equal_string", "text is not read"},
	{"identity_opt", "sequences and optional values are not read"}, {"identity_sequence", "sequences and optional values are not read"},
	{"training_mode", "statistics of a batch belong to training"}, {"training_dropout", "nothing is dropped outside training"},
	{"reduce_max_bool", "numbers alone are reduced"}, {"reduce_min_bool", "numbers alone are reduced"}, {"empty_set_bool", "numbers alone are reduced"},
	{"div_int32_trunc", divisors}, {"mod_broadcast", divisors}, {"mod_int64", divisors}, {"mod_mixed_sign_int32", divisors}, {"mod_mixed_sign_int64", divisors},
	{"downsample_scales_cubic_align_corners", corners}, {"downsample_scales_linear_align_corners", corners},
	{"tf_crop_and_resize", "no part of a picture is cut out"},
	{"flexattention", "it uses ONNX's preview domain"},
}

const (
	bfloat16      = "bfloat16 is not read"
	smallFloats   = "fractions of 8 bits and fewer are not read"
	divisors      = "integers of 32 and 64 bits are divided by numbers of the file"
	corners       = "onnxruntime, too, aligns the corners of whole places"
	smallIntegers = "integers of less than 8 bits are not read"
)

// reasonFor returns why a test is skipped, "" where it runs.
func reasonFor(name string) string {
	for _, s := range skipped {
		if strings.Contains(name, s.match) {
			return s.reason
		}
	}
	return ""
}

// tally counts what became of an operator's tests.
type tally struct {
	passed  int
	within  int            // tests of several operators that passed, this one among them
	skipped map[string]int // by reason
}

// single is the committed part of ONNX's own tests: those of one operator that is there. testdata/README.md says where they are
// from.
const single = "testdata/nodetests.tar.gz"

// ONNX's own tests of operators, each a folder with a model, its inputs and outputs. Every test whose operators are all there must
// pass, or be among those skipped for a reason.
//
// Without CATVAE_ONNX_TESTS the committed tests run. With it, all of those that testdata/nodetests.py wrote run, docs/purego.md must
// be the table of what became of them, and the committed ones must be the small ones of one operator; -update writes both.
func TestONNX(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("CATVAE_ONNX_TESTS")
	committed, err := unpack(single)
	if err != nil && dir == "" {
		t.Fatal(err)
	}
	tests, least := fs.FS(committed), 400
	if dir != "" {
		tests, least = os.DirFS(dir), 1000
	}
	names, err := fs.Glob(tests, "test_*")
	if err != nil || len(names) < least {
		t.Fatalf("%d tests: %v", len(names), err)
	}
	there := onnxeval.Operators()
	table := map[string]*tally{}
	for op := range there {
		table[op] = &tally{skipped: map[string]int{}}
	}
	const several = "(several of these)"
	table[several] = &tally{skipped: map[string]int{}}
	ofOne := map[string][]string{}
	for _, name := range names {
		ops := operatorsOf(t, tests, name)
		if slices.ContainsFunc(ops, func(op string) bool { return there[op] == 0 }) {
			continue
		}
		row := table[several]
		if len(ops) == 1 {
			row = table[ops[0]]
		}
		if reason := reasonFor(name); reason != "" {
			row.skipped[reason]++
			continue
		}
		t.Run(name, func(t *testing.T) {
			if err := runCase(tests, name); err != nil {
				t.Error(err)
				return
			}
			row.passed++
			if len(ops) == 1 {
				ofOne[ops[0]] = append(ofOne[ops[0]], name)
				return
			}
			for _, op := range ops {
				table[op].within++
			}
		})
	}
	for op, row := range table {
		if row.passed+row.within == 0 && (dir != "" || op != several) {
			t.Errorf("no test of %s passed", op)
		}
	}
	if t.Failed() || dir == "" {
		return
	}
	compareTable(t, table)
	compareCommitted(t, tests, committed, small(t, tests, ofOne))
}

// small returns the tests of at most 24 KiB, and an operator's smallest where it has none.
func small(t *testing.T, tests fs.FS, byOperator map[string][]string) []string {
	t.Helper()
	var names []string
	for _, list := range byOperator {
		bytes := map[string]int64{}
		for _, name := range list {
			files, err := fs.Glob(tests, path.Join(name, "*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				info, err := fs.Stat(tests, file)
				if err != nil {
					t.Fatal(err)
				}
				bytes[name] += info.Size()
			}
		}
		slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(bytes[a], bytes[b]) })
		for i, name := range list {
			if i == 0 || bytes[name] <= 24<<10 {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func operatorsOf(t *testing.T, tests fs.FS, name string) []string {
	t.Helper()
	data, err := fs.ReadFile(tests, path.Join(name, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnxpb.Unmarshal(data)
	if err != nil {
		return []string{"unreadable"}
	}
	var ops []string
	for _, n := range m.GetGraph().GetNode() {
		op := n.GetOpType()
		if n.GetDomain() != "" {
			op = n.GetDomain() + "." + op
		}
		ops = append(ops, op)
	}
	return ops
}

func runCase(tests fs.FS, name string) error {
	data, err := fs.ReadFile(tests, path.Join(name, "model.onnx"))
	if err != nil {
		return err
	}
	g, err := onnxgraph.Decode(data)
	if err != nil {
		return err
	}
	p, err := onnxeval.Load(g)
	if err != nil {
		return err
	}
	var inputs []onnxgraph.Tensor
	for i := range g.Inputs {
		in, err := readCase(tests, name, "input", i)
		if err != nil {
			return err
		}
		inputs = append(inputs, in)
	}
	got, err := p.Evaluate(inputs)
	if err != nil {
		return err
	}
	var tolerance struct{ Relative, Absolute float64 }
	text, err := fs.ReadFile(tests, path.Join(name, "tolerance.json"))
	if err == nil {
		err = json.Unmarshal(text, &tolerance)
	}
	if err != nil {
		return err
	}
	for i := range g.Outputs {
		want, err := readCase(tests, name, "output", i)
		if err != nil {
			return err
		}
		if err := near(got[i], want, tolerance.Relative, tolerance.Absolute); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

var errNoTensor = errors.New("it is no tensor")

func readCase(tests fs.FS, name, what string, i int) (onnxgraph.Tensor, error) {
	data, err := fs.ReadFile(tests, path.Join(name, fmt.Sprintf("%s_%d.pb", what, i)))
	if err != nil {
		return onnxgraph.Tensor{}, fmt.Errorf("%s %d: %w: %w", what, i, errNoTensor, err)
	}
	var p onnxpb.TensorProto
	if err := proto.Unmarshal(data, &p); err != nil {
		return onnxgraph.Tensor{}, err
	}
	return onnxgraph.ReadTensor(&p)
}

// unpack reads the files of a .tar.gz.
func unpack(archive string) (fstest.MapFS, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	files := fstest.MapFS{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		files[h.Name] = &fstest.MapFile{Data: data}
	}
}

// compareCommitted compares the names of the committed tests with those of one operator. Their numbers may differ from one version
// of numpy to the next.
func compareCommitted(t *testing.T, tests fs.FS, committed fstest.MapFS, names []string) {
	t.Helper()
	if *update {
		if err := pack(single, tests, names); err != nil {
			t.Fatal(err)
		}
		return
	}
	there, err := fs.Glob(committed, "test_*")
	if err != nil || !slices.Equal(there, names) {
		t.Errorf("%s holds %d tests of one operator, want %d (%v): run go test ./internal/onnxeval -run TestONNX -update", single, len(there), len(names), err)
	}
}

// pack writes the folders of the given names to a .tar.gz.
func pack(archive string, tests fs.FS, names []string) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(z)
	for _, name := range names {
		files, err := fs.Glob(tests, path.Join(name, "*"))
		if err != nil {
			return err
		}
		for _, file := range files {
			data, err := fs.ReadFile(tests, file)
			if err == nil {
				err = w.WriteHeader(&tar.Header{Name: file, Mode: 0o644, Size: int64(len(data))})
			}
			if err == nil {
				_, err = w.Write(data)
			}
			if err != nil {
				return err
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		return err
	}
	return os.WriteFile(archive, b.Bytes(), 0o644)
}

// near compares as numpy.testing.assert_allclose does: |got-want| <= absolute + relative·|want|.
func near(got, want onnxgraph.Tensor, relative, absolute float64) error {
	if got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("%s%v, want %s%v", got.DType, got.Shape, want.DType, want.Shape)
	}
	x, y := reflect.ValueOf(got.Data), reflect.ValueOf(want.Data)
	for i := range y.Len() {
		a, b := number(x.Index(i)), number(y.Index(i))
		if a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= absolute+relative*math.Abs(b) {
			continue
		}
		return fmt.Errorf("element %d of %d is %g, want %g", i, y.Len(), a, b)
	}
	return nil
}

func number(v reflect.Value) float64 {
	if h, ok := v.Interface().(onnxgraph.Float16); ok {
		return float64(h.Float32())
	}
	switch {
	case v.Kind() == reflect.Bool:
		if v.Bool() {
			return 1
		}
		return 0
	case v.CanInt():
		return float64(v.Int())
	case v.CanUint():
		return float64(v.Uint())
	}
	return v.Float()
}

// compareTable compares the counts with docs/purego.md.
func compareTable(t *testing.T, table map[string]*tally) {
	var b strings.Builder
	total, passed := 0, 0
	b.WriteString("| operator | from opset | tests | passed | within others | skipped |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, op := range slices.Sorted(maps.Keys(table)) {
		row := table[op]
		var why []string
		left := 0
		for _, reason := range slices.Sorted(maps.Keys(row.skipped)) {
			why = append(why, fmt.Sprintf("%d: %s", row.skipped[reason], reason))
			left += row.skipped[reason]
		}
		total, passed = total+row.passed+left, passed+row.passed
		since := fmt.Sprint(onnxeval.Operators()[op])
		if op[0] == '(' {
			since = ""
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %s |\n", op, since, row.passed+left, row.passed, row.within, strings.Join(why, "; "))
	}
	fmt.Fprintf(&b, "| all | | %d | %d | | %d |\n", total, passed, total-passed)
	const file, begin, end = "../../docs/purego.md", "<!-- begin: written by go test ./internal/onnxeval -run TestONNX -update -->\n", "<!-- end -->"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(page), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", file)
	}
	want := head + begin + b.String() + end + tail
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(page) != want {
		t.Errorf("%s is not what the tests say: run go test ./internal/onnxeval -run TestONNX -update", file)
	}
}
