package cli

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/alecthomas/kong"
	"github.com/catvae/catvae/runtime/onnxruntime"
)

// Version is this program's.
const Version = "0.1.0"

// VersionFlag prints the versions and ends the program.
type VersionFlag bool

// BeforeReset is called when the flag is on the command line, before required flags are checked.
func (VersionFlag) BeforeReset(ctx context.Context, app *kong.Kong, env Env) error {
	goVersion := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		goVersion = ", built with " + info.GoVersion
	}
	found := "not found"
	if lib, _, err := onnxruntime.FindLibrary(ctx); err == nil {
		found = lib.Path
		if lib.Version != "" {
			found = lib.Version + " at " + lib.Path
		}
	}
	runs := fmt.Sprintf("onnxruntime %s is pinned; %s", onnxruntime.Version, found)
	if !onnxruntime.Linked {
		runs = "built without cgo: graphs run in pure Go"
	}
	fmt.Fprintf(env.Stdout, "catvae %s%s\n%s\n", Version, goVersion, runs)
	app.Exit(Done)
	return nil
}
