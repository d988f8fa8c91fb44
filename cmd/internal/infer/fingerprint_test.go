package infer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
)

// rowsFile writes n rows of six floats that follow from a seed, as NPY.
func rowsFile(t *testing.T, n int, seed uint64) string {
	t.Helper()
	values := make([]float32, 6*n)
	noise.Stream{Seed: seed}.Uniform(values, 0, 0)
	return writeRows(t, filepath.Join(t.TempDir(), fmt.Sprint(seed, ".npy")), values, 6)
}

// replace gives a file the content of another.
func replace(t *testing.T, path, by string) {
	t.Helper()
	data, err := os.ReadFile(by)
	if err == nil {
		err = os.WriteFile(path, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// runOn runs a job on a backend until ctx is done, and returns what it said.
func runOn(ctx context.Context, on backend.Backend, job infer.Job, done func(rows int)) (s infer.Summary, said string, err error) {
	plan, err := infer.NewPlan(ctx, job)
	if err != nil {
		return s, "", err
	}
	defer plan.Close()
	plan.Say = func(line string) { said += line + "\n" }
	s, err = infer.Run(ctx, plan, on, infer.Hooks{Done: done})
	return s, said, err
}

// stopAfter runs a job and stops it after some rows, so that some of its parts are made.
func stopAfter(t *testing.T, job infer.Job, rows int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := 0
	job.Batch, job.Callers = 10, 1
	_, _, err := runOn(ctx, ortest.Backend(t, onnxruntime.WithThreads(1)), job, func(n int) {
		if seen += n; seen >= rows {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped after %d rows: %v", seen, err)
	}
}

// everything returns all files below a folder, hidden ones too.
func everything(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Parts that were made from other rows, or by another backend, are never taken: in a folder they are refused before any work,
// next to a file they are made again. What ends in success holds the codes of the rows and of the backend that it was given.
func TestParts(t *testing.T) {
	t.Parallel()
	model := writeModel(t, dist.Bernoulli, 11, 0)
	ort, pure := ortest.Backend(t, onnxruntime.WithThreads(1)), purego.New(purego.WithThreads(1))
	a, b := rowsFile(t, 300, 1), rowsFile(t, 300, 2)
	pictures, renamed, repainted := pictureFolder(t, 100), pictureFolder(t, 100), pictureFolder(t, 100)
	if err := os.Rename(filepath.Join(renamed, "03/3.png"), filepath.Join(renamed, "03/3x.png")); err != nil {
		t.Fatal(err)
	}
	replace(t, filepath.Join(repainted, "05/5.png"), filepath.Join(repainted, "05/6.png"))
	for _, c := range []struct {
		name   string
		in     [2]string // before and after
		on     [2]backend.Backend
		format infer.Format
	}{
		{"other rows", [2]string{a, b}, [2]backend.Backend{ort, ort}, infer.NPY},
		{"other names of pictures", [2]string{pictures, renamed}, [2]backend.Backend{ort, ort}, infer.CSV},
		{"another picture", [2]string{pictures, repainted}, [2]backend.Backend{ort, ort}, infer.CSV},
		{"another backend", [2]string{a, a}, [2]backend.Backend{ort, pure}, infer.NPY},
		{"another backend, the other way", [2]string{a, a}, [2]backend.Backend{pure, ort}, infer.NPY},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			codes := infer.Logits
			job := infer.Job{Model: model, Codes: codes, Format: c.format, PartRows: 20}
			result := func(which int, out string) map[string]string {
				j := job
				j.In, j.Out = c.in[which], out
				if _, _, err := runOn(t.Context(), c.on[which], j, nil); err != nil {
					t.Fatal(err)
				}
				return everything(t, filepath.Dir(strings.TrimSuffix(out, "/")))
			}
			file, folder := result(1, mkdir(t, dir, "want")+"/codes"), result(1, mkdir(t, dir, "wants")+"/codes/")

			before := result(0, mkdir(t, dir, "folder")+"/codes/")
			j := job
			j.In, j.Out = c.in[1], dir+"/folder/codes/"
			_, _, err := runOn(t.Context(), c.on[1], j, nil)
			if !errors.Is(err, infer.ErrJob) || !strings.Contains(err.Error(), "--force") || !equal(everything(t, dir+"/folder"), before) {
				t.Errorf("in a folder: %v", err)
			}
			j.Force = true
			if _, _, err := runOn(t.Context(), c.on[1], j, nil); err != nil || !equal(everything(t, dir+"/folder"), folder) {
				t.Errorf("in a folder, by force: %v", err)
			}

			j.Out, j.Force = mkdir(t, dir, "file")+"/codes", false
			half := j
			half.In = c.in[0]
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			seen := 0
			half.Batch, half.Callers = 10, 1
			if _, _, err := runOn(ctx, c.on[0], half, func(n int) {
				if seen += n; seen >= 80 {
					cancel()
				}
			}); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			s, said, err := runOn(t.Context(), c.on[1], j, nil)
			if err != nil || !equal(everything(t, dir+"/file"), file) {
				t.Errorf("to a file: %+v, %v", s, err)
			}
			if !strings.Contains(said, "it is made again") {
				t.Errorf("it says %q", said)
			}
		})
	}
}

func mkdir(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// Parts of the same rows are kept, from whatever file they are read: a copy, or the same packed in gzip.
func TestKept(t *testing.T) {
	t.Parallel()
	model, a := writeModel(t, dist.Bernoulli, 11, 0), rowsFile(t, 300, 1)
	job := infer.Job{Model: model, In: a, Out: t.TempDir() + "/", PartRows: 20}
	must(t, job)
	copied := rowsFile(t, 300, 1)
	if err := os.Rename(copied, copied+".other"); err != nil {
		t.Fatal(err)
	}
	for _, check := range []infer.Check{infer.Content, infer.Sample} {
		job.In, job.Check = copied+".other", check
		if s := must(t, job); s.Skipped != 15 {
			t.Errorf("%s: %+v", check, s)
		}
	}
}

// Parts that were made by a run that hashes a few rows only are kept by such runs, and by no others.
func TestSampledParts(t *testing.T) {
	t.Parallel()
	model, a, b := writeModel(t, dist.Bernoulli, 11, 0), rowsFile(t, 300, 1), rowsFile(t, 300, 2)
	dir := t.TempDir()
	for _, out := range []string{dir + "/codes/", dir + "/codes.npy"} {
		job := infer.Job{Model: model, In: a, Out: out, PartRows: 20, Check: infer.Sample}
		if !job.Folder() {
			stopAfter(t, job, 100)
		} else {
			must(t, job)
			if s := must(t, job); s.Skipped != 15 {
				t.Errorf("%+v", s)
			}
			other := job
			other.In = b
			if _, err := run(t, other); !errors.Is(err, infer.ErrJob) {
				t.Errorf("other rows: %v", err)
			}
		}
		job.Check = infer.Content
		s, said, err := runOn(t.Context(), ortest.Backend(t, onnxruntime.WithThreads(1)), job, nil)
		if err != nil || s.Skipped > 0 || !strings.Contains(said, "does not say what its rows were read from") {
			t.Errorf("%s, every byte: %+v, %q, %v", out, s, said, err)
		}
	}
}

// A record that does not say what the rows were read from, by an older version or by hand, is never taken.
func TestNoFingerprint(t *testing.T) {
	t.Parallel()
	model, a, b := writeModel(t, dist.Bernoulli, 11, 0), rowsFile(t, 60, 1), rowsFile(t, 60, 2)
	dir := t.TempDir()
	job := infer.Job{Model: model, In: a, Out: dir + "/codes/", PartRows: 20}
	must(t, job)
	record := filepath.Join(dir, "codes", "part-00001-of-00003.npy.done")
	data, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	want := everything(t, dir)
	for name, remove := range map[string][]string{"an old one": {"source", "made/backend", "made/manifest"}, "no source": {"source"}} {
		var r map[string]any
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
		for _, key := range remove {
			if in, field, ok := strings.Cut(key, "/"); ok {
				delete(r[in].(map[string]any), field)
			} else {
				delete(r, key)
			}
		}
		spoilt, err := json.Marshal(r)
		if err == nil {
			err = os.WriteFile(record, spoilt, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		s, said, err := runOn(t.Context(), ortest.Backend(t, onnxruntime.WithThreads(1)), job, nil)
		if err != nil || s.Skipped != 2 || !strings.Contains(said, "part 1 has a record that does not say what its rows were read from: it is made again") {
			t.Errorf("%s: %+v, %q, %v", name, s, said, err)
		}
		if !equal(everything(t, dir), want) {
			t.Errorf("%s: other parts", name)
		}
	}
	other := job
	other.In = b
	if _, err := run(t, other); !errors.Is(err, infer.ErrJob) || !strings.Contains(err.Error(), "from other rows") {
		t.Error(err)
	}
}

// A run that was killed between its file and the end of tidying up is done, if file and rows are the same; anything else needs
// force.
func TestFinished(t *testing.T) {
	t.Parallel()
	model, a, b := writeModel(t, dist.Bernoulli, 11, 0), rowsFile(t, 100, 1), rowsFile(t, 100, 2)
	dir := t.TempDir()
	job := infer.Job{Model: model, In: a, Out: filepath.Join(dir, "codes.npy"), PartRows: 20}
	hidden, kept := filepath.Join(dir, ".codes.npy.parts"), filepath.Join(dir, "kept")
	stop := atomicfile.Watch(func(op atomicfile.Op) {
		if op.Kind == atomicfile.Renamed && op.To == job.Out {
			if err := os.CopyFS(kept, os.DirFS(hidden)); err != nil {
				t.Error(err)
			}
		}
	})
	must(t, job)
	stop()
	want := read(t, job.Out)["."]
	killed := func() {
		t.Helper()
		if err := errors.Join(os.RemoveAll(hidden), os.CopyFS(hidden, os.DirFS(kept)), os.WriteFile(job.Out, []byte(want), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	killed()
	if s := must(t, job); s.Skipped != 5 || s.Rows != 100 || read(t, job.Out)["."] != want {
		t.Errorf("%+v", s)
	}
	if _, err := os.Stat(hidden); err == nil {
		t.Error("the parts are left")
	}
	killed()
	if err := os.Remove(filepath.Join(hidden, "part-00001-of-00005.raw")); err != nil { // as the tidying up begins
		t.Fatal(err)
	}
	if s := must(t, job); s.Skipped != 5 {
		t.Errorf("%+v", s)
	}
	other := job
	other.In = b
	killed()
	if _, err := run(t, other); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "from other rows") || read(t, job.Out)["."] != want {
		t.Errorf("other rows: %v", err)
	}
	pure := purego.New(purego.WithThreads(1))
	if _, _, err := runOn(t.Context(), pure, job, nil); !errors.Is(err, fs.ErrExist) || read(t, job.Out)["."] != want {
		t.Errorf("another backend: %v", err)
	}
	if err := os.WriteFile(job.Out, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, job); !errors.Is(err, fs.ErrExist) || read(t, job.Out)["."] != "mine" {
		t.Errorf("another file: %v", err)
	}
	other.Force = true
	must(t, other)
	other.Out = filepath.Join(dir, "want.npy")
	must(t, other)
	if read(t, job.Out)["."] != read(t, other.Out)["."] || read(t, job.Out)["."] == want {
		t.Error("by force the file is not that of the new rows")
	}
}

// A source that is replaced between shards is found by a few rows of each part; a change elsewhere is found by the next run
// over all parts, which compares every byte.
func TestSourceBetweenShards(t *testing.T) {
	t.Parallel()
	model, a, b := writeModel(t, dist.Bernoulli, 11, 0), rowsFile(t, 400, 1), rowsFile(t, 400, 2)
	slightly := rowsFile(t, 400, 1)
	data, err := os.ReadFile(slightly)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-400*24+14*24] ^= 1 // row 14: of 200 rows, those near multiples of 199/15 are looked at, such as 13 and 26
	if err := os.WriteFile(slightly, data, 0o644); err != nil {
		t.Fatal(err)
	}
	job := infer.Job{Model: model, In: a, Out: t.TempDir() + "/", PartRows: 200, Shard: infer.Shard{Index: 0, Of: 2}}
	must(t, job)
	second := job
	second.Shard.Index, second.In = 1, b
	if _, err := run(t, second); !errors.Is(err, infer.ErrJob) || !strings.Contains(err.Error(), "from other rows") {
		t.Errorf("another source: %v", err)
	}
	second.In = slightly
	must(t, second)
	all := second
	all.Shard = infer.Shard{}
	all.Check = infer.Sample
	if s := must(t, all); s.Skipped != 2 {
		t.Errorf("the quick check: %+v", s)
	}
	all.Check = infer.Content
	if _, err := run(t, all); !errors.Is(err, infer.ErrJob) || !strings.Contains(err.Error(), "part-00000-of-00002") {
		t.Errorf("every byte: %v", err)
	}
	all.In, all.Check = b, infer.Sample
	if _, err := run(t, all); !errors.Is(err, infer.ErrJob) {
		t.Errorf("another source, by the quick check: %v", err)
	}
	second.In, second.Force = b, true // the first shard may be replaced next; until then the folder holds both
	_, said, err := runOn(t.Context(), ortest.Backend(t, onnxruntime.WithThreads(1)), second, nil)
	if err != nil || !strings.Contains(said, "parts of another run") {
		t.Errorf("one shard replaced: %q, %v", said, err)
	}
	first := second
	first.Shard.Index = 0
	if _, said, err := runOn(t.Context(), ortest.Backend(t, onnxruntime.WithThreads(1)), first, nil); err != nil || said != "" {
		t.Errorf("both shards replaced: %q, %v", said, err)
	}
}

// A source that is written to while it is read ends the run before the part that was being made gets its name. Where the time
// of its last change is put back, the next run finds it.
func TestSourceWhileRead(t *testing.T) {
	t.Parallel()
	model := writeModel(t, dist.Bernoulli, 11, 0)
	b := rowsFile(t, 40_000, 2)
	for _, c := range []struct {
		name   string
		out    string
		hidden bool // the change
	}{{"folder", "codes/", false}, {"file", "codes.npy", false}, {"one part", "one.npy", false}, {"folder, unseen", "codes/", true}} {
		t.Run(c.name, func(t *testing.T) {
			a := rowsFile(t, 40_000, 1)
			info, err := os.Stat(a)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			job := infer.Job{Model: model, In: a, Out: dir + "/" + c.out, PartRows: 10_000, Batch: 100, Callers: 1}
			if c.out == "one.npy" {
				job.PartRows = 40_000
			}
			seen := 0
			_, _, err = runOn(t.Context(), ortest.Backend(t, onnxruntime.WithThreads(1)), job, func(n int) {
				before := seen
				if seen += n; before < 15_000 && seen >= 15_000 {
					replace(t, a, b)
					if c.hidden {
						err := os.Chtimes(a, time.Time{}, info.ModTime())
						if err != nil {
							t.Error(err)
						}
					}
				}
			})
			if c.hidden {
				if err != nil {
					t.Fatal(err)
				}
				if _, err := run(t, job); !errors.Is(err, infer.ErrJob) || !strings.Contains(err.Error(), "from other rows") {
					t.Errorf("the run after: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), "while it was read") || errors.Is(err, infer.ErrJob) {
				t.Fatalf("%v", err)
			}
			if _, err := os.Stat(filepath.Join(dir, "codes/part-00001-of-00004.npy")); err == nil {
				t.Error("the part of both has its name")
			}
			if c.out == "codes/" {
				if _, err := run(t, job); !errors.Is(err, infer.ErrJob) {
					t.Errorf("the run after: %v", err)
				}
				return
			}
			must(t, job)
			want := job
			want.Out = filepath.Join(dir, "want.npy")
			must(t, want)
			if read(t, job.Out)["."] != read(t, want.Out)["."] {
				t.Error("the run after gives other codes")
			}
		})
	}
}

// A bundle that is replaced while a run begins ends it; one whose manifest means other rows makes other parts.
func TestBundleReplaced(t *testing.T) {
	t.Parallel()
	model, other, in := writeModel(t, dist.Bernoulli, 11, 0), writeModel(t, dist.Bernoulli, 12, 0), pixelFile(t, 100)
	job := infer.Job{Model: model, In: in, Out: t.TempDir() + "/", PartRows: 20}
	must(t, job)
	plan, err := infer.NewPlan(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	moved := model + "-moved"
	if err := errors.Join(os.Rename(model, moved), os.Rename(other, model)); err != nil {
		t.Fatal(err)
	}
	if _, err := infer.Run(t.Context(), plan, ortest.Backend(t, onnxruntime.WithThreads(1)), infer.Hooks{}); err == nil || !strings.Contains(err.Error(), "replaced while the run began") {
		t.Errorf("%v", err)
	}
	manifest := filepath.Join(moved, "manifest.json")
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(text, []byte(`"input": {`), []byte(`"input": {"image": {"resize": "bilinear"},`), 1)
	if err := os.WriteFile(manifest, changed, 0o644); err != nil || bytes.Equal(changed, text) {
		t.Fatal(err)
	}
	job.Model = moved
	if _, err := run(t, job); !errors.Is(err, infer.ErrJob) || !strings.Contains(err.Error(), "by another bundle") {
		t.Errorf("another manifest: %v", err)
	}
}

// Standard input is read once. Parts whose bytes it has again are kept and not made; other bytes are refused in a folder, and
// forgotten next to a file.
func TestStandardInput(t *testing.T) {
	t.Parallel()
	ortest.Backend(t)
	model, a, b := writeModel(t, dist.Bernoulli, 11, 0), rowsFile(t, 300, 1), rowsFile(t, 300, 2)
	piped := func(job infer.Job, source string) (string, error) {
		t.Helper()
		job.In = "-"
		text, err := json.Marshal(job)
		if err != nil {
			t.Fatal(err)
		}
		in, err := os.Open(source)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "CATVAE_TEST_JOB="+string(text))
		cmd.Stdin = in
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	dir := t.TempDir()
	folder := infer.Job{Model: model, Out: dir + "/codes/", PartRows: 30}
	for source, want := range map[string]string{a: dir + "/a.npy", b: dir + "/b.npy"} {
		must(t, infer.Job{Model: model, In: source, Out: want})
	}
	if out, err := piped(folder, a); err != nil {
		t.Fatal(out, err)
	}
	made := everything(t, folder.Out)
	if out, err := piped(folder, a); err != nil || !strings.Contains(out, "10 skipped") {
		t.Errorf("the same rows: %s, %v", out, err)
	}
	if out, err := piped(folder, b); err == nil || !strings.Contains(out, "from other rows") || !equal(everything(t, folder.Out), made) {
		t.Errorf("other rows: %s, %v", out, err)
	}
	if err := os.Remove(folder.Out + "part-00004-of-00010.npy.done"); err != nil {
		t.Fatal(err)
	}
	if out, err := piped(folder, a); err != nil || !strings.Contains(out, "4 skipped") || !equal(everything(t, folder.Out), made) {
		t.Errorf("a record that is missing: %s, %v", out, err)
	}
	// As a run that was stopped leaves it: raw parts and their records next to the file.
	file := infer.Job{Model: model, Out: dir + "/codes.npy", PartRows: 30}
	begun := file
	begun.In = a
	stopAfter(t, begun, 100)
	if out, err := piped(file, b); err == nil || !strings.Contains(out, "give the command again") {
		t.Errorf("a file, other rows: %s, %v", out, err)
	}
	if out, err := piped(file, b); err != nil || read(t, file.Out)["."] != read(t, dir+"/b.npy")["."] {
		t.Errorf("a file, other rows again: %s, %v", out, err)
	}
	if err := os.Remove(file.Out); err != nil {
		t.Fatal(err)
	}
	stopAfter(t, begun, 100)
	if out, err := piped(file, a); err != nil || strings.Contains(out, " 0 skipped") || read(t, file.Out)["."] != read(t, dir+"/a.npy")["."] {
		t.Errorf("a file, the same rows: %s, %v", out, err)
	}
}

// Bytes that were hashed are not made into rows: parts that are kept run no graph.
func TestKeptRunsNoGraph(t *testing.T) {
	t.Parallel()
	model := writeModel(t, dist.Bernoulli, 11, 0)
	job := infer.Job{Model: model, In: rowsFile(t, 300, 1), Out: t.TempDir() + "/", PartRows: 20}
	must(t, job)
	var rows atomic.Int64
	plan, err := infer.NewPlan(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	s, err := infer.Run(t.Context(), plan, ortest.Backend(t, onnxruntime.WithThreads(1)), infer.Hooks{Observe: func(_ runtime.Stage, n int, _ time.Duration) { rows.Add(int64(n)) }})
	if err != nil || s.Skipped != 15 || rows.Load() > 0 {
		t.Errorf("%+v, %d rows were run: %v", s, rows.Load(), err)
	}
	names := slices.Sorted(maps.Keys(everything(t, job.Out)))
	if len(names) != 30 {
		t.Errorf("%v", names)
	}
}
