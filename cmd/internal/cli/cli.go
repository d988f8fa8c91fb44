// Package cli holds what the commands share: exit codes, signals, how a command line is parsed, and how they find onnxruntime.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/cmd/internal/outfile"
	"github.com/catvae/catvae/cmd/internal/text"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/visible"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
)

// Env is what a command runs in: tests give their own. What a command writes to either is text, and is made visible: see package text.
type Env struct {
	Stdout, Stderr io.Writer

	fallBackHint string // what to do about pure Go, in the warning of it
}

// Main parses the arguments into a grammar and runs the chosen command. It returns the exit code; code maps errors that
// only this program knows.
//
// The first SIGINT, SIGTERM or SIGHUP cancels the command's context: see [Hold] for how long the command may then take.
func Main(name, description string, grammar any, code func(error) int) int {
	withoutSIGPIPE()
	ctx, stop := untilSignal(name)
	defer stop()
	err := Run(ctx, Env{Stdout: os.Stdout, Stderr: os.Stderr}, name, description, grammar, os.Args[1:])
	if closed := os.Stdout.Close(); err == nil && closed != nil { // some systems say only now that the disk is full
		err = fmt.Errorf("%w: %w", ErrStdout, closed)
	}
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(os.Stderr, "%s: interrupted\n", name)
	case err != nil && !Unread(err):
		fmt.Fprintf(os.Stderr, "%s: %s\n", name, strings.TrimPrefix(OneLine(err), name+": "))
	}
	return code(err)
}

// ErrStdout is wrapped by the error of a write to stdout.
var ErrStdout = errors.New("write to standard output")

// Unread reports whether the output goes to a program that no longer reads, such as head. Then there is nobody to tell.
func Unread(err error) bool { return errors.Is(err, nobodyReads) }

// Vars are the words and texts from tables that flags use in their tags: see [infer.Words] and [backend.Devices].
func Vars() kong.Vars {
	vars := kong.Vars(infer.Words())
	maps.Copy(vars, OwnWords)
	vars["devices"] = strings.Join(backend.Devices(), ",")
	return vars
}

// errExit ends a parse that has printed help or versions.
var errExit = errors.New("exit")

// Run is [Main] for tests: it parses args, runs the command, and returns its error, or the first error of all writes to stdout.
func Run(ctx context.Context, env Env, name, description string, grammar any, args []string) (err error) {
	stdout := text.NewWriter(env.Stdout)
	env = Env{Stdout: stdout, Stderr: text.NewWriter(env.Stderr)}
	defer func() { // commands print without looking at each error
		if failed := stdout.Err(); failed != nil && (err == nil || errors.Is(err, failed)) {
			err = fmt.Errorf("%w: %w", ErrStdout, failed)
		}
	}()
	defer func() { // kong ends help and version by calling its exit function
		if p := recover(); p != nil {
			if p != errExit {
				panic(p)
			}
			err = nil
		}
	}()
	parser, err := kong.New(grammar, kong.Name(name), kong.Description(description), kong.UsageOnError(),
		kong.KindMapper(reflect.String, kong.MapperFunc(asWritten)),
		kong.Writers(env.Stdout, env.Stderr), kong.Exit(func(int) { panic(errExit) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(env), Vars())
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		return fmt.Errorf("%w: %w: see %s --help", ErrUsage, err, name)
	}
	if err := checkRanges(command.Flags()); err != nil {
		return err
	}
	return command.Run()
}

// asWritten takes a text byte for byte. kong's own way changes what is not UTF-8, as names of files may be.
func asWritten(ctx *kong.DecodeContext, target reflect.Value) error {
	value, err := ctx.Scan.PopValue("string")
	if err == nil {
		target.SetString(value.String())
	}
	return err
}

// A Hint names the flag that helps with a kind of error. Libraries know no flags.
type Hint struct {
	Of   error
	Text string
}

// hints are those of every command.
var hints = []Hint{
	{atomicfile.ErrExists, "--force replaces it"},
	{runtime.ErrDevice, "--device says where graphs run"},
	{dataset.ErrHeader, "--header yes or --header no"},
	{dataset.ErrDelimiter, "--delimiter"},
	{dataset.ErrDecimal, "--decimal point or --decimal comma"},
	{dataset.ErrColumns, "--columns"},
	{dataset.ErrTexts, "--column, --id-column, --label-column"},
	{dataset.ErrFirstColumn, "--first-column 0 or --first-column 1"},
}

// WithHint adds to an error's text the flag that helps, if one of the hints is for its kind of error.
func WithHint(err error, more ...Hint) error {
	for _, h := range slices.Concat(more, hints) {
		if errors.Is(err, h.Of) && !strings.Contains(err.Error(), strings.Fields(h.Text)[0]) {
			return fmt.Errorf("%w (%s)", err, h.Text)
		}
	}
	return err
}

// OneLine returns an error's text as one visible line, without the word that only marks its kind, and with its hint.
func OneLine(err error) string {
	line := strings.TrimPrefix(withWay(WithHint(err)).Error(), ErrUsage.Error()+": ")
	return visible.Text(strings.Join(strings.Fields(strings.ReplaceAll(line, "\n", "; ")), " "))
}

// CheckTarget reports a file that would be replaced without permission, or whose folder does not exist, before long work.
func CheckTarget(path string, force bool) error {
	_, err := outfile.Follow(path, force)
	switch {
	case errors.Is(err, atomicfile.ErrTarget):
		return fmt.Errorf("%w: --out %w", ErrUsage, err)
	case errors.Is(err, atomicfile.ErrExists):
		return fmt.Errorf("--out %s exists already: choose another name, or --force to replace it: %w", path, fs.ErrExist)
	case err != nil:
		return fmt.Errorf("--out %w", err)
	}
	return nil
}
