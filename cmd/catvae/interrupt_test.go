package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
)

// An interrupt that comes while rows are loaded ends the command with 130, and leaves nothing.
func TestInterruptedWhileLoading(t *testing.T) {
	ortest.Backend(t)
	dir := t.TempDir()
	data := filepath.Join(dir, "rows.csv")
	if err := os.WriteFile(data, []byte(strings.Repeat("0,1,0.5,0.25\n", 100_000)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, looks := range []int32{1, 3, 10, 100, 5000} {
		ctx := &interrupted{Context: t.Context()}
		ctx.left.Store(looks)
		out := filepath.Join(dir, "run")
		err := cli.Run(ctx, cli.Env{Stdout: io.Discard, Stderr: io.Discard}, "catvae", description, &grammar{}, []string{"train", "--data", data, "--out", out})
		if code(err) != cli.Interrupted {
			t.Errorf("after %d looks at the context: exit code %d, %v", looks, code(err), err)
		}
		if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after %d looks at the context: a run folder was begun", looks)
		}
	}
}

// interrupted is a context that is done after it was asked some times.
type interrupted struct {
	context.Context
	left atomic.Int32
}

func (i *interrupted) Err() error {
	if i.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}
