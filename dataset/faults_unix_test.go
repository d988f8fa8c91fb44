//go:build unix

package dataset_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catvae/catvae/dataset"
)

// child runs a test of this binary in a process of its own, which its environment tells.
func child(t *testing.T, test string, env ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.v")
	c.Env = append(os.Environ(), append(env, "CATVAE_TEST_CHILD="+test)...)
	return c
}

func isChild(t *testing.T) bool { return os.Getenv("CATVAE_TEST_CHILD") == t.Name() }

// Without files to open, good pictures are no bad rows: the run ends.
func TestTooManyOpenFiles(t *testing.T) {
	if !isChild(t) {
		if out, err := child(t, t.Name()).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	dir := t.TempDir()
	for i := range 20 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.png", i)), encoded(t, 4, 3, 9), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := dataset.Open(t.Context(), dir, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, decode, err := r.Floats(make([]float32, 12*20))
	if err != nil {
		t.Fatal(err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	few := limit
	few.Cur = 3
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) }() // the folder is removed
	bad, err := decode()
	if !errors.Is(err, syscall.EMFILE) || errors.Is(err, dataset.ErrData) || len(bad) > 0 {
		t.Errorf("%d bad rows, %v", len(bad), err)
	}
	for _, source := range []string{dir, filepath.Join(dir, "*.png"), filepath.Join(dir, "00.png"), "testdata/stored.npz", "testdata/pandas.csv", "testdata/list.parquet"} {
		if _, err := dataset.Open(t.Context(), source, dataset.Options{}); !errors.Is(err, syscall.EMFILE) || errors.Is(err, dataset.ErrData) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// A program that is killed while it reads a pipe leaves nothing of it.
func TestKilledLeavesNothing(t *testing.T) {
	if isChild(t) {
		_, err := dataset.Open(t.Context(), dataset.Stdin, dataset.Options{})
		t.Fatal("the pipe has ended: ", err)
	}
	t.Parallel()
	dir := t.TempDir()
	c := child(t, t.Name(), "TMPDIR="+dir)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for range 32 { // the pipe holds less: so it is read
		if _, err := io.WriteString(in, strings.Repeat("0,1\n", 1<<14)); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(20 * time.Second) // between the file's making and the end of its name
	left := []string{""}
	for len(left) > 0 && time.Now().Before(deadline) {
		left, _ = filepath.Glob(filepath.Join(dir, "catvae-*"))
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // killed
	if left, _ = filepath.Glob(filepath.Join(dir, "catvae-*")); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}
