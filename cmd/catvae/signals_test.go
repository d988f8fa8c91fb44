//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
)

// A signal ends every command that waits for rows: of a pipe that nobody writes, that somebody has begun to write, or that never
// ends.
func TestSignalsWhileReading(t *testing.T) {
	t.Parallel()
	run := smallRun(t, ortest.Backend(t), smallData(t))
	for _, c := range []struct {
		line  string // PIPE is a pipe with a name
		stdin bool
		sent  string // into the pipe or standard input
	}{
		{"infer --model RUN/bundle --in PIPE --out OUT.npy", false, ""},
		{"infer --model RUN/bundle --in - --out OUT.npy", true, ""},
		{"infer --model RUN/bundle --in - --out OUT.npy", true, "1,2,3\n4,5"},
		{"infer --model RUN/bundle --in - --out OUT.npy", true, "\x93NUMPY"},
		{"catvae encode --model RUN/bundle --in PIPE --out OUT.npy", false, ""},
		{"catvae train --data PIPE --out OUT", false, ""},
		{"catvae train --data - --out OUT", true, "0,1,0\n"},
		{"catvae eval --model RUN --data PIPE", false, ""},
		{"catvae search --codes PIPE --row 1", false, ""},
	} {
		for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(c.line+c.sent+s.String(), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				pipe := filepath.Join(dir, "pipe")
				if err := syscall.Mkfifo(pipe, 0o600); err != nil {
					t.Fatal(err)
				}
				words := strings.Fields(strings.NewReplacer("PIPE", pipe, "RUN", run, "OUT", filepath.Join(dir, "out")).Replace(c.line))
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				cmd := exec.CommandContext(ctx, os.Args[0], words[1:]...)
				cmd.Args[0] = words[0] // which command the test binary is
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				if c.stdin {
					in, err := cmd.StdinPipe()
					if err != nil {
						t.Fatal(err)
					}
					defer in.Close()
					go in.Write([]byte(c.sent))
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second) // until it reads; an earlier signal must end it too, once it is begun
				if err := cmd.Process.Signal(s); err != nil {
					t.Fatalf("%v: it had ended: %s", err, stderr.String())
				}
				_ = cmd.Wait()
				if code := cmd.ProcessState.ExitCode(); code != cli.Interrupted {
					t.Errorf("exit code %d, %s", code, stderr.String())
				}
				left, err := filepath.Glob(filepath.Join(dir, "*out*"))
				if err != nil || len(left) > 0 {
					t.Errorf("it left %v, %v", left, err)
				}
			})
		}
	}
}
