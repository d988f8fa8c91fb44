package atomicfile

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain lets the test be another process: one that begins a file and a folder, says so, and waits to be killed; or one
// that adds to a number under a lock.
func TestMain(m *testing.M) {
	what, dir, _ := strings.Cut(os.Getenv("CATVAE_TEST_JOB"), " ")
	switch what {
	case "hold":
		hold(dir)
	case "count":
		if err := count(dir, 50); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		os.Exit(m.Run())
	}
}

func hold(dir string) {
	f, err1 := Create(testContext, filepath.Join(dir, "file"), 0o644)
	d, err2 := CreateFolder(filepath.Join(dir, "folder"))
	if err1 != nil || err2 != nil {
		fmt.Fprintln(os.Stderr, err1, err2)
		os.Exit(1)
	}
	fmt.Fprintln(f, "half")
	_ = os.WriteFile(filepath.Join(d.Path(), "x"), nil, 0o644)
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed
}

// child starts this test as another process.
func child(t *testing.T, what, dir string) (cmd *exec.Cmd, out *bufio.Reader) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CATVAE_TEST_JOB="+what+" "+dir)
	cmd.Stderr = os.Stderr
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close() })
	return cmd, bufio.NewReader(stdout)
}
