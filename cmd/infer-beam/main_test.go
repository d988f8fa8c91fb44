package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/datatest"
	"github.com/catvae/catvae/runtime/onnxruntime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
	"gorgonia.org/tensor"
)

// Pipelines of these tests run on prism, in this process.
func TestMain(m *testing.M) {
	flag.Parse()
	beam.Init()
	if err := setLog("off"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// writeModel writes the bundle of an untrained model of rows of 3x2 with eleven bits and returns its folder.
func writeModel(t *testing.T) string {
	t.Helper()
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	m := builder.Model{
		Input: []int{3, 2}, Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 11, Prior: "uniform"},
		Encoder: builder.MLP{Hidden: []int{4}}, Decoder: builder.MLP{Hidden: []int{4}}, Activation: builder.Tanh,
	}
	dir := filepath.Join(t.TempDir(), "bundle")
	trained := train.Trained{Name: "test", Model: m, Params: params}
	if _, err := trained.WriteBundle(t.Context(), dir, train.BundleOptions{Backend: ortest.Backend(t)}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// writePixels writes n rows of 3x2 bytes as IDX and returns the file.
func writePixels(t *testing.T, n int) string { return datatest.Pixels(t, n, 3, 2) }

// writeFloats writes n rows of 3x2 floats as CSV, some of them bad, and returns the file.
func writeFloats(t *testing.T, n int, bad ...int) string {
	t.Helper()
	var text strings.Builder
	for i := range n {
		value := "0.5"
		if slices.Contains(bad, i) {
			value = "NaN"
		}
		fmt.Fprintf(&text, "0,1,%s,0.25,0.75,%g\n", value, float64(i%10)/10)
	}
	path := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs a command line, and returns what it told.
func run(ctx context.Context, args ...string) (stderr string, err error) {
	var out, talk bytes.Buffer
	err = cli.Run(ctx, cli.Env{Stdout: &out, Stderr: &talk}, "infer-beam", description, &command{}, args)
	if out.Len() > 0 {
		err = errors.Join(err, fmt.Errorf("standard output: %s", out.String()))
	}
	return talk.String(), err
}

// readAll returns every file below a folder by its name. What is hidden is left over.
func readAll(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") {
			t.Errorf("%s is left over", path)
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

// Parts of other rows, of another backend or without a fingerprint are never taken: the first two are refused before any work,
// the last are made again.
func TestOtherParts(t *testing.T) {
	model, dir := writeModel(t), t.TempDir()
	source := filepath.Join(dir, "rows.csv")
	write := func(rows string) {
		if err := os.WriteFile(source, []byte(strings.Repeat(rows, 50)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("0,1,0.5,0.25,0.75,1\n")
	args := []string{"--model", model, "--in", source, "--out", dir + "/codes/", "--part-rows", "10"}
	if _, err := run(t.Context(), args...); err != nil {
		t.Fatal(err)
	}
	made := readAll(t, dir+"/codes")
	write("1,0,0.5,0.75,0.25,1\n")
	if _, err := run(t.Context(), args...); code(err) != cli.Usage || !strings.Contains(err.Error(), "from other rows") || !maps.Equal(readAll(t, dir+"/codes"), made) {
		t.Errorf("other rows: %v", err)
	}
	write("0,1,0.5,0.25,0.75,1\n")
	edit := func(part int, change func(record map[string]any)) {
		path := fmt.Sprintf("%s/codes/part-%05d-of-00005.npy.done", dir, part)
		var record map[string]any
		data, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(data, &record)
		}
		if err == nil {
			change(record)
			data, err = json.MarshalIndent(record, "", "  ")
		}
		if err == nil {
			err = os.WriteFile(path, data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	edit(3, func(r map[string]any) { delete(r, "source") })
	if talk, err := run(t.Context(), args...); err != nil || !strings.Contains(talk, "4 of 5 parts existed already") {
		t.Errorf("a record without a fingerprint: %v, %s", err, talk)
	}
	for part := range 5 {
		edit(part, func(r map[string]any) { r["made"].(map[string]any)["backend"] = "onnxruntime 0.9 (cpu)" })
	}
	if _, err := run(t.Context(), args...); code(err) != cli.Usage || !strings.Contains(err.Error(), "onnxruntime 0.9 (cpu)") {
		t.Errorf("another backend: %v", err)
	}
	edit(2, func(r map[string]any) { r["made"].(map[string]any)["backend"] = "onnxruntime 0.8 (cpu)" })
	if _, err := run(t.Context(), args...); code(err) != cli.Usage || !strings.Contains(err.Error(), "another backend") {
		t.Errorf("several backends: %v", err)
	}
	if _, err := run(t.Context(), append(args, "--force")...); err != nil || !maps.Equal(readAll(t, dir+"/codes"), made) {
		t.Errorf("by force: %v", err)
	}
}

// Parts and records that a pipeline makes are those of infer, and a second run makes none.
func TestSameAsInfer(t *testing.T) {
	backend := ortest.Backend(t, onnxruntime.WithThreads(1))
	model, in := writeModel(t), writePixels(t, 1003)
	for _, c := range []struct {
		name string
		args []string
		job  infer.Job
	}{
		{"codes", nil, infer.Job{}},
		{"one strip", []string{"--strips", "1", "--batch", "7"}, infer.Job{}},
		{"logits", []string{"--codes", "logits", "--format", "csv"}, infer.Job{Codes: infer.Logits, Format: infer.CSV}},
		{"pictures", []string{"--mode", "reconstruct", "--format", "png"}, infer.Job{Mode: infer.Reconstruct, Format: infer.PNG}},
		{"scores", []string{"--mode", "score"}, infer.Job{Mode: infer.Score}},
		{"a shard", []string{"--shard", "1/3"}, infer.Job{Shard: infer.Shard{Index: 1, Of: 3}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.job.Model, c.job.In, c.job.Out, c.job.PartRows = model, in, t.TempDir()+"/want/", 100
			c.job.Split = dataset.Test
			plan, err := infer.NewPlan(t.Context(), c.job)
			if err != nil {
				t.Fatal(err)
			}
			defer plan.Close()
			if _, err := infer.Run(t.Context(), plan, backend, infer.Hooks{}); err != nil {
				t.Fatal(err)
			}
			out := t.TempDir() + "/got/"
			args := append(c.args, "--model", model, "--in", in, "--out", out, "--part-rows", "100")
			talk, err := run(t.Context(), args...)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(talk, "existed already") {
				t.Errorf("the first run skips: %s", talk)
			}
			if got, want := readAll(t, out), readAll(t, c.job.Out); !maps.Equal(got, want) {
				t.Errorf("got %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
			}
			talk, err = run(t.Context(), args...)
			if n := len(plan.Blocks()); err != nil || !strings.Contains(talk, fmt.Sprintf("%d of %d parts existed already", n, n)) {
				t.Errorf("the second run: %v: %s", err, talk)
			}
		})
	}
}

// What goes wrong in a worker comes back with its exit code and its message alone.
func TestFailures(t *testing.T) {
	ortest.Backend(t)
	model, good, bad := writeModel(t), writePixels(t, 50), writeFloats(t, 100, 20, 70)
	other := writePixels(t, 60)
	out := t.TempDir() + "/"
	if _, err := run(t.Context(), "--model", model, "--in", other, "--out", out+"other/"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		text string
	}{
		{"a file", []string{"--in", good, "--out", out + "codes.npy"}, cli.Usage, "end it with a slash"},
		{"standard input", []string{"--in", "-"}, cli.Usage, "standard input"},
		{"strips", []string{"--in", good, "--strips=-1"}, cli.Usage, "--strips -1"},
		{"threads", []string{"--in", good, "--threads=-1"}, cli.Usage, "--threads -1"},
		{"two choices", []string{"--in", good, "--device", "auto", "--variant", "auto"}, cli.Usage, "name one of the two"},
		{"no file", []string{"--in", "nowhere"}, cli.Failed, "nowhere"},
		{"another run", []string{"--in", good, "--out", out + "other/"}, cli.Usage, "--force"},
		{"a bad row", []string{"--in", bad}, cli.BadInput, "NaN"},
		{"too many bad rows", []string{"--in", bad, "--max-bad", "0.01"}, cli.BadInput, "more than 1 bad row"},
		{"bad rows", []string{"--in", bad, "--max-bad", "0.02"}, cli.Part, "2 rows are bad"},
		{"no library", []string{"--in", good, "--library", "/nowhere"}, cli.NoLibrary, "/nowhere"},
		{"no variant", []string{"--in", good, "--variant", "int8"}, cli.BadInput, "int8"},
	} {
		args := append([]string{"--model", model, "--part-rows", "10", "--out", out + c.name + "/"}, c.args...)
		_, err := run(t.Context(), args...)
		if got := code(err); got != c.code || err == nil || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "DoFn") {
			t.Errorf("%s: exit %d, %v; want exit %d and %q", c.name, got, err, c.code, c.text)
		}
		if c.code != cli.Part {
			continue
		}
		if files := readAll(t, out+c.name); len(files) != 2*10+2 {
			t.Errorf("%s: %v: ten parts, ten records and two lists of bad rows are wanted", c.name, slices.Sorted(maps.Keys(files)))
		}
	}
}

// An interrupted run leaves whole parts and nothing else, and continues when it is started again.
func TestInterrupted(t *testing.T) {
	ortest.Backend(t)
	model, in, out := writeModel(t), writePixels(t, 400_000), t.TempDir()+"/"
	args := []string{"--model", model, "--in", in, "--part-rows", "1000", "--batch", "50"}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for { // until some parts exist
			if names, _ := filepath.Glob(out + "stopped/*.done"); len(names) > 3 {
				cancel()
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	_, err := run(ctx, append(args, "--out", out+"stopped/")...)
	if code(err) != cli.Interrupted {
		t.Fatalf("exit %d, %v; want %d", code(err), err, cli.Interrupted)
	}
	stopped := readAll(t, out+"stopped")
	if n := len(stopped); n >= 800 {
		t.Errorf("%d files: the run ended before it was stopped", n)
	}
	talk, err := run(t.Context(), append(args, "--out", out+"stopped/")...)
	if err != nil || !strings.Contains(talk, "of 400 parts existed already") {
		t.Fatalf("%v: %s", err, talk)
	}
	if _, err := run(t.Context(), append(args, "--out", out+"whole/")...); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(readAll(t, out+"stopped"), readAll(t, out+"whole")) {
		t.Error("the parts differ from those of a run without a pause")
	}
}

func TestMetrics(t *testing.T) {
	ortest.Backend(t)
	model, in := writeModel(t), writePixels(t, 1003)
	talk, err := run(t.Context(), "--model", model, "--in", in, "--out", t.TempDir()+"/", "--part-rows", "100", "--batch", "50", "--metrics")
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(talk, "\n")
	var got struct {
		Rows    int64        `json:"num_inferences"`
		Failed  int64        `json:"failed_batches_counter"`
		Made    int64        `json:"parts_made"`
		Size    distribution `json:"inference_request_batch_size"`
		Bytes   distribution `json:"inference_request_batch_byte_size"`
		Latency distribution `json:"inference_batch_latency_micro_secs"`
		Model   distribution `json:"model_byte_size"`
		Loading distribution `json:"load_model_latency_milli_secs"`
	}
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("%v: %s", err, talk)
	}
	if got.Rows != 1003 || got.Failed != 0 || got.Made != 11 || got.Size.Sum != 1003 || got.Size.Max != 50 || got.Size.Min != 3 || got.Bytes.Sum != 6018 {
		t.Errorf("%s", line)
	}
	if got.Latency.Count != got.Size.Count || got.Model.Count != 1 || got.Model.Sum <= 0 || got.Loading.Count != 1 {
		t.Errorf("%s", line)
	}
}

// One process loads a model once, whoever asks, and a folder that changed under a name is noticed.
func TestWorkerOf(t *testing.T) {
	ortest.Backend(t)
	interrupted = t.Context() // not that of an earlier test's pipeline
	plan, err := infer.NewPlan(t.Context(), infer.Job{Model: writeModel(t), In: writePixels(t, 10), Out: t.TempDir() + "/"})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	c := newConfig(plan, cli.Backend{Device: "cpu"}, 1)
	first, err := workerOf(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := workerOf(t.Context(), c); err != nil || second != first {
		t.Errorf("a second worker: %v", err)
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Bundle = "0123456789abcdef" },
		func(c *Config) { c.Rows++ },
		func(c *Config) { c.Bytes++ },
		func(c *Config) { c.Parts++ },
	} {
		changed := c
		change(&changed)
		if _, err := workerOf(t.Context(), changed); err == nil || !strings.Contains(err.Error(), "where the pipeline was started") {
			t.Errorf("%+v: %v", changed, err)
		}
	}
}

// A part without a record, or with another's, is noticed whatever the runner says.
func TestReadRecord(t *testing.T) {
	ortest.Backend(t)
	out := t.TempDir() + "/"
	args := []string{"--model", writeModel(t), "--in", writePixels(t, 30), "--out", out, "--part-rows", "10"}
	if _, err := run(t.Context(), args...); err != nil {
		t.Fatal(err)
	}
	plan, err := infer.NewPlan(t.Context(), infer.Job{Model: args[1], In: args[3], Split: dataset.Test, Out: out, PartRows: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	if r, err := readRecord(plan, plan.Blocks()[1]); err != nil || r.Rows != 10 || r.First != 10 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := os.Truncate(out+"part-00001-of-00003.npy", 5); err != nil {
		t.Fatal(err)
	}
	if _, err := readRecord(plan, plan.Blocks()[1]); err == nil {
		t.Error("a part that was cut short is taken")
	}
	if err := os.Remove(out + "part-00002-of-00003.npy.done"); err != nil {
		t.Fatal(err)
	}
	if _, err := readRecord(plan, plan.Blocks()[2]); err == nil || !strings.Contains(err.Error(), "shared") {
		t.Errorf("a missing record: %v", err)
	}
}

// Strips hold every part once, in order, and differ in length by one at most.
func TestDealParts(t *testing.T) {
	for parts := range 40 {
		for strips := 1; strips <= max(1, parts); strips++ {
			next, least, most := 0, parts, 0
			(&dealParts{Parts: parts, Strips: strips}).ProcessElement(nil, func(_ int, s Strip) {
				if s.First != next {
					t.Errorf("%d parts in %d strips: a strip begins at %d, want %d", parts, strips, s.First, next)
				}
				next += s.Parts
				least, most = min(least, s.Parts), max(most, s.Parts)
			})
			if next != parts || most-least > 1 {
				t.Errorf("%d parts in %d strips of %d to %d: %d are dealt out", parts, strips, least, most, next)
			}
		}
	}
}

func TestMarked(t *testing.T) {
	err := fmt.Errorf("row 3 of {x}>\n\"y\": %w", dataset.ErrData)
	got := found(fmt.Errorf("job failed:\njava.util.concurrent.ExecutionException: DoFn[UID:4] failed:\n%w\n\tat org.apache", marked(err)))
	if code(got) != cli.BadInput || got.Error() != cli.OneLine(err) {
		t.Errorf("exit %d, %v", code(got), got)
	}
	for _, text := range []string{"plain", "catvae<{}", "catvae<{]}>catvae"} {
		if err := errors.New(text); found(err) != err {
			t.Errorf("%q became %v", text, found(err))
		}
	}
}

func TestParseBeamFlags(t *testing.T) {
	defer func(n int, s string, b bool) { *jobopts.Parallelism, *jobopts.Endpoint, *jobopts.Async = n, s, b }(*jobopts.Parallelism, *jobopts.Endpoint, *jobopts.Async)
	ours, err := parseBeamFlags([]string{"--in", "x", "--parallelism=3", "--async", "--out=y/", "-endpoint", "here:1", "parallelism"})
	if want := []string{"--in", "x", "--out=y/", "parallelism"}; err != nil || !slices.Equal(ours, want) {
		t.Errorf("%q, %v; want %q", ours, err, want)
	}
	if *jobopts.Parallelism != 3 || !*jobopts.Async || *jobopts.Endpoint != "here:1" {
		t.Errorf("parallelism %d, async %t, endpoint %q", *jobopts.Parallelism, *jobopts.Async, *jobopts.Endpoint)
	}
	if _, err := parseBeamFlags([]string{"--parallelism=many"}); code(err) != cli.Usage {
		t.Errorf("exit %d, %v", code(err), err)
	}
}

// No flag is infer's and Beam's, or the testing package's, at once.
func TestFlagNames(t *testing.T) {
	parser, err := kong.New(&command{}, cli.Vars())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range parser.Model.Flags {
		if flag.Lookup(f.Name) != nil {
			t.Errorf("--%s is Beam's too", f.Name)
		}
	}
}

func TestRunnerOf(t *testing.T) {
	defer func(e, k, w string) {
		*jobopts.Endpoint, *jobopts.EnvironmentType, *jobopts.WorkerBinary = e, k, w
	}(*jobopts.Endpoint, *jobopts.EnvironmentType, *jobopts.WorkerBinary)
	*jobopts.Endpoint, *jobopts.EnvironmentType = "", ""
	if _, err := runnerOf("nonesuch"); code(err) != cli.Usage || !strings.Contains(err.Error(), "flink, prism, spark, universal") {
		t.Error(err)
	}
	if _, err := runnerOf("flink"); code(err) != cli.Usage || !strings.Contains(err.Error(), "--endpoint") {
		t.Error(err)
	}
	*jobopts.Endpoint = "there:8099"
	if _, err := runnerOf("flink"); err != nil || *jobopts.WorkerBinary == "" {
		t.Errorf("%v, worker %q: this program is the worker", err, *jobopts.WorkerBinary)
	}
}

func TestSetLog(t *testing.T) {
	defer setLog("off")
	if err := setLog("loud"); code(err) != cli.Usage {
		t.Error(err)
	}
}
