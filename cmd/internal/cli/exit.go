package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/embed"
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
	{Failed, "the system failed: try again", "the system failed: a full disk, a file that is missing (a volume may come late) or may not be read, too few handles; or another run holds the output", Retry},
	{Part, "partly done", "done, except for rows that were bad and tolerated (`--max-bad`): look at `*.bad.jsonl`", Finished},
	{BadInput, "bad bundle, data or output", "a bad bundle, bad data, or an output that exists and is not to be replaced", OtherJob},
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

// A Kind gives the errors that wrap Of an exit code. Help names what helps, an option, a command or a page, for errors that
// name nothing of the kind themselves.
type Kind struct {
	Of   error
	Code int
	Help string
}

// certain are the kinds that count whatever the system says.
var certain = []Kind{
	{context.Canceled, Interrupted, ""},
	{nobodyReads, NoReader, ""},
	{ErrStdout, Failed, ""},
	{ErrUsage, Usage, "--help shows the options"},
	{runtime.ErrLibrary, NoLibrary, "catvae doctor --install fetches it"},
	{runtime.ErrDevice, NoLibrary, "--device says where graphs run"},
	{runtime.ErrSelfTest, NoLibrary, "--backend, --library and --device say what runs the graphs"},
	{infer.ErrPart, Part, "docs/infer.md says what bad rows are"},
}

// kinds are those of every command that count where the system did its part.
var kinds = []Kind{
	{infer.ErrJob, Usage, "--help shows the options"},
	{atomicfile.ErrTarget, Usage, "docs/infer.md says what outputs may be"},
	{fs.ErrExist, BadInput, "--force replaces it"},
	{bundle.ErrNoSelfTest, BadInput, "catvae export --run writes a bundle again"},
	{bundle.ErrBad, BadInput, "docs/bundle.md says what a bundle is"},
	{dataset.ErrData, BadInput, "docs/formats.md says what is read, and how"},
	{embed.ErrEmbedder, BadInput, "docs/text.md says what an embedder is"},
	{backend.ErrUnsafe, BadInput, "SECURITY.md says which graphs are run"},
	{runtime.ErrInput, BadInput, "docs/bundle.md says what a model takes"},
}

// Code returns the exit code of an error.
//
// An error of the system is never the fault of a command line, a bundle or data, whatever else the error says of them: a file that
// could not be read for lack of memory or of handles may be sound, and one that is missing may be on a volume that is mounted late.
func Code(err error) int { return codeOf(err, kinds) }

// CodeOf returns [Code] for a program with kinds of errors of its own, which come before those of every command.
func CodeOf(own ...Kind) func(error) int {
	all := slices.Concat(own, kinds)
	return func(err error) int { return codeOf(err, all) }
}

func codeOf(err error, kinds []Kind) int {
	is := func(k Kind) bool { return errors.Is(err, k.Of) }
	if err == nil {
		return Done
	}
	if i := slices.IndexFunc(certain, is); i >= 0 {
		return certain[i].Code
	}
	if i := slices.IndexFunc(kinds, is); i >= 0 && !readfile.System(err) {
		return kinds[i].Code
	}
	return Failed
}
