package main

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/runtime/onnxruntime"
)

type doctorCommand struct {
	Install       bool   `help:"Fetch the pinned onnxruntime into the user's cache if none is found."`
	AllowUnpinned bool   `help:"With --install: also take the project's release archive, whose SHA-256 is not pinned."`
	Library       string `help:"onnxruntime library file to look at, before every other place." placeholder:"FILE"`
}

// Help is printed under the flags' list.
func (doctorCommand) Help() string {
	return `Examples:

  catvae doctor
  catvae doctor --install

` + cli.ExitStatus
}

func (c doctorCommand) Run(ctx context.Context, env cli.Env) error {
	if !onnxruntime.Linked {
		fmt.Fprintln(env.Stdout, "built without cgo: graphs run in pure Go, and onnxruntime is not looked for")
		return nil
	}
	if c.Install {
		if onnxruntime.Diagnose(ctx, c.Library).Err != nil {
			lib, err := onnxruntime.Install(ctx, onnxruntime.InstallOptions{
				AllowUnpinned: c.AllowUnpinned, Progress: func(line string) { fmt.Fprintln(env.Stderr, line) },
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(env.Stderr, "installed %s\n", lib.Path)
		}
	}
	d := onnxruntime.Diagnose(ctx, c.Library)
	if err := d.Write(env.Stdout); err != nil {
		return err
	}
	if d.Err != nil {
		fmt.Fprintln(env.Stdout, "until then graphs run in pure Go, which is slower: see --backend")
	}
	return d.Err
}
