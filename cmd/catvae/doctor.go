package main

import (
	"context"
	"fmt"

	"github.com/catvae/catvae/cmd/internal/cli"
	"github.com/catvae/catvae/runtime/onnxruntime"
)

type doctorCommand struct {
	Install    bool   `help:"Fetch the pinned onnxruntime into the user's cache if none is found, or if the one there is damaged."`
	Library    string `help:"onnxruntime library file to look at, before every other place." placeholder:"FILE"`
	PinnedOnly bool   `help:"Pass over every library whose SHA-256 this program does not know, as the commands do with the same flag."`
}

// Help is printed under the flags' list.
func (doctorCommand) Help() string {
	return `Examples:

  catvae doctor
  catvae doctor --install

Prints each place where onnxruntime is looked for and why a library that is there is passed over, then the one that is loaded: its path, its version, its SHA-256, and whether this program knows that (pinned). docs/environment.md has the rules. What installs that were killed left in the cache is removed.

` + cli.ExitStatus
}

func (c doctorCommand) Run(ctx context.Context, env cli.Env) error {
	if !onnxruntime.Linked {
		fmt.Fprintln(env.Stdout, "built without cgo: graphs run in pure Go, and onnxruntime is not looked for")
		return nil
	}
	if err := onnxruntime.Sweep(); err != nil {
		fmt.Fprintf(env.Stderr, "warning: %s\n", cli.OneLine(err))
	}
	options := []onnxruntime.Option{onnxruntime.WithLibrary(c.Library), onnxruntime.WithPinnedOnly(c.PinnedOnly)}
	d := onnxruntime.Diagnose(ctx, options...)
	if c.Install && d.Remedy != "" {
		lib, err := onnxruntime.Install(ctx, onnxruntime.InstallOptions{Progress: func(line string) { fmt.Fprintln(env.Stderr, line) }})
		if err != nil {
			return err
		}
		fmt.Fprintf(env.Stderr, "installed %s\n", lib.Path)
		d = onnxruntime.Diagnose(ctx, options...)
	}
	if err := d.Write(env.Stdout); err != nil {
		return err
	}
	if d.Err != nil {
		fmt.Fprintln(env.Stdout, "until then graphs run in pure Go, which is slower: see --backend")
	}
	return d.Err
}
