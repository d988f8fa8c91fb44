package train_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
)

// tiny is a run of milliseconds: 4 values a row, 2 bits, 4 epochs of 5 steps, on no native library. With this learning rate
// the third epoch is the best.
func tiny(t testing.TB, out string) (train.Config, train.Options) {
	t.Helper()
	c := config(t, "encoder.hidden=3", "decoder.hidden=3", "latent.variables=2", "epochs=4", "batch=8", "data.validation=20", "data.binarize=none", "objective.kl_warmup=1500")
	path := filepath.Join(filepath.Dir(out), "rows.npy")
	if _, err := os.Stat(path); err != nil {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows := make([]byte, 0, 60*4)
		for i := range 60 {
			a, b := byte(255*(i%2)), byte(255*(i/2%2))
			rows = append(rows, a, a, b, b)
		}
		w, err := dataset.NewNPYWriter(f, "uint8", 60, 4)
		if err == nil {
			err = errors.Join(w.WriteBytes(rows), w.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return c, train.Options{Source: path, Out: out, Resume: true, CheckpointEvery: time.Hour, Samples: 1, Backend: purego.New(), Engine: train.Tape}
}

func mustRun(t *testing.T, c train.Config, o train.Options) train.Result {
	t.Helper()
	r, err := train.Run(context.Background(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// halfway returns a tiny run that was stopped in its third epoch, and was exported. Its checkpoints are of the steps 12, 10
// and 5, which is the best.
func halfway(t *testing.T) (c train.Config, o train.Options) {
	t.Helper()
	c, o = tiny(t, filepath.Join(t.TempDir(), "run"))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o.Progress = func(p train.Progress) {
		if p.Phase == "training" && p.Done == 12 {
			cancel()
		}
	}
	r, err := train.Run(ctx, c, o)
	if err != nil || !r.Interrupted || r.Steps != 12 || r.BestEpoch != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	o.Progress = nil
	return c, o
}

// copyRun copies a run, and returns options for it that collect what is said.
func copyRun(t *testing.T, o train.Options) (train.Options, *[]string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(out, os.DirFS(o.Out)); err != nil {
		t.Fatal(err)
	}
	var lines []string
	o.Out, o.Log = out, func(line string) { lines = append(lines, line) }
	return o, &lines
}

// content returns every file of a folder.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const (
	bestState  = "checkpoints/step-00000005/state.safetensors"
	finalState = "checkpoints/step-00000020/state.safetensors"
)

// Whatever happens to one file of a run, the run that is resumed ends with the weights of one that was left alone, or with
// one clear error; and it claims no epoch whose weights it has not exported.
func TestOneFileDamaged(t *testing.T) {
	t.Parallel()
	c, stopped := halfway(t)
	whole, _ := copyRun(t, stopped)
	mustRun(t, c, whole)
	want := content(t, whole.Out)
	files := content(t, stopped.Out)
	files["checkpoints"], files["bundle"] = "", "" // folders, to remove
	for name := range files {
		for damage, spoil := range damages {
			t.Run(name+" "+damage, func(t *testing.T) {
				o, log := copyRun(t, stopped)
				if err := spoil(filepath.Join(o.Out, name)); err != nil {
					t.Skip(err)
				}
				config := c
				if loaded, err := train.RunConfig(o.Out); err == nil { // as the command does
					config = loaded
				} else if !errors.Is(err, fs.ErrNotExist) {
					checkClear(t, err, "config.json")
					return
				}
				r, err := train.Run(context.Background(), config, o)
				if err != nil {
					checkClear(t, err, strings.TrimSuffix(filepath.Base(name), "s"))
					return
				}
				got := content(t, o.Out)
				if got[finalState] != want[finalState] {
					t.Errorf("the weights differ from those of a run that was left alone; it said %q", *log)
				}
				if same := got["bundle/encoder.onnx"] == want["bundle/encoder.onnx"]; same != (r.LostEpoch == 0) || same != (r.BestEpoch == 1) {
					t.Errorf("the bundle is that of the best epoch: %t; claimed is %d, lost %d", same, r.BestEpoch, r.LostEpoch)
				}
				if name == bestState && damage != "flipped" && len(*log) < 2 {
					t.Errorf("nothing was said of it: %q", *log)
				}
				if _, err := bundle.Open(filepath.Join(o.Out, train.BundleDir)); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func checkClear(t *testing.T, err error, name string) {
	t.Helper()
	if text := err.Error(); strings.Contains(text, "\n") || !strings.Contains(text, name) {
		t.Errorf("%q is not one line that names %s", text, name)
	}
}

// damages spoil a file.
var damages = map[string]func(path string) error{
	"flipped": func(path string) error { return edit(path, func(b []byte) []byte { b[len(b)/2] ^= 4; return b }) },
	"cut":     func(path string) error { return edit(path, func(b []byte) []byte { return b[:len(b)/2] }) },
	"gone": func(path string) error {
		return os.RemoveAll(path)
	},
}

func edit(path string, change func([]byte) []byte) error {
	data, err := os.ReadFile(path)
	if err == nil && len(data) == 0 {
		err = errors.New("the file is empty")
	}
	if err != nil {
		return err
	}
	return os.WriteFile(path, change(data), 0o644)
}

// Every flipped bit of a run's configuration is an error, or changes nothing.
func TestConfigSealed(t *testing.T) {
	t.Parallel()
	_, o := halfway(t)
	c, err := train.RunConfig(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(o.Out, train.ConfigFile)
	text := read(t, o.Out, train.ConfigFile)
	for i := range text {
		for bit := range 8 {
			spoiled := bytes.Clone(text)
			spoiled[i] ^= 1 << bit
			if err := os.WriteFile(path, spoiled, 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := train.RunConfig(o.Out)
			if err != nil && (!errors.Is(err, train.ErrResume) || errors.Is(err, train.ErrConfig)) || err == nil && fmt.Sprint(got) != fmt.Sprint(c) {
				t.Fatalf("bit %d of byte %d (%q): %v, %v", bit, i, spoiled, got, err)
			}
		}
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if other, err := train.LoadConfig(path, os.ReadFile); err != nil || fmt.Sprint(other) != fmt.Sprint(c) {
		t.Errorf("another run cannot begin with it: %v", err)
	}
}

// With the best checkpoint damaged, a bundle that holds its weights is kept. Without one, another epoch's weights are
// exported, and result, record and report say so.
func TestBestLost(t *testing.T) {
	t.Parallel()
	c, o := tiny(t, filepath.Join(t.TempDir(), "run"))
	first := mustRun(t, c, o)
	if first.BestEpoch != 1 {
		t.Fatalf("the best epoch is %d", first.BestEpoch)
	}
	before := content(t, o.Out)
	if err := damages["flipped"](filepath.Join(o.Out, bestState)); err != nil {
		t.Fatal(err)
	}
	kept, log := copyRun(t, o)
	r := mustRun(t, c, kept)
	after := content(t, kept.Out)
	for name, data := range before {
		if strings.HasPrefix(name, train.BundleDir) && after[name] != data {
			t.Errorf("%s changed", name)
		}
	}
	if r.BestEpoch != 1 || r.LostEpoch != 0 || r.Test.ELBO != first.Test.ELBO || r.Validation.ELBO != first.Validation.ELBO || !strings.Contains(strings.Join(*log, "\n"), "is kept") {
		t.Errorf("with the bundle: %+v, %q", r, *log)
	}

	for name, spoil := range map[string]func(dir string) error{
		"no bundle":                     os.RemoveAll,
		"a damaged bundle":              func(dir string) error { return damages["flipped"](filepath.Join(dir, "encoder.onnx")) },
		"a bundle without verification": func(dir string) error { return os.Remove(filepath.Join(dir, "verification.json")) },
		"a bundle of another epoch": func(dir string) error {
			return edit(filepath.Join(dir, "verification.json"), func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"epoch": 1`), []byte(`"epoch": 2`), 1)
			})
		},
	} {
		lost, log := copyRun(t, o)
		if err := spoil(filepath.Join(lost.Out, train.BundleDir)); err != nil {
			t.Fatal(err)
		}
		for range 2 { // and it stays so
			r := mustRun(t, c, lost)
			if r.BestEpoch != 4 || r.LostEpoch != 1 || r.Validation.ELBO >= first.Validation.ELBO || r.Test.ELBO == first.Test.ELBO {
				t.Errorf("%s: %+v", name, r)
			}
		}
		got := content(t, lost.Out)
		if !strings.Contains(got["bundle/verification.json"], `"lost_best"`) || !strings.Contains(got["bundle/verification.json"], `"epoch": 4`) || !strings.Contains(got["report.html"], "The best epoch was 1") {
			t.Errorf("%s: record or report do not say whose weights these are", name)
		}
		if !strings.Contains(strings.Join(*log, "\n"), "best epoch, 1, are lost") {
			t.Errorf("%s: it said %q", name, *log)
		}
		longer := c
		longer.Epochs = 5
		if r := mustRun(t, longer, lost); r.LostEpoch != 1 || r.BestEpoch < 4 || r.Steps != 25 {
			t.Errorf("%s: resumed for longer: %+v", name, r)
		}
		if name == "no bundle" {
			var warned []string
			if _, err := train.OpenRun(lost.Out, func(s string) { warned = append(warned, s) }); err != nil || len(warned) > 0 {
				t.Errorf("opened: %v, %q", err, warned)
			}
		}
	}
}

// Lines of the metrics that are damaged or missing are dropped, and said to be; all others stay.
func TestMetricsDamaged(t *testing.T) {
	t.Parallel()
	c, stopped := halfway(t)
	all := strings.SplitAfter(string(read(t, stopped.Out, train.MetricsFile)), "\n")
	for name, spoil := range map[string]func(lines []string) string{
		"a bit": func(l []string) string {
			l[1] = strings.Replace(l[1], `"parts"`, `"pbrts"`, 1)
			l[2] = "{\x00" + l[2][2:]
			return strings.Join(l, "")
		},
		"a line":      func(l []string) string { return strings.Join(l[1:], "") },
		"the end":     func(l []string) string { return strings.Join(l[:2], "") + l[2][:10] },
		"all":         func([]string) string { return "" },
		"a long line": func(l []string) string { l[0] = strings.Repeat("x", len(l[0])-1) + "\n"; return strings.Join(l, "") },
	} {
		o, log := copyRun(t, stopped)
		if err := os.WriteFile(filepath.Join(o.Out, train.MetricsFile), []byte(spoil(append([]string(nil), all...))), 0o644); err != nil {
			t.Fatal(err)
		}
		for range 2 { // and the report still says so when the run is resumed again
			mustRun(t, c, o)
			got := content(t, o.Out)
			if !strings.Contains(got["report.html"], "The curves have gaps") || !strings.Contains(got["metrics.jsonl"], `"lost_bytes"`) {
				t.Errorf("%s: neither the report nor the log says that lines are missing", name)
			}
			for _, line := range strings.SplitAfter(spoil(append([]string(nil), all...)), "\n") {
				if (strings.Contains(line, `"parts"`) || strings.Contains(line, `"evaluation"`)) && strings.HasPrefix(line, `{"kind"`) && strings.HasSuffix(line, "\n") &&
					!strings.Contains(line, `"kind":"test"`) && !strings.Contains(got["metrics.jsonl"], line) {
					t.Errorf("%s: a sound line is gone: %s", name, line)
				}
			}
		}
		if !strings.Contains(strings.Join(*log, "\n"), "damaged or missing") {
			t.Errorf("%s: it said %q", name, *log)
		}
	}
}

// A checkpoint of another run, or one that contradicts itself, ends a resume before anything changes. A second name for a
// step is no checkpoint.
func TestCheckpointsOfOthers(t *testing.T) {
	t.Parallel()
	c, stopped := halfway(t)
	other, otherOptions := tiny(t, filepath.Join(t.TempDir(), "run"))
	other.Seed++
	mustRun(t, other, otherOptions)
	for name, put := range map[string]func(dir string) error{
		"another run's": func(dir string) error {
			return os.CopyFS(filepath.Join(dir, "step-00000020"), os.DirFS(filepath.Join(otherOptions.Out, "checkpoints/step-00000020")))
		},
		"another position": func(dir string) error {
			return reseal(filepath.Join(dir, "step-00000012"), `"position":2`, `"position":3`)
		},
		"another epoch": func(dir string) error {
			return reseal(filepath.Join(dir, "step-00000012"), `"epoch":3,"position"`, `"epoch":2,"position"`)
		},
		"more validated": func(dir string) error {
			return reseal(filepath.Join(dir, "step-00000012"), `"validated":2`, `"validated":9`)
		},
		"a best to come": func(dir string) error {
			return reseal(filepath.Join(dir, "step-00000012"), `"best":{"step":5`, `"best":{"step":50`)
		},
	} {
		o, _ := copyRun(t, stopped)
		if err := put(filepath.Join(o.Out, train.CheckpointsDir)); err != nil {
			t.Fatal(err)
		}
		before := content(t, o.Out)
		_, err := train.Run(context.Background(), c, o)
		if !errors.Is(err, train.ErrResume) || !errors.Is(err, train.ErrCheckpoint) || errors.Is(err, train.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
		if after := content(t, o.Out); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%s: the run changed", name)
		}
	}
	o, _ := copyRun(t, stopped)
	dir := filepath.Join(o.Out, train.CheckpointsDir)
	if err := os.CopyFS(filepath.Join(dir, "step-12"), os.DirFS(filepath.Join(dir, "step-00000012"))); err != nil {
		t.Fatal(err)
	}
	if r := mustRun(t, c, o); r.ResumedAt != 12 || r.BestEpoch != 1 {
		t.Errorf("with a second name for a step: %+v", r)
	}
}

// reseal changes a checkpoint's state.json together with its sum.
func reseal(dir, old, now string) error {
	return edit(filepath.Join(dir, "state.json"), func(text []byte) []byte {
		var seal map[string]json.RawMessage
		if json.Unmarshal(text, &seal) != nil {
			return nil
		}
		var body bytes.Buffer
		if json.Compact(&body, seal["checkpoint"]) != nil || !strings.Contains(body.String(), old) {
			return nil
		}
		changed := strings.Replace(body.String(), old, now, 1)
		seal["checkpoint"] = json.RawMessage(changed)
		seal["sha256"] = json.RawMessage(fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256([]byte(changed)))))
		out, _ := json.Marshal(seal)
		return out
	})
}

// A folder that a run was killed in before it wrote its configuration is begun again.
func TestKilledWhileBeginning(t *testing.T) {
	t.Parallel()
	c, o := tiny(t, filepath.Join(t.TempDir(), "run"))
	for _, dir := range []string{train.CheckpointsDir, "graphs"} {
		if err := os.MkdirAll(filepath.Join(o.Out, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(o.Out, ".tmp-config.json-1"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	o.Resume = false
	if r := mustRun(t, c, o); r.Steps != 20 {
		t.Errorf("%+v", r)
	}
}
