package infer_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/codes"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/datatest"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
	"gorgonia.org/tensor"
)

// writeModel writes the bundle of an untrained model of rows of 3x2 and returns its folder.
func writeModel(t *testing.T, kind string, variables, categories int) string {
	t.Helper()
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	m := builder.Model{
		Input: []int{3, 2}, Latent: builder.Latent{Kind: kind, Variables: variables, Categories: categories, Prior: "uniform"},
		Encoder: builder.MLP{Hidden: []int{4}}, Decoder: builder.MLP{Hidden: []int{4}}, Activation: builder.Tanh,
	}
	dir := filepath.Join(t.TempDir(), "bundle")
	trained := train.Trained{Name: "test", Model: m, Params: params}
	if _, err := trained.WriteBundle(t.Context(), dir, train.BundleOptions{Backend: ortest.Backend(t)}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// pixelFile writes n rows of 3x2 bytes as IDX.
func pixelFile(t *testing.T, n int) string { return datatest.Pixels(t, n, 3, 2) }

func run(t *testing.T, job infer.Job) (infer.Summary, error) {
	t.Helper()
	plan, err := infer.NewPlan(t.Context(), job)
	if err != nil {
		return infer.Summary{}, err
	}
	defer plan.Close()
	return infer.Run(t.Context(), plan, ortest.Backend(t, onnxruntime.WithThreads(1)), infer.Hooks{})
}

func must(t *testing.T, job infer.Job) infer.Summary {
	t.Helper()
	s, err := run(t, job)
	if err != nil {
		t.Fatalf("%+v: %v", job, err)
	}
	return s
}

// read returns every visible file below a path, by its name relative to it. What is hidden is left over.
func read(t *testing.T, path string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") {
			t.Errorf("%s is left over", file)
		}
		name, _ := filepath.Rel(path, file)
		data, err := os.ReadFile(file)
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// npy returns the values of an NPY file as bytes.
func npy(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data[10+int(data[8])+int(data[9])<<8:]
}

// Every format of codes holds the same codes under the same ids, cut into parts or not.
func TestFormats(t *testing.T) {
	t.Parallel()
	const n = 100
	for kind, model := range map[string]string{dist.Bernoulli: writeModel(t, dist.Bernoulli, 11, 0), dist.Categorical: writeModel(t, dist.Categorical, 3, 5)} {
		in, dir := pixelFile(t, n), t.TempDir()
		bits := map[string]int{dist.Bernoulli: 11, dist.Categorical: 15}[kind]
		file := func(name string, j infer.Job) string {
			j.Model, j.In, j.Out, j.PartRows = model, in, dir+"/"+name, 17
			if s := must(t, j); s.Rows != n || s.Parts != 6 {
				t.Errorf("%s: %+v", name, s)
			}
			return j.Out
		}
		want := npy(t, file("codes.npy", infer.Job{}))
		if len(want) != 2*n {
			t.Fatalf("%d bytes of codes", len(want))
		}
		if raw, err := os.ReadFile(file("codes.raw", infer.Job{})); err != nil || !bytes.Equal(raw, want) {
			t.Errorf("%s: raw codes differ: %v", kind, err)
		}
		for text, parse := range map[infer.Text]func(string) ([]byte, error){
			infer.Bits: func(s string) ([]byte, error) { return codes.ParseBits(nil, s, bits) },
			infer.Hex:  func(s string) ([]byte, error) { return codes.ParseHex(nil, s, bits) },
		} {
			records, err := csv.NewReader(strings.NewReader(read(t, file(string(text)+".csv", infer.Job{Text: text}))["."])).ReadAll()
			if err != nil || len(records) != n+1 || records[0][1] != "code" {
				t.Fatalf("%d records, %v", len(records), err)
			}
			var got []byte
			for i, r := range records[1:] {
				code, err := parse(r[1])
				if err != nil || r[0] != strconv.Itoa(i) {
					t.Fatalf("%v: %v", r, err)
				}
				got = append(got, code...)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: CSV's codes (%s) differ", kind, text)
			}
		}
		var got []byte
		for lines := json.NewDecoder(strings.NewReader(read(t, file("codes.jsonl", infer.Job{Text: infer.Hex}))["."])); lines.More(); {
			var line struct {
				ID   int
				Code string
			}
			if err := lines.Decode(&line); err != nil || line.ID != len(got)/2 {
				t.Fatalf("%+v: %v", line, err)
			}
			code, err := codes.ParseHex(nil, line.Code, bits)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, code...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: JSON's codes differ", kind)
		}
		var parts []byte
		for part := range 6 {
			parts = append(parts, npy(t, filepath.Join(file("folder/", infer.Job{}), fmt.Sprintf("part-%05d-of-00006.npy", part)))...)
		}
		if !bytes.Equal(parts, want) {
			t.Errorf("%s: the parts' codes differ", kind)
		}
		checkIndexes(t, kind, want, npy(t, file("index.npy", infer.Job{Codes: infer.Index})))
	}
}

// checkIndexes compares indexes with their bits.
func checkIndexes(t *testing.T, kind string, packed, indexes []byte) {
	t.Helper()
	var values []byte
	for row := 0; len(packed) > 2*row; row++ {
		code := packed[2*row:]
		bit := func(i int) byte { return code[i/8] >> (7 - i%8) & 1 }
		if kind == dist.Bernoulli {
			for i := range 11 {
				values = append(values, bit(i))
			}
			continue
		}
		for v := range 3 {
			for k := range 5 {
				if bit(v*5+k) == 1 {
					values = append(values, byte(k))
				}
			}
		}
	}
	if !bytes.Equal(values, indexes) {
		t.Errorf("%s: indexes differ", kind)
	}
}

// Logits, scores and reconstructions as text are the numbers of the NPY file; pictures hold the reconstructions.
func TestNumbers(t *testing.T) {
	t.Parallel()
	const n = 20
	model, in, dir := writeModel(t, dist.Bernoulli, 11, 0), pixelFile(t, n), t.TempDir()
	for _, j := range []infer.Job{{Codes: infer.Logits}, {Mode: infer.Score}, {Mode: infer.Reconstruct}} {
		j.Model, j.In, j.PartRows = model, in, 8
		text := map[infer.Format]string{}
		for _, format := range []infer.Format{infer.NPY, infer.CSV, infer.JSONL} {
			j.Format, j.Out = format, filepath.Join(dir, string(j.Mode+infer.Mode(j.Codes))+"."+string(format))
			must(t, j)
			text[format] = read(t, j.Out)["."]
		}
		records, err := csv.NewReader(strings.NewReader(text[infer.CSV])).ReadAll()
		if err != nil || len(records) != n+1 {
			t.Fatalf("%d records, %v", len(records), err)
		}
		var lines []string
		for _, r := range records[1:] {
			lines = append(lines, strings.Join(r[1:], ","))
		}
		for i, line := range strings.Split(strings.TrimSpace(text[infer.JSONL]), "\n") {
			_, values, _ := strings.Cut(strings.TrimPrefix(line, fmt.Sprintf(`{"id":%d,"`, i)), `":`)
			if got := strings.Trim(values, "[]}"); got != lines[i] {
				t.Errorf("row %d is %s in JSON, %s in CSV", i, got, lines[i])
			}
		}
	}
	pictures := filepath.Join(dir, "pictures") + "/"
	must(t, infer.Job{Model: model, In: in, Mode: infer.Reconstruct, Format: infer.PNG, Out: pictures, PartRows: 8})
	files := read(t, pictures)
	img, err := png.Decode(strings.NewReader(files["part-00001-of-00003.png/000000009.png"]))
	if err != nil || img.Bounds().Dx() != 2 || img.Bounds().Dy() != 3 || len(files) != n+3 {
		t.Errorf("%d files, %v", len(files), err)
	}
	for _, rows := range []int{0, 8} { // in one part, and put together of several
		sheet := filepath.Join(dir, fmt.Sprint(rows, ".png"))
		must(t, infer.Job{Model: model, In: in, Mode: infer.Reconstruct, Out: sheet, PartRows: rows})
		if _, err := png.Decode(strings.NewReader(read(t, sheet)["."])); err != nil {
			t.Error(err)
		}
	}
	_, err = run(t, infer.Job{Model: model, In: pixelFile(t, 10_001), Mode: infer.Reconstruct, Out: filepath.Join(dir, "large.png")})
	if !errors.Is(err, infer.ErrJob) {
		t.Errorf("a sheet of 10,001 pictures: %v", err)
	}
}

// A run continues where it was: parts that are done stay, those that are missing, torn or unrecorded are made again,
// and the bytes are those of a run without a pause.
func TestResume(t *testing.T) {
	t.Parallel()
	model, in, dir := writeModel(t, dist.Bernoulli, 11, 0), pixelFile(t, 100), t.TempDir()
	job := infer.Job{Model: model, In: in, Out: filepath.Join(dir, "whole") + "/", PartRows: 10}
	must(t, job)
	want := read(t, job.Out)
	job.Out = filepath.Join(dir, "pieces") + "/"
	must(t, job)
	at := func(name string) string { return filepath.Join(job.Out, name) }
	spoil := []error{
		os.Remove(at("part-00001-of-00010.npy")),
		os.Remove(at("part-00002-of-00010.npy.done")),
		os.WriteFile(at("part-00004-of-00010.npy"), []byte("torn"), 0o644),
		os.WriteFile(at("part-00005-of-00010.npy.done"), []byte(`{"fi`), 0o644),
		os.WriteFile(at(".tmp-part-00007-of-00010.npy-123"), nil, 0o644),
	}
	if err := errors.Join(spoil...); err != nil {
		t.Fatal(err)
	}
	if s := must(t, job); s.Skipped != 6 || s.Parts != 10 || s.Rows != 100 {
		t.Errorf("%+v", s)
	}
	if got := read(t, job.Out); !equal(got, want) {
		t.Error("the parts differ from those of a run without a pause")
	}
}

func equal(a, b map[string]string) bool {
	for name := range a {
		if a[name] != b[name] {
			return false
		}
	}
	return len(a) == len(b)
}

// Shards of any number make the same parts.
func TestShards(t *testing.T) {
	t.Parallel()
	model, in, dir := writeModel(t, dist.Bernoulli, 11, 0), pixelFile(t, 95), t.TempDir()
	var want map[string]string
	for _, n := range []int{1, 3, 7, 20} {
		job := infer.Job{Model: model, In: in, Out: filepath.Join(dir, strconv.Itoa(n)) + "/", PartRows: 10}
		rows := 0
		for i := range n {
			job.Shard = infer.Shard{Index: i, Of: n}
			rows += must(t, job).Rows
		}
		got := read(t, job.Out)
		if want == nil {
			want = got
		}
		if rows != 95 || !equal(got, want) {
			t.Errorf("%d shards: %d rows, or other parts", n, rows)
		}
	}
	whole := infer.Job{Model: model, In: in, Out: filepath.Join(dir, "whole.raw"), PartRows: 10}
	must(t, whole)
	var joined string
	for i := range 3 {
		job := whole
		job.Out, job.Shard = filepath.Join(dir, fmt.Sprintf("share-%d.raw", i)), infer.Shard{Index: i, Of: 3}
		must(t, job)
		joined += read(t, job.Out)["."]
	}
	if joined != read(t, whole.Out)["."] {
		t.Error("the files of three shards are not the file of one")
	}
}

// Parts of another job are never mixed in, and go only by force.
func TestOtherJobs(t *testing.T) {
	t.Parallel()
	model, in, dir := writeModel(t, dist.Bernoulli, 11, 0), pixelFile(t, 40), t.TempDir()
	job := infer.Job{Model: model, In: in, Out: dir + "/", PartRows: 10}
	must(t, job)
	for name, change := range map[string]func(*infer.Job){
		"another bundle": func(j *infer.Job) { j.Model = writeModel(t, dist.Bernoulli, 12, 0) },
		"other rows":     func(j *infer.Job) { j.In = pixelFile(t, 41) },
		"other parts":    func(j *infer.Job) { j.PartRows = 20 },
		"other results":  func(j *infer.Job) { j.Codes = infer.Logits },
		"another format": func(j *infer.Job) { j.Format = infer.CSV },
	} {
		other := job
		change(&other)
		if _, err := run(t, other); err == nil || !strings.Contains(err.Error(), "--force") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		if s := must(t, job); s.Skipped != 4 {
			t.Errorf("%s: the parts that existed are gone: %+v", name, s)
		}
	}
	forced := job
	forced.PartRows, forced.Force = 20, true
	must(t, forced)
	names := []string{}
	for name := range read(t, dir) {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"part-00000-of-00002.npy", "part-00000-of-00002.npy.done", "part-00001-of-00002.npy", "part-00001-of-00002.npy.done"}; !slices.Equal(names, want) {
		t.Errorf("forced: %v", names)
	}
}

// Impossible jobs are reported at once, and leave nothing behind.
func TestJobs(t *testing.T) {
	t.Parallel()
	model, in, dir := writeModel(t, dist.Bernoulli, 11, 0), pixelFile(t, 4), t.TempDir()
	for name, j := range map[string]infer.Job{
		"no output":         {Out: ""},
		"parquet of logits": {Out: "x.parquet", Codes: infer.Logits},
		"png of codes":      {Out: "x.png"},
		"a ratio above 1":   {Out: "x.npy", MaxBad: 1.5},
		"a folder":          {Out: "."},
		"a batch":           {Out: "x.npy", Batch: -1},
		"a mode":            {Out: "x.npy", Mode: "guess"},
	} {
		j.Model, j.In = model, in
		if j.Out != "" {
			j.Out = filepath.Join(dir, j.Out)
		}
		if _, err := run(t, j); !errors.Is(err, infer.ErrJob) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := run(t, infer.Job{Model: model, In: in, Out: filepath.Join(dir, "x.npy"), Variant: "int4"}); !errors.Is(err, runtime.ErrInput) {
		t.Errorf("a variant that is not there: %v", err)
	}
	for _, s := range []string{"3/3", "-1/2", "1", "a/b", "0/0"} {
		if _, err := infer.ParseShard(s); !errors.Is(err, infer.ErrJob) {
			t.Errorf("shard %q: %v", s, err)
		}
	}
	if left := read(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
