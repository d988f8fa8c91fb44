package embed_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/embed"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
)

// tiny is the embedder that testdata/generate.py wrote.
const tiny = "testdata/tiny"

// golden has what Python makes of texts with it, by pooling.
func golden(tb testing.TB) (texts []string, by map[string][][]float32) {
	tb.Helper()
	content, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		tb.Fatal(err)
	}
	var all []map[string]json.RawMessage
	if err := json.Unmarshal(content, &all); err != nil {
		tb.Fatal(err)
	}
	by = map[string][][]float32{}
	for _, one := range all {
		var text string
		err := json.Unmarshal(one["text"], &text)
		texts = append(texts, text)
		for _, pooling := range []string{"mean", "cls", "output"} {
			var v []float32
			err = errors.Join(err, json.Unmarshal(one[pooling], &v))
			by[pooling] = append(by[pooling], v)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return texts, by
}

func load(tb testing.TB, dir, pooling string, on backend.Backend) *embed.Embedder {
	tb.Helper()
	f, err := embed.Read(dir, pooling)
	if err != nil {
		tb.Fatal(err)
	}
	e, err := f.Load(context.Background(), on)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { e.Close() })
	return e
}

func far(a, b []float32) (worst float64) {
	for i := range a {
		worst = max(worst, math.Abs(float64(a[i]-b[i])))
	}
	return worst
}

// Embeddings are those of Python, by every pooling and on every backend, though texts are sorted and padded on the way.
func TestEmbeddingsArePythons(t *testing.T) {
	texts, by := golden(t)
	for _, on := range []backend.Backend{ortest.Backend(t), purego.New()} {
		for pooling, want := range by {
			e := load(t, tiny, pooling, on)
			got := make([]float32, len(texts)*e.Width())
			bad, err := e.Embed(t.Context(), texts, got)
			if err != nil || len(bad) > 0 {
				t.Fatal(err, bad)
			}
			for i := range texts {
				if d := far(got[i*e.Width():][:e.Width()], want[i]); d > 1e-5 {
					t.Errorf("%s, %s: %q is %g off", on.Name(), pooling, texts[i], d)
				}
			}
			if e.Cut() != 1 {
				t.Errorf("%d texts were cut, want the long one", e.Cut())
			}
		}
	}
}

func TestBadTexts(t *testing.T) {
	e := load(t, tiny, "", purego.New())
	texts := []string{"hello", "", " \t\n", "\xff\xfe", "world", "\u200b"}
	rows := slices.Repeat([]float32{7}, len(texts)*e.Width())
	bad, err := e.Embed(t.Context(), texts, rows)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"", "empty", "empty", "no UTF-8", "", "empty"} {
		row := rows[i*e.Width():][:e.Width()]
		if zero := !slices.ContainsFunc(row, func(x float32) bool { return x != 0 }); !strings.Contains(bad[i], want) || (bad[i] == "") != (want == "") || zero != (want != "") {
			t.Errorf("%q: %q, zeros: %v, want %q", texts[i], bad[i], zero, want)
		}
	}
}

// changed is a copy of the tiny embedder with other files: "" removes one.
func changed(tb testing.TB, files map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.CopyFS(dir, os.DirFS(tiny)); err != nil {
		tb.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if content == "" {
			if err := os.Remove(path); err != nil {
				tb.Fatal(err)
			}
			continue
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

func read(tb testing.TB, path string) string {
	tb.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(content)
}

// A model that gives NaN for a text has no embedding of it, and keeps none.
func TestNaN(t *testing.T) {
	m, err := onnxpb.Unmarshal([]byte(read(t, tiny+"/model.onnx")))
	if err != nil {
		t.Fatal(err)
	}
	var vocabulary struct {
		Model struct{ Vocab map[string]int }
	}
	if err := json.Unmarshal([]byte(read(t, tiny+"/tokenizer.json")), &vocabulary); err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(m.Graph.Initializer, func(x *onnxpb.TensorProto) bool { return x.GetName() == "tokens" })
	binary.LittleEndian.PutUint32(m.Graph.Initializer[at].RawData[4*16*vocabulary.Model.Vocab["fox"]:], math.Float32bits(float32(math.NaN())))
	model, err := onnxpb.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for try := range 2 {
		k, err := load(t, changed(t, map[string]string{"model.onnx": string(model)}), "", ortest.Backend(t)).Keep(dir, true)
		if err != nil {
			t.Fatal(err)
		}
		bad, err := k.Embed(t.Context(), []string{"hello", "the fox", "world"}, make([]float32, 3*k.Width()))
		if err != nil || len(bad) != 1 || !strings.Contains(bad[1], "not finite") {
			t.Errorf("try %d: %v, %v, want the fox alone", try, bad, err)
		}
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFolderSaysTheRest(t *testing.T) {
	model, tokenizer := read(t, tiny+"/model.onnx"), read(t, tiny+"/tokenizer.json")
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing":               {nil, "mean true 32"},
		"in onnx/":              {map[string]string{"model.onnx": "", "onnx/model.onnx": model}, "mean true 32"},
		"other names":           {map[string]string{"model.onnx": "", "x.onnx": model, "tokenizer.json": "", "x-tokenizer.json": tokenizer}, "mean true 32"},
		"cls":                   {map[string]string{"1_Pooling/config.json": `{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false,"word_embedding_dimension":16}`}, "cls true 32"},
		"of any length":         {map[string]string{"modules.json": `[{"type":"sentence_transformers.models.Transformer"},{"type":"sentence_transformers.models.Pooling"}]`}, "mean false 32"},
		"sentence-transformers": {map[string]string{"sentence_bert_config.json": `{"max_seq_length": 20}`, "config.json": `{"max_position_embeddings": 32}`}, "mean true 20"},
		"few places":            {map[string]string{"config.json": `{"max_position_embeddings": 12}`}, "mean true 12"},
	} {
		f, err := embed.Read(changed(t, c.files), embed.Auto)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if is := f.Identity(); fmt.Sprint(is.Pooling, " ", is.Normalize, " ", is.Tokens) != c.want || is.Width != 16 {
			t.Errorf("%s: %+v, want %s", name, is, c.want)
		}
	}
}

func TestRefuses(t *testing.T) {
	model, tokenizer := read(t, tiny+"/model.onnx"), read(t, tiny+"/tokenizer.json")
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no model":          {map[string]string{"model.onnx": ""}, "0 files of a name that ends in .onnx"},
		"no tokenizer":      {map[string]string{"tokenizer.json": ""}, "needs tokenizer.json"},
		"two models":        {map[string]string{"model.onnx": "", "a.onnx": "a", "b.onnx": "b"}, "2 files"},
		"a cut model":       {map[string]string{"model.onnx": model[:len(model)/2]}, "not an ONNX model"},
		"a cut tokenizer":   {map[string]string{"tokenizer.json": tokenizer[:100]}, "no JSON"},
		"another tokenizer": {map[string]string{"tokenizer.json": strings.Replace(tokenizer, `"hello":`, `"hello":9`, 1)}, "do they belong together"},
		"too many places":   {map[string]string{"tokenizer.json": strings.Replace(tokenizer, `"max_length":32`, `"max_length":400`, 1)}, "texts may have 400 tokens"},
		"no place at all":   {map[string]string{"config.json": `{"max_position_embeddings": 2}`}, "cut to 2 tokens"},
		"another pooling":   {map[string]string{"1_Pooling/config.json": `{"pooling_mode_max_tokens":true}`}, "pooling_mode_max_tokens"},
		"a dense layer":     {map[string]string{"modules.json": `[{"type":"sentence_transformers.models.Dense"}]`}, "Dense"},
		"another input":     {map[string]string{"model.onnx": strings.ReplaceAll(model, "token_type_ids", "position_ids__")}, `takes "position_ids__"`},
		"no mask":           {map[string]string{"model.onnx": strings.ReplaceAll(model, "attention_mask", "token_type_idz")}, `takes "token_type_idz"`},
	} {
		f, err := embed.Read(changed(t, c.files), embed.Auto)
		if err == nil {
			_, err = f.Load(t.Context(), ortest.Backend(t))
		}
		if !errors.Is(err, embed.ErrEmbedder) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := embed.Open(t.Context(), filepath.Join(t.TempDir(), "none"), purego.New()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if _, err := embed.Read(tiny, "max"); err == nil || !strings.Contains(err.Error(), `no pooling "max"`) {
		t.Errorf("a pooling that there is not: %v", err)
	}
}

// counting is a backend whose graphs count the rows that go through them.
type counting struct {
	backend.Backend
	rows *int
}

type countingGraph struct {
	backend.Graph
	rows *int
}

func (b counting) Load(ctx context.Context, m backend.Checked, label string) (backend.Graph, error) {
	g, err := b.Backend.Load(ctx, m, label)
	return countingGraph{g, b.rows}, err
}

func (g countingGraph) Run(ctx context.Context, in ...backend.Tensor) ([]backend.Tensor, error) {
	*g.rows += int(in[0].Shape[0])
	return g.Graph.Run(ctx, in...)
}

// No text is embedded twice, and a file that was cut off or damaged loses only what is behind the damage.
func TestKept(t *testing.T) {
	texts, by := golden(t)
	dir := filepath.Join(t.TempDir(), "kept")
	run := func(texts []string, add bool) (embedded int, rows []float32) {
		t.Helper()
		k, err := load(t, tiny, "mean", counting{purego.New(), &embedded}).Keep(dir, add)
		if err != nil {
			t.Fatal(err)
		}
		embedded = 0
		rows = make([]float32, len(texts)*k.Width())
		if _, err := k.Embed(t.Context(), texts, rows); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(k.Close(), k.Close()); err != nil {
			t.Fatal(err)
		}
		for i := range texts {
			if d := far(rows[i*k.Width():][:k.Width()], by["mean"][i]); d > 1e-5 {
				t.Errorf("%q is %g off", texts[i], d)
			}
		}
		return embedded, rows
	}
	if n, _ := run(texts[:4], false); n != 4 {
		t.Errorf("%d texts were embedded without a file, want 4", n)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder was made that nobody asked for: %v", err)
	}
	n, first := run(texts[:6], true)
	if n != 6 {
		t.Errorf("%d texts were embedded, want 6", n)
	}
	n, second := run(texts, true)
	if n != len(texts)-6 || !slices.Equal(first, second[:len(first)]) {
		t.Errorf("%d texts were embedded, want the %d new ones and the same rows", n, len(texts)-6)
	}
	if n, _ := run(texts, false); n != 0 {
		t.Errorf("%d texts were embedded of those that are kept", n)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.embeddings"))
	if len(files) != 1 {
		t.Fatalf("the files are %v", files)
	}
	whole := read(t, files[0])
	record := (len(whole) - len("catvae embeddings 1\n")) / len(texts)
	bit := len(whole) - 3*record + 20 // of the third record from the end
	for name, c := range map[string]struct {
		content string
		lost    int
	}{
		"cut in a record":  {whole[:len(whole)-record-3], 2},
		"a bit is another": {whole[:bit] + string([]byte{whole[bit] ^ 1}) + whole[bit+1:], 3},
		"cut in the head":  {whole[:5], len(texts)},
		"another file":     {"something else, that is no file of ours", len(texts)},
	} {
		if err := os.WriteFile(files[0], []byte(c.content), 0o644); err != nil {
			t.Fatal(err)
		}
		if n, _ := run(texts, false); n != c.lost {
			t.Errorf("%s: %d texts were embedded again, want %d", name, n, c.lost)
		}
		if n, _ := run(texts, true); n != c.lost {
			t.Errorf("%s: %d texts were embedded again, want %d", name, n, c.lost)
		}
		if n, _ := run(texts, true); n != 0 {
			t.Errorf("%s: %d texts were embedded after the repair", name, n)
		}
	}
}

func ExampleOpen() {
	ctx := context.Background()
	e, err := embed.Open(ctx, "testdata/tiny", purego.New())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer e.Close()
	texts := []string{"hello world", ""}
	rows := make([]float32, len(texts)*e.Width())
	bad, err := e.Embed(ctx, texts, rows)
	fmt.Printf("%d numbers a text, the first %.3f, %v, %v\n", e.Width(), rows[0], bad, err)
	// Output: 16 numbers a text, the first 0.133, map[1:its text is empty], <nil>
}

// Whatever a file of kept embeddings holds, texts have the rows that they have without it.
func FuzzKept(f *testing.F) {
	texts, by := golden(f)
	dir := f.TempDir()
	k, err := load(f, tiny, "mean", purego.New()).Keep(dir, true)
	if err == nil {
		_, err = k.Embed(context.Background(), texts[:2], make([]float32, 2*k.Width()))
	}
	if err := errors.Join(err, k.Close()); err != nil {
		f.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.embeddings"))
	f.Add([]byte(read(f, files[0])))
	f.Add([]byte("catvae embeddings 1\n"))
	name := filepath.Base(files[0])
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
		k, err := load(t, tiny, "mean", purego.New()).Keep(dir, true)
		if err != nil {
			t.Fatal(err)
		}
		defer k.Close()
		rows := make([]float32, 3*k.Width())
		if _, err := k.Embed(t.Context(), texts[:3], rows); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			if d := far(rows[i*k.Width():][:k.Width()], by["mean"][i]); d > 1e-5 {
				t.Errorf("%q is %g off", texts[i], d)
			}
		}
	})
}
