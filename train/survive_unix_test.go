//go:build unix

package train_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/train"
)

func init() {
	tinyChild = tinyMain
	damages["a pipe"] = func(path string) error { return instead(path, func() error { return syscall.Mkfifo(path, 0o644) }) }
	damages["without end"] = func(path string) error { return instead(path, func() error { return os.Symlink("/dev/zero", path) }) }
}

func instead(path string, put func() error) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return put()
}

// An error of the system on the newest checkpoint is not damage: the run does not go back, and nothing changes.
func TestCheckpointUnreadable(t *testing.T) {
	t.Parallel()
	c, stopped := halfway(t)
	for name, to := range map[string]struct {
		target string
		want   error
	}{"state.json": {"state.json", syscall.ELOOP}, "state.safetensors": {"/proc/self/mem", syscall.EIO}} {
		for _, step := range []string{"step-00000012", "step-00000005"} { // the newest, and the best
			o, log := copyRun(t, stopped)
			path := filepath.Join(o.Out, train.CheckpointsDir, step, name)
			if err := instead(path, func() error { return os.Symlink(to.target, path) }); err != nil {
				t.Fatal(err)
			}
			before := content(t, o.Out)
			_, err := train.Run(context.Background(), c, o)
			if !errors.Is(err, to.want) || errors.Is(err, train.ErrCheckpoint) || errors.Is(err, train.ErrResume) {
				t.Errorf("%s of %s: %v, want %v", name, step, err, to.want)
			}
			after := content(t, o.Out)
			for name := range before {
				if name != train.MetricsFile && after[name] != before[name] {
					t.Errorf("%s changed; it said %q", name, *log)
				}
			}
			if _, err := train.OpenRun(o.Out, nil); !errors.Is(err, to.want) {
				t.Errorf("%s of %s, opened: %v, want %v", name, step, err, to.want)
			}
		}
	}
}

// tinyVictim trains a tiny run in a process of its own, whose environment says how it ends.
func tinyVictim(out string, env ...string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(append(os.Environ(), "CATVAE_TEST_TINY="+out), env...)
	c.Stderr = &bytes.Buffer{}
	return c
}

// A disk that is full while metrics, a checkpoint or the report are written ends the run with an error. What is left is
// resumed, and ends with the weights of a run that met no full disk.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	c, stopped := halfway(t)
	whole, _ := copyRun(t, stopped)
	mustRun(t, c, whole)
	for limit, what := range map[int]string{600: "metrics.jsonl", 1600: "metrics: write", 2350: "checkpoint of step 15", 10_000: "report.html"} {
		o, _ := copyRun(t, stopped)
		v := tinyVictim(o.Out, fmt.Sprintf("CATVAE_TEST_LIMIT=%d", limit))
		err := v.Run()
		if text := fmt.Sprint(v.Stderr); v.ProcessState.ExitCode() != 1 || !strings.Contains(text, "file too large") || !strings.Contains(text, what) {
			t.Errorf("%s: %v, %s", what, err, text)
		}
		if left := unfinished(t, o.Out); len(left) > 0 {
			t.Errorf("%s: left are %v", what, left)
		}
		mustRun(t, c, o)
		if a, b := content(t, o.Out), content(t, whole.Out); a[finalState] != b[finalState] || a["bundle/encoder.onnx"] != b["bundle/encoder.onnx"] || a["metrics.jsonl"] == "" {
			t.Errorf("%s: resumed, the run ends with other weights", what)
		}
	}
}

// unfinished lists temporary files of a run, and beside it.
func unfinished(t *testing.T, run string) (left []string) {
	t.Helper()
	for _, pattern := range []string{"../.tmp-*", ".tmp-*", "*/.tmp-*"} {
		names, err := filepath.Glob(filepath.Join(run, pattern))
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, names...)
	}
	return left
}

// A run that is killed at any step that it takes on the file system is resumed, and ends with the weights of one that was
// not. What was unfinished is gone.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	steps, whole := 0, filepath.Join(t.TempDir(), "run")
	stop := atomicfile.Watch(func(op atomicfile.Op) {
		if strings.HasPrefix(op.Path, whole) {
			steps++
		}
	})
	c, o := tiny(t, whole)
	mustRun(t, c, o)
	stop()
	want := content(t, whole)
	if steps < 50 {
		t.Fatalf("%d steps were seen", steps)
	}
	seen := false
	for kill := 1; kill <= steps; kill += steps / 16 {
		c, o := tiny(t, filepath.Join(t.TempDir(), "run"))
		v := tinyVictim(o.Out, fmt.Sprintf("CATVAE_TEST_KILL=%d", kill))
		if err := v.Run(); v.ProcessState.ExitCode() != -1 {
			t.Fatalf("kill %d: %v, %s", kill, err, v.Stderr)
		}
		seen = seen || len(unfinished(t, o.Out)) > 0
		mustRun(t, c, o)
		got := content(t, o.Out)
		if got[finalState] != want[finalState] || got["bundle/encoder.onnx"] != want["bundle/encoder.onnx"] {
			t.Errorf("kill %d of %d: the weights differ", kill, steps)
		}
		if left := unfinished(t, o.Out); len(left) > 0 {
			t.Errorf("kill %d of %d: left are %v", kill, steps, left)
		}
	}
	if !seen {
		t.Error("no kill left anything unfinished: the test is blind")
	}
}

// tinyMain is the process of a tinyVictim.
func tinyMain(out string) {
	if limit, err := strconv.ParseUint(os.Getenv("CATVAE_TEST_LIMIT"), 10, 64); err == nil { // files cannot grow beyond it, as on a full disk
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			panic(err)
		}
	}
	if kill, err := strconv.ParseInt(os.Getenv("CATVAE_TEST_KILL"), 10, 64); err == nil {
		var steps atomic.Int64
		atomicfile.Watch(func(op atomicfile.Op) {
			if strings.HasPrefix(op.Path, out) && steps.Add(1) == kill {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		})
	}
	c, o := tiny(&testing.B{}, out)
	if _, err := train.Run(context.Background(), c, o); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}
