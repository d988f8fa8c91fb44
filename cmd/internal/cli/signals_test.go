//go:build unix

package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catvae/catvae/cmd/internal/cli"
)

func init() {
	for name, grammar := range map[string]any{
		"hear no signal": &deaf{}, "finish first": &deaf{Hold: true}, "end at once": &deaf{Listens: true},
		"print to nobody": &printing{}, "complain to nobody": &complaining{}, "print steering letters": &steering{},
	} {
		programs[name] = runs(grammar)
	}
}

// deaf is a command that a done context does not end: it is in native code, say.
type deaf struct {
	Go      bool
	Hold    bool `kong:"-"`
	Listens bool `kong:"-"`
}

func (d *deaf) Run(ctx context.Context, env cli.Env) error {
	if d.Hold {
		defer cli.Hold(ctx, "the last stone is laid first")()
	}
	fmt.Fprintln(env.Stdout, "ready")
	<-ctx.Done()
	if d.Listens {
		return ctx.Err()
	}
	if d.Hold {
		time.Sleep(3 * time.Second) // longer than others may take
		fmt.Fprintln(env.Stderr, "the last stone is laid")
		return ctx.Err()
	}
	time.Sleep(time.Hour)
	return nil
}

// A signal ends every program with 130: one that does not see its context is left soon, one that holds something is waited for, and
// a second signal waits for nobody.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		program string
		signals []syscall.Signal
		want    string // on stderr
	}{
		{"end at once", []syscall.Signal{syscall.SIGINT}, "program: interrupted\n"},
		{"end at once", []syscall.Signal{syscall.SIGTERM}, "program: interrupted\n"},
		{"end at once", []syscall.Signal{syscall.SIGHUP}, "program: interrupted\n"},
		{"hear no signal", []syscall.Signal{syscall.SIGINT}, "was left"},
		{"hear no signal", []syscall.Signal{syscall.SIGTERM}, "was left"},
		{"hear no signal", []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}, "second signal"},
		{"finish first", []syscall.Signal{syscall.SIGTERM}, "the last stone is laid\n"},
		{"finish first", []syscall.Signal{syscall.SIGINT}, "the last stone is laid first; a second signal"},
		{"finish first", []syscall.Signal{syscall.SIGINT, syscall.SIGINT}, "ended by a second signal"},
	} {
		t.Run(fmt.Sprint(c.program, c.signals), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0], c.program)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			out := bufio.NewReader(stdout)
			if line, err := out.ReadString('\n'); line != "ready\n" {
				t.Fatalf("%q, %v", line, err)
			}
			for _, s := range c.signals {
				if err := cmd.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
				time.Sleep(100 * time.Millisecond) // two at once may come as one
			}
			_, _ = io.Copy(io.Discard, out)
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != cli.Interrupted || !strings.Contains(stderr.String(), c.want) {
				t.Errorf("exit code %d, stderr %q, want %d, %q", code, stderr.String(), cli.Interrupted, c.want)
			}
		})
	}
}

// A program that nohup starts outlives its terminal.
func TestNohup(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", `trap "" HUP; exec "$0" "end at once"`, os.Args[0])
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	for range 3 {
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(200 * time.Millisecond)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("SIGHUP ended it: %v", err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != cli.Interrupted {
		t.Error(err)
	}
}

// printing prints a lot without a look at any error.
type printing struct{ Go bool }

func (*printing) Run(env cli.Env) error {
	for i := range 100_000 {
		fmt.Fprintln(env.Stdout, "line", i)
	}
	return nil
}

// complaining writes messages that nobody reads, and ends well.
type complaining struct{ Go bool }

func (*complaining) Run(env cli.Env) error {
	for i := range 1000 {
		fmt.Fprintln(env.Stderr, "message", i)
	}
	return nil
}

// What cannot be printed is an error that ends with 1. If it is the reader who has gone, nothing is said. Messages are no result.
func TestStdout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		program, redirection string
		code                 int
		stderr               string
	}{
		{"print to nobody", ">/dev/full", cli.Failed, "program: write to standard output: write /dev/stdout: no space left on device\n"},
		{"print to nobody", "| :; exit $PIPESTATUS", cli.NoReader, ""},
		{"print to nobody", "| head -1; exit $PIPESTATUS", cli.NoReader, ""},
		{"print to nobody", "| cat; exit $PIPESTATUS", cli.Done, ""},
		{"complain to nobody", "2>&1 | :; exit $PIPESTATUS", cli.Done, ""},
		{"complain to nobody", "2>/dev/full", cli.Done, ""},
	} {
		var stderr bytes.Buffer
		cmd := exec.Command("bash", "-c", `"$0" "$1" `+c.redirection, os.Args[0], c.program)
		cmd.Stderr = &stderr
		_ = cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != c.code || stderr.String() != c.stderr {
			t.Errorf("%s %s: exit code %d, stderr %q, want %d, %q", c.program, c.redirection, code, stderr.String(), c.code, c.stderr)
		}
	}
}

// steering prints a name as others may choose it.
type steering struct{ Go bool }

func (*steering) Run(env cli.Env) error {
	name := "\x1b]0;owned\a\u202egnp.\xff\r"
	fmt.Fprintln(env.Stdout, name)
	fmt.Fprintln(env.Stderr, name)
	return errors.New(name)
}

// Nothing that is printed steers a terminal.
func TestSteering(t *testing.T) {
	t.Parallel()
	out, _ := exec.Command(os.Args[0], "print steering letters").CombinedOutput()
	seen := `\u001b]0;owned\u0007\u202egnp.\xff`
	if want := seen + `\u000d` + "\n" + seen + `\u000d` + "\nprogram: " + seen + "\n"; string(out) != want {
		t.Errorf("%q, want %q", out, want)
	}
}

func runs(grammar any) func() {
	return func() {
		os.Args = append(os.Args, "--go")
		os.Exit(cli.Main("program", "", grammar, cli.Code))
	}
}
