package train_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
)

// arrays returns rows of n values as files of several types.
func arrays(t *testing.T, rows []byte, n int) map[string][]byte {
	t.Helper()
	var u8, f4 bytes.Buffer
	a, err1 := dataset.NewNPYWriter(&u8, "uint8", len(rows)/n, n)
	b, err2 := dataset.NewNPYWriter(&f4, "float32", len(rows)/n, n)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	floats, text := make([]float32, len(rows)), ""
	for i, x := range rows {
		floats[i] = float32(x)
		text += fmt.Sprint(x) + map[bool]string{true: "\n", false: ","}[i%n == n-1]
	}
	if err := errors.Join(a.WriteBytes(rows), b.WriteFloats(floats)); err != nil {
		t.Fatal(err)
	}
	head := bytes.TrimSuffix(u8.Bytes(), rows)
	i8 := bytes.Replace(head, []byte("|u1"), []byte("<i8"), 1)
	for _, x := range rows {
		i8 = append(i8, x, 0, 0, 0, 0, 0, 0, 0)
	}
	files := map[string][]byte{"u8.npy": u8.Bytes(), "f4.npy": f4.Bytes(), "i8.npy": i8, "rows.csv": []byte(text)}
	if slices.Max(rows) == 1 {
		files["bool.npy"] = bytes.Replace(u8.Bytes(), []byte("|u1"), []byte("|b1"), 1)
	}
	return files
}

// small4 is a configuration of a few steps on rows of four values.
func small4(t *testing.T, sets ...string) train.Config {
	t.Helper()
	c, err := train.LoadConfig("bernoulli-mlp", os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append([]string{"encoder.hidden=6", "decoder.hidden=6", "latent.variables=5", "epochs=2", "batch=4"}, sets...) {
		if err := c.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// pattern returns rows of four values, whose least is 0 and whose greatest is most.
func pattern(rows int, most byte) []byte {
	out := make([]byte, 4*rows)
	for i := range out {
		if (i*i/3+i/7)%3 == 0 {
			out[i] = most
		}
	}
	return out
}

// Whatever type a file's numbers have, the scale, the split, the weights and the codes are the same.
func TestContainerDecidesNothing(t *testing.T) {
	t.Parallel()
	onnx := ortest.Backend(t)
	for _, c := range []struct {
		most   byte
		divide float64
		sets   []string
	}{
		{1, 1, nil}, {1, 1, []string{"data.binarize=none"}}, {255, 255, nil}, {255, 255, []string{"data.binarize=threshold"}},
		{7, 7, []string{"data.divide=7", "data.binarize=none"}}, {7, 7.5, []string{"data.divide=7.5"}},
	} {
		want := map[string][]byte{}
		for name, data := range arrays(t, pattern(48, c.most), 4) {
			dir := t.TempDir()
			source, out := filepath.Join(dir, name), filepath.Join(dir, "run")
			if err := os.WriteFile(source, data, 0o644); err != nil {
				t.Fatal(err)
			}
			r, err := train.Run(t.Context(), small4(t, c.sets...), train.Options{Source: source, Out: out, Backend: onnx, Samples: 1})
			if err != nil {
				t.Fatalf("%s of 0 and %d: %v", name, c.most, err)
			}
			if !strings.Contains(r.Scale, fmt.Sprintf("divided by %g", c.divide)) {
				t.Errorf("%s: %q", name, r.Scale)
			}
			b, err := bundle.Open(filepath.Join(out, train.BundleDir))
			if err != nil {
				t.Fatal(err)
			}
			if in := b.Manifest.Input; in.Divide != c.divide || in.Numbers != bundle.NumbersWhole || in.Scale != 1/c.divide || in.DivideFrom == "" {
				t.Errorf("%s: %+v", name, in)
			}
			for _, file := range []string{train.SplitFile, "bundle/encoder.onnx", "bundle/decoder.onnx"} {
				text, err := os.ReadFile(filepath.Join(out, file))
				if err != nil {
					t.Fatal(err)
				}
				if want[file] == nil {
					want[file] = text
				}
				if !bytes.Equal(text, want[file]) {
					t.Errorf("%s of 0 and %d %v: %s is another than from other types", name, c.most, c.sets, file)
				}
			}
		}
	}
}

// A configuration without the new keys has the rule of older versions: bytes by 255 and other numbers by 1, and the last rows are held
// out.
func TestOldRule(t *testing.T) {
	t.Parallel()
	onnx := ortest.Backend(t)
	rows := pattern(48, 1)
	c := small4(t, "data.validation=8")
	c.Data.Numbers, c.Data.Holdout = "", ""
	dir := t.TempDir()
	source, out := filepath.Join(dir, "u8.npy"), filepath.Join(dir, "run")
	if err := os.WriteFile(source, arrays(t, rows, 4)["u8.npy"], 0o644); err != nil {
		t.Fatal(err)
	}
	o := train.Options{Source: source, Out: out, Backend: onnx, Samples: 1}
	if _, err := train.Run(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open(filepath.Join(out, train.BundleDir))
	if err != nil {
		t.Fatal(err)
	}
	if in := b.Manifest.Input; in.Scale != 1./255 || in.Divide != 0 || in.Numbers != "" || in.DivideFrom != "" {
		t.Errorf("%+v", in)
	}
	text, err := bundle.ReadVerification(b.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Record map[string]any `json:"record"`
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(append([]byte("40 [4] uint8\n"), rows[:160]...))
	if v.Record["data_sha256"] != hex.EncodeToString(sum[:]) {
		t.Errorf("trained on %v, not on the first 40 rows", v.Record["data_sha256"])
	}
	config, err := os.ReadFile(filepath.Join(out, train.ConfigFile))
	if err != nil || bytes.Contains(config, []byte("numbers")) || bytes.Contains(config, []byte("holdout")) || bytes.Contains(config, []byte("divide")) {
		t.Errorf("%s, %v", config, err)
	}
	if err := os.Remove(filepath.Join(out, train.SplitFile)); err != nil { // which older runs have not
		t.Fatal(err)
	}
	set, err := dataset.Load(t.Context(), source, dataset.Options{Values: b.Manifest.Input.Values()})
	if err != nil {
		t.Fatal(err)
	}
	if s, ok, err := train.SplitOf(out, set); err != nil || !ok || s.HeldOut.Len() != 8 || s.HeldOut.Origin(0) != 40 {
		t.Errorf("%+v, %t, %v", s, ok, err)
	}
	for _, resumed := range []train.Config{c, small4(t, "data.validation=8")} { // as it was begun, and by today's defaults
		resumed.Epochs++
		o.Resume = true
		if r, err := train.Run(t.Context(), resumed, o); err != nil || r.ResumedAt == 0 {
			t.Errorf("resumed at %d: %v", r.ResumedAt, err)
		}
		c = resumed
	}
}

// Rows that are held out at random are of each label in proportion; the run keeps them, and knows its source again.
func TestSplit(t *testing.T) {
	t.Parallel()
	onnx := ortest.Backend(t)
	labels := slices.Concat(slices.Repeat([]string{"cat"}, 30), slices.Repeat([]string{"dog"}, 12), slices.Repeat([]string{"emu"}, 2), []string{"fox"})
	text, rows := "label,a,b,c,d\n", pattern(len(labels), 1)
	for i, l := range labels { // sorted, as folders are
		text += fmt.Sprintf("%s,%d,%d,%d,%d\n", l, rows[4*i], rows[4*i+1], rows[4*i+2], rows[4*i+3])
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "rows.csv")
	if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var splits [][]byte
	for i, seed := range []string{"1", "1", "2"} {
		out := filepath.Join(dir, fmt.Sprint("run", i))
		if _, err := train.Run(t.Context(), small4(t, "data.validation=15", "seed="+seed), train.Options{Source: source, Out: out, Backend: onnx, Samples: 1}); err != nil {
			t.Fatal(err)
		}
		set, err := dataset.Load(t.Context(), filepath.Join(out, train.SplitFile), dataset.Options{})
		if err != nil || set.Len() != len(labels) {
			t.Fatal(set, err)
		}
		var marks []byte
		held := map[string]int{}
		for j := range set.Len() {
			marks = append(marks, set.Bytes(j)[0])
			if marks[j] == 1 {
				held[labels[j]]++
			}
		}
		splits = append(splits, marks)
		if held["cat"] != 10 || held["dog"] != 4 || held["emu"] > 1 || held["emu"]+held["fox"] != 1 {
			t.Errorf("held out: %v", held)
		}
		b, err := bundle.Open(filepath.Join(out, train.BundleDir))
		if err != nil {
			t.Fatal(err)
		}
		o := dataset.Options{Values: b.Manifest.Input.Values()}
		whole, err := dataset.Load(t.Context(), source, o)
		if err != nil {
			t.Fatal(err)
		}
		if s, ok, err := train.SplitOf(train.RunOf(b.Dir), whole); err != nil || !ok || s.HeldOut.Len() != 15 || s.Training.Len() != 30 || marks[s.HeldOut.Origin(7)] != 1 {
			t.Errorf("%+v, %t, %v", s, ok, err)
		}
		o.Rows = 44
		part, err := dataset.Load(t.Context(), source, o)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := train.SplitOf(out, part); ok || err != nil {
			t.Errorf("a part of the source is taken for it: %v", err)
		}
	}
	if !bytes.Equal(splits[0], splits[1]) || bytes.Equal(splits[0], splits[2]) {
		t.Error("the split is not a function of the seed")
	}
}

// Where a table's numbers have no common scale, the column that shows it is named, and that columns may be scaled one by one.
func TestScaleOfTables(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"id,share,age\n" + strings.Repeat("x,0.5,0\nx,0.25,47\n", 8): `to 47 (row 1, column 1 "age"), with fractions (0.5 in row 0, column 0 "share")`,
		"label;a;b\n" + strings.Repeat("x;0;1\ny;3;2\n", 8):          `to 3 (row 1, column 0 "a"), whole numbers`,
	} {
		source := filepath.Join(t.TempDir(), "t.csv")
		if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := train.Run(t.Context(), small4(t), train.Options{Source: source, Out: filepath.Join(t.TempDir(), "run"), Backend: ortest.Backend(t), Samples: 1})
		if !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "scale each column to [0,1] before (docs/tables-and-text.md)") {
			t.Errorf("%q: %v", text[:14], err)
		}
	}
}

// A scale that another run found in its rows is the configuration's for other rows, and said to be; so are rows that it makes small.
func TestScaleOfOtherRows(t *testing.T) {
	t.Parallel()
	onnx := ortest.Backend(t)
	for _, c := range []struct {
		most  byte
		sets  []string
		scale string
		from  string
	}{
		{255, nil, "numbers are divided by 255, since the training rows hold whole numbers of 0 to 255", "rows"},
		{255, []string{"data.divide=255", "data.divide_from=rows"}, "numbers are divided by 255, since the training rows hold whole numbers of 0 to 255", "rows"},
		{1, []string{"data.divide=255", "data.divide_from=rows"}, "numbers are divided by 255, as data.divide says (the training rows hold whole numbers); warning: no number of the training rows is above 1", "configuration"},
		{1, []string{"data.divide=255", "data.divide_from=pictures"}, "as data.divide says (the training rows hold whole numbers); warning: no number", "configuration"},
		{1, []string{"data.divide=7"}, "numbers are divided by 7, as data.divide says (the training rows hold whole numbers); warning: no number", "configuration"},
		{7, []string{"data.divide=255", "data.divide_from=rows"}, "numbers are divided by 255, as data.divide says (the training rows hold whole numbers)", "configuration"},
	} {
		dir := t.TempDir()
		source, out := filepath.Join(dir, "x.npy"), filepath.Join(dir, "run")
		if err := os.WriteFile(source, arrays(t, pattern(48, c.most), 4)["i8.npy"], 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := train.Run(t.Context(), small4(t, append(c.sets, "epochs=1")...), train.Options{Source: source, Out: out, Backend: onnx, Samples: 1})
		if err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Open(filepath.Join(out, train.BundleDir))
		if err != nil {
			t.Fatal(err)
		}
		if from := b.Manifest.Input.DivideFrom; !strings.Contains(r.Scale, c.scale) || strings.Contains(r.Scale, "warning") != (c.most == 1) || from != c.from {
			t.Errorf("%d, %q: %q, from %s", c.most, c.sets, r.Scale, from)
		}
	}
}
