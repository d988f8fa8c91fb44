package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
)

// The exit code of every kind of error; and an error of the system, whatever else it is called, says that another try may help.
func TestCode(t *testing.T) {
	t.Parallel()
	own := errors.New("a kind of one program")
	code := cli.CodeOf(cli.Kind{Of: own, Code: cli.BadInput})
	for err, want := range map[error]int{
		nil:                      cli.Done,
		errors.New("unknown"):    cli.Failed,
		context.Canceled:         cli.Interrupted,
		context.DeadlineExceeded: cli.Failed,
		cli.ErrUsage:             cli.Usage,
		cli.ErrStdout:            cli.Failed,
		infer.ErrJob:             cli.Usage,
		infer.ErrPart:            cli.Part,
		runtime.ErrLibrary:       cli.NoLibrary,
		runtime.ErrDevice:        cli.NoLibrary,
		runtime.ErrInput:         cli.BadInput,
		bundle.ErrBad:            cli.BadInput,
		bundle.ErrHash:           cli.BadInput,
		dataset.ErrData:          cli.BadInput,
		backend.ErrUnsafe:        cli.BadInput,
		atomicfile.ErrExists:     cli.BadInput,
		atomicfile.ErrTarget:     cli.Usage,
		fs.ErrNotExist:           cli.Failed,
		fs.ErrPermission:         cli.Failed,
		own:                      cli.BadInput,
	} {
		if got := code(err); got != want {
			t.Errorf("%v ends with %d, want %d", err, got, want)
		}
		if err != nil {
			if got := code(fmt.Errorf("wrapped: %w", err)); got != want {
				t.Errorf("%v, wrapped, ends with %d, want %d", err, got, want)
			}
		}
	}
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.EIO, syscall.ENOSPC, syscall.EACCES, syscall.ENOENT, syscall.ENOMEM} {
		for _, kind := range []error{bundle.ErrBad, bundle.ErrFormat, dataset.ErrData, runtime.ErrInput, backend.ErrUnsafe, infer.ErrJob, own} {
			err := fmt.Errorf("%w: %w", kind, &fs.PathError{Op: "read", Path: "x", Err: errno})
			if got := code(err); got != cli.Failed {
				t.Errorf("%v ends with %d, want %d", err, got, cli.Failed)
			}
		}
		if err := fmt.Errorf("%w: %w", runtime.ErrLibrary, errno); code(err) != cli.NoLibrary {
			t.Errorf("%v ends with %d", err, code(err))
		}
		if err := fmt.Errorf("%w: %w", context.Canceled, errno); code(err) != cli.Interrupted {
			t.Errorf("%v ends with %d", err, code(err))
		}
	}
}
