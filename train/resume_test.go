package train_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
)

// glyphFile writes some glyphs as NPY: quicker to load than they are to draw.
func glyphFile(t *testing.T, rows int) string {
	t.Helper()
	set, err := dataset.Load(t.Context(), "glyphs", dataset.Options{Rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	pixels := make([]byte, 0, rows*784)
	for i := range rows {
		pixels = append(pixels, set.Bytes(i)...)
	}
	path := filepath.Join(t.TempDir(), "glyphs.npy")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := dataset.NewNPYWriter(f, "uint8", rows, 28, 28)
	if err == nil {
		err = errors.Join(w.WriteBytes(pixels), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// resumable is a run that lasts for some seconds and keeps many checkpoints.
func resumable(t testing.TB, data, out string) (train.Config, train.Options) {
	c := config(t, "epochs=100", "batch=20", "data.validation=300", "data.binarize=dynamic", "latent.norm=batch", "latent.signs=true", "initial_bias=data")
	return c, train.Options{Source: data, Out: out, Resume: true, CheckpointEvery: 20 * time.Millisecond, Samples: 1, Backend: ortest.Backend(t)}
}

// tinyChild is another victim, where the system has what it takes: see tinyMain.
var tinyChild func(out string)

// TestMain lets the test be its own victim: a process that trains until it is killed.
func TestMain(m *testing.M) {
	if out := os.Getenv("CATVAE_TEST_TINY"); out != "" {
		tinyChild(out)
	}
	if os.Getenv("CATVAE_TEST_VICTIM") == "" {
		os.Exit(m.Run())
	}
	t := &testing.B{} // for its Helper and Fatal
	c, o := resumable(t, os.Getenv("CATVAE_TEST_VICTIM"), os.Getenv("CATVAE_TEST_RUN"))
	if _, err := train.Run(context.Background(), c, o); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

// A run that is killed at twenty random moments and resumed each time ends with the very weights of one that was not.
func TestKilled(t *testing.T) {
	t.Parallel()
	ortest.Backend(t)
	data := glyphFile(t, 1500)
	whole, pieces := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "run")
	if err := victim(data, whole).Run(); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for kill := range 20 {
		v := victim(data, pieces)
		if err := v.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- v.Wait() }()
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("after %d kills: %v: %s", kill, err, v.Stderr)
			}
			t.Logf("the run ended before kill %d, and was begun again", kill+1)
			if err := os.RemoveAll(pieces); err != nil {
				t.Fatal(err)
			}
		case <-time.After(time.Duration(50+random.IntN(550)) * time.Millisecond):
			if err := v.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-ended
		}
	}
	last := victim(data, pieces)
	if err := last.Run(); err != nil {
		t.Fatalf("%v: %s", err, last.Stderr)
	}
	if a, b := newestFile(t, whole, "state.safetensors"), newestFile(t, pieces, "state.safetensors"); !bytes.Equal(a, b) {
		t.Error("weights and moments differ from those of a run without a pause")
	}
	if a, b := read(t, whole, "bundle/encoder.onnx"), read(t, pieces, "bundle/encoder.onnx"); !bytes.Equal(a, b) {
		t.Error("the exported encoders differ")
	}
	left, err := filepath.Glob(filepath.Join(pieces, train.CheckpointsDir, ".tmp-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("unfinished checkpoints are left: %v, %v", left, err)
	}
	if n := len(checkpoints(t, pieces)); n > 3 {
		t.Errorf("%d checkpoints are kept, want the last two and the best", n)
	}
}

func victim(data, out string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "CATVAE_TEST_VICTIM="+data, "CATVAE_TEST_RUN="+out)
	c.Stderr = &bytes.Buffer{}
	return c
}

func checkpoints(t *testing.T, run string) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(run, train.CheckpointsDir, "step-*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("checkpoints: %v, %v", dirs, err)
	}
	return dirs // sorted, the newest last
}

func newestFile(t *testing.T, run, name string) []byte {
	t.Helper()
	dirs := checkpoints(t, run)
	return read(t, dirs[len(dirs)-1], name)
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// stopped returns a run that was stopped after some steps, and what it takes to resume it.
func stopped(t *testing.T) (c train.Config, o train.Options, log *[]string) {
	t.Helper()
	c, o = resumable(t, glyphFile(t, 900), filepath.Join(t.TempDir(), "run"))
	c.Epochs = 3
	ctx, cancel := context.WithCancel(context.Background())
	o.Progress = func(p train.Progress) {
		if p.Phase == "training" && p.Done == 70 { // in the third of 30 steps
			cancel()
		}
	}
	r, err := train.Run(ctx, c, o)
	if err != nil || !r.Interrupted {
		t.Fatalf("%+v, %v", r, err)
	}
	if len(checkpoints(t, o.Out)) < 2 {
		t.Fatal("there is one checkpoint only")
	}
	var lines []string
	o.Progress, o.Log = nil, func(line string) { lines = append(lines, line) }
	return c, o, &lines
}

// A damaged newest checkpoint falls back to the one before, whatever byte of it is wrong, and says so.
func TestDamagedCheckpoints(t *testing.T) {
	t.Parallel()
	c, o, log := stopped(t)
	dirs := checkpoints(t, o.Out)
	newest := dirs[len(dirs)-1]
	state, info := filepath.Join(newest, "state.safetensors"), filepath.Join(newest, "state.json")
	for name, damage := range map[string]func(state, info []byte) ([]byte, []byte){
		"truncated state":  func(s, i []byte) ([]byte, []byte) { return s[:len(s)/2], i },
		"empty state":      func(s, i []byte) ([]byte, []byte) { return nil, i },
		"a flipped bit":    func(s, i []byte) ([]byte, []byte) { s[len(s)-5] ^= 4; return s, i },
		"a flipped header": func(s, i []byte) ([]byte, []byte) { s[20] ^= 1; return s, i },
		"truncated info":   func(s, i []byte) ([]byte, []byte) { return s, i[:40] },
		"another step": func(s, i []byte) ([]byte, []byte) {
			return s, bytes.Replace(i, []byte(`"step": 70`), []byte(`"step": 71`), 1)
		},
		"another best": func(s, i []byte) ([]byte, []byte) {
			return s, bytes.Replace(i, []byte(`"elbo": -`), []byte(`"elbo": `), 1)
		},
		"another sum": func(s, i []byte) ([]byte, []byte) {
			return s, bytes.Replace(i, []byte(`"sha256": "`), []byte(`"sha256": "0`), 1)
		},
		"no JSON":           func(s, i []byte) ([]byte, []byte) { return s, []byte("step 70") },
		"a missing state":   func(s, i []byte) ([]byte, []byte) { return []byte("missing"), i },
		"state of a stanza": func(s, i []byte) ([]byte, []byte) { return i, i },
	} {
		t.Run(name, func(t *testing.T) {
			*log = nil
			o := o
			o.Out = filepath.Join(t.TempDir(), "run")
			if err := os.CopyFS(o.Out, os.DirFS(filepath.Dir(filepath.Dir(newest)))); err != nil {
				t.Fatal(err)
			}
			s, i := damage(read(t, newest, "state.safetensors"), read(t, newest, "state.json"))
			for path, data := range map[string][]byte{state: s, info: i} {
				path = filepath.Join(o.Out, train.CheckpointsDir, filepath.Base(newest), filepath.Base(path))
				if string(data) == "missing" {
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
				} else if err := os.WriteFile(path, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			r, err := train.Run(context.Background(), c, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.ResumedAt == 0 || r.ResumedAt >= 70 || r.Steps != 90 {
				t.Errorf("resumed at %d, ended at %d", r.ResumedAt, r.Steps)
			}
			if left, err := os.ReadFile(filepath.Join(o.Out, train.CheckpointsDir, filepath.Base(newest), "state.safetensors")); err == nil && !bytes.Equal(left, read(t, newest, "state.safetensors")) {
				t.Error("the damaged checkpoint is still there")
			}
			if all := strings.Join(*log, "\n"); !strings.Contains(all, "step-00000070") || !strings.Contains(all, "the one before") {
				t.Errorf("nothing was said of it: %q", all)
			}
		})
	}

	for _, dir := range dirs {
		if err := os.Truncate(filepath.Join(dir, "state.safetensors"), 10); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := train.Run(context.Background(), c, o); !errors.Is(err, train.ErrCheckpoint) || !errors.Is(err, train.ErrResume) || !strings.Contains(err.Error(), "start a new run") {
		t.Errorf("with every checkpoint damaged: %v", err)
	}
	if len(checkpoints(t, o.Out)) != len(dirs) {
		t.Error("a failed resume removed checkpoints")
	}
}

// What does not belong together is not resumed, and nothing is lost by trying.
func TestResumeRefuses(t *testing.T) {
	t.Parallel()
	c, o, log := stopped(t)
	before := newestFile(t, o.Out, "state.json")
	other := c
	other.Batch = 30
	if _, err := train.Run(context.Background(), other, o); !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), "batch was 20 and is 30") {
		t.Errorf("another batch: %v", err)
	}
	otherData := o
	otherData.Source = glyphFile(t, 950)
	if _, err := train.Run(context.Background(), c, otherData); !errors.Is(err, train.ErrConfig) {
		t.Errorf("other data: %v", err)
	}
	fresh := o
	fresh.Resume = false
	if _, err := train.Run(context.Background(), c, fresh); !errors.Is(err, fs.ErrExist) {
		t.Errorf("without Resume: %v", err)
	}
	if !bytes.Equal(before, newestFile(t, o.Out, "state.json")) {
		t.Error("the run changed")
	}
	longer := c
	longer.Epochs = 5
	o.Engine = train.Tape
	r, err := train.Run(context.Background(), longer, o)
	if err != nil || r.ResumedAt != 70 || r.Steps != 150 {
		t.Errorf("more epochs on another engine: %+v, %v", r, err)
	}
	if all := strings.Join(*log, "\n"); !strings.Contains(all, "compiled on onnxruntime") {
		t.Errorf("nothing was said of the other engine: %q", all)
	}
	o.Out = filepath.Join(t.TempDir(), "new")
	c.Epochs = 1
	if r, err := train.Run(context.Background(), c, o); err != nil || r.ResumedAt != 0 || r.Steps != 30 {
		t.Errorf("with nothing to resume: %+v, %v", r, err)
	}
}

// Two writers do not share a folder.
func TestLocked(t *testing.T) {
	c, o, _ := stopped(t)
	second := make(chan error, 1)
	o.Progress = func(p train.Progress) {
		if p.Phase == "training" && p.Done == 75 {
			o := o
			o.Progress, o.Force, o.Resume = nil, true, false
			_, err := train.Run(context.Background(), c, o)
			second <- err
		}
	}
	if _, err := train.Run(context.Background(), c, o); err != nil {
		t.Fatal(err)
	}
	if err := <-second; !errors.Is(err, train.ErrLocked) {
		t.Errorf("a second writer: %v, want ErrLocked", err)
	}
}

// A folder that cannot be written to gives an error, and keeps the checkpoints it has.
func TestReadOnly(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write anywhere")
	}
	c, o, _ := stopped(t)
	dir := filepath.Join(o.Out, train.CheckpointsDir)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o755)
	if _, err := train.Run(context.Background(), c, o); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a read-only folder: %v", err)
	}
	if n := len(checkpoints(t, o.Out)); n < 2 {
		t.Errorf("%d checkpoints are left", n)
	}
}

// Something in a checkpoint's place gives an error, keeps the checkpoints before it, and the run resumes once it is
// gone.
func TestCheckpointInTheWay(t *testing.T) {
	c, o, _ := stopped(t)
	obstacle := filepath.Join(o.Out, train.CheckpointsDir, "step-00000090")
	if err := os.WriteFile(obstacle, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := train.Run(context.Background(), c, o); err == nil || !strings.Contains(err.Error(), "resume the run") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a file in a checkpoint's place: %v", err)
	}
	if data, err := os.ReadFile(obstacle); err != nil || string(data) != "precious" {
		t.Errorf("the file is %q, %v", data, err)
	}
	if err := os.Remove(obstacle); err != nil {
		t.Fatal(err)
	}
	if r, err := train.Run(context.Background(), c, o); err != nil || r.ResumedAt == 0 || r.Steps != 90 {
		t.Errorf("after the file is gone: %+v, %v", r, err)
	}
}
