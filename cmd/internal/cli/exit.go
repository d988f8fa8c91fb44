package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
)

// The exit codes. They never change meaning. None is what a program ends with that dies: see [Deaths]. Those above
// 128 are what the shell says of a program that the signal ended, which ours catch.
const (
	Done        = 0
	Failed      = 1
	Part        = 3
	BadInput    = 4
	NoLibrary   = 5
	Usage       = 64 // EX_USAGE of BSD's sysexits.h
	Interrupted = 130
	NoReader    = 141
)

// Again says what another try of the same command is good for.
type Again string

// What a scheduler does with a run that has ended.
const (
	Finished Again = "no: the work is done"
	Retry    Again = "yes: finished parts are kept"
	OtherJob Again = "no: this shard ends in the same way each time, others may not"
	Never    Again = "no: every shard has the same command line"
)

// An Exit is a way to end: a row of the table that help, documents and deployments are compared with.
type Exit struct {
	Code    int
	Name    string // in help
	Meaning string // in documents
	Again   Again
}

// Exits returns the table of exit codes, in their order.
func Exits() []Exit { return slices.Clone(exits) }

var exits = []Exit{
	{Done, "done", "done", Finished},
	{Failed, "the system failed: try again", "the system failed: a full disk, a file that is missing or may not be read, too few open files; or another run holds the output", Retry},
	{Part, "partly done", "done, except for rows that were bad and tolerated (`--max-bad`): look at `*.bad.jsonl`", Finished},
	{BadInput, "bad bundle or data", "a bad bundle or bad data", OtherJob},
	{NoLibrary, "onnxruntime or device missing", "onnxruntime or the device is missing: on another machine it may not be", OtherJob},
	{Usage, "usage", "the command line is wrong, or asks for what cannot be", Never},
	{Interrupted, "interrupted", "interrupted, by Ctrl-C, SIGTERM or SIGHUP", Retry},
	{NoReader, "nobody reads the output", "the program that read the output, through standard output or a pipe, has ended, as `head` does", Retry},
}

// Deaths returns the exit codes that only others give, and no program of ours: what ended it has nothing to do with its
// command line or its data.
func Deaths() []Exit { return slices.Clone(deaths) }

var deaths = []Exit{
	{2, "", "Go's runtime gave up: no memory, no more threads, a fault in native code", Retry},
	{137, "", "killed (SIGKILL, out of memory): the shell's number; with more memory if that was the reason", Retry},
}

// ExitStatus is the help's last paragraph.
var ExitStatus = exitStatus()

func exitStatus() string {
	list := make([]string, len(exits))
	for i, e := range exits {
		list[i] = fmt.Sprintf("%d %s", e.Code, e.Name)
	}
	return "EXIT STATUS: " + strings.Join(list, ", ") + "."
}

// ErrUsage is wrapped by errors about the command line.
var ErrUsage = errors.New("usage")

// Code returns the exit code of an error.
func Code(err error) int {
	switch {
	case err == nil:
		return Done
	case errors.Is(err, context.Canceled):
		return Interrupted
	case Unread(err):
		return NoReader
	case errors.Is(err, ErrStdout):
		return Failed
	case errors.Is(err, ErrUsage), errors.Is(err, infer.ErrJob), errors.Is(err, atomicfile.ErrTarget):
		return Usage
	case errors.Is(err, infer.ErrPart):
		return Part
	case errors.Is(err, runtime.ErrLibrary), errors.Is(err, runtime.ErrDevice):
		return NoLibrary
	case errors.Is(err, bundle.ErrBad), errors.Is(err, dataset.ErrData), errors.Is(err, backend.ErrUnsafe), errors.Is(err, runtime.ErrInput):
		return BadInput
	}
	return Failed
}
