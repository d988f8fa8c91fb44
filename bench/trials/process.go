//go:build unix

package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/catvae/catvae/bench/internal/commands"
)

// longLimit is for what takes long by its size.
const longLimit = time.Hour

// A process is a command that a trial runs.
type process struct {
	args   []string      // the program first
	dir    string        // where; "" is here
	env    []string      // besides ours
	stdin  io.Reader     // may be nil
	stdout io.Writer     // nil keeps it in the outcome
	limit  time.Duration // after which it is killed and counts as hung; 0 is two minutes
	moment time.Duration // to send signal at; 0 sends none
	signal syscall.Signal
	ready  func() <-chan struct{} // starts the time until moment; nil starts it with the process
	ulimit string                 // the shell's ulimit, such as "-n 12"
}

// An outcome is what a process left.
type outcome struct {
	process
	code    int // exit status; 128 and the number where a signal ended it
	hung    bool
	signals bool          // it was sent its signal before it had ended
	seconds float64       // from start to end
	after   time.Duration // from the signal to the end
	peakMB  float64       // resident memory, or held where that is more
	held    float64       // MB of the trials' own peak when it was started
	stdout  []byte
	stderr  []byte
}

func (b *bench) inferArgs(args ...string) []string {
	return append([]string{cmp.Or(b.program, b.infer.InferPath())}, args...)
}

func (b *bench) catvae(args ...string) []string {
	return append([]string{filepath.Join(b.infer.Folder, "catvae")}, args...)
}

// encode is infer's command line for packed codes.
func (b *bench) encode(in, out string, more ...string) []string {
	return b.inferArgs(b.infer.Encode(in, out, more...)...)
}

// do runs a process in a group of its own to its end.
func (b *bench) do(ctx context.Context, p process) (outcome, error) {
	args := p.args
	if p.ulimit != "" {
		args = append([]string{"sh", "-c", "ulimit " + p.ulimit + ` && exec "$@"`, "sh"}, args...)
	}
	if p.limit == 0 {
		p.limit = 2 * time.Minute
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout = p.dir, append(os.Environ(), p.env...), p.stdin, p.stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 5 * time.Second
	var out, errs bytes.Buffer
	if p.stdout == nil {
		cmd.Stdout = &out
	}
	cmd.Stderr = &errs
	o := outcome{process: p, held: forget()}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return outcome{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	group := func(s syscall.Signal) { _ = syscall.Kill(-cmd.Process.Pid, s) } // fails where all have ended
	var moment <-chan time.Time
	var sent time.Time
	var ready <-chan struct{}
	if p.moment > 0 && p.ready != nil {
		ready = p.ready()
	} else if p.moment > 0 {
		moment = time.After(p.moment)
	}
	limit := time.After(p.limit)
	for wait := true; wait; {
		select {
		case <-ended:
			wait = false
		case <-ready:
			ready, moment = nil, time.After(p.moment)
		case <-moment:
			moment, sent, o.signals = nil, time.Now(), true
			group(p.signal)
		case <-limit:
			o.hung = true
			group(syscall.SIGKILL)
		case <-ctx.Done():
			group(syscall.SIGKILL)
			<-ended
			return o, ctx.Err()
		}
	}
	group(syscall.SIGKILL) // children that it left
	o.seconds = time.Since(began).Seconds()
	if o.signals {
		o.after = time.Since(sent)
	}
	o.peakMB = commands.PeakMemory(cmd.ProcessState)
	o.stdout, o.stderr = out.Bytes(), errs.Bytes()
	o.code = cmd.ProcessState.ExitCode()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		o.code = 128 + int(status.Signal())
	}
	return o, nil
}

// poll returns what waits for something to become true, for a minute at most.
func poll(done func() bool) func() <-chan struct{} {
	return func() <-chan struct{} {
		ready := make(chan struct{})
		go func() {
			defer close(ready)
			for until := time.Now().Add(time.Minute); !done() && time.Now().Before(until); {
				time.Sleep(100 * time.Microsecond)
			}
		}()
		return ready
	}
}

// well runs a process that must end with 0.
func (b *bench) well(ctx context.Context, p process) (outcome, error) {
	o, err := b.do(ctx, p)
	if err == nil && (o.code != 0 || o.hung) {
		err = o.broken("it must succeed")
	}
	return o, err
}

// within wants the peak of a process's memory to be at most so many MB.
func (o outcome) within(mb float64) error {
	switch {
	case o.peakMB <= mb && o.peakMB > 0:
		return nil
	case o.peakMB <= o.held: // where the system does not say, too
		return fmt.Errorf("its peak of memory is not known: the trials themselves held %.0f MB; command: %s", o.held, o.command())
	}
	return o.broken("it takes %.0f MB at the peak", o.peakMB)
}

// forget begins this process's peak of memory anew, and returns what it is then in MB: Linux counts it to the peak of each child.
// It is 0 where the system does not say.
func forget() float64 {
	const little = 64 // MB
	peak := ownPeak()
	if peak <= little {
		return peak
	}
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // what was not forgotten is still in the peak
	return ownPeak()
}

// ownPeak is this process's peak memory in MB, 0 where the system does not say.
func ownPeak() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, peak, _ := bytes.Cut(status, []byte("VmHWM:"))
	var kb float64
	_, _ = fmt.Sscan(string(peak), &kb) // 0 where it is not there
	return kb / (1 << 10)
}

// crashed reports whether the process died: by a signal, or by Go's runtime or its own panic.
func (o outcome) crashed() bool {
	return o.code > 128 && o.code != 130 || o.code == 2 || bytes.Contains(o.stderr, []byte("goroutine "))
}

// String says in one line how a process ended, and its command, to be tried by hand.
func (o outcome) String() string {
	how := fmt.Sprintf("exit status %d", o.code)
	if o.hung {
		how = fmt.Sprintf("it did not end within %s", o.limit)
	}
	return fmt.Sprintf("%s: %q; command: %s", how, commands.LastLine(o.stderr), o.command())
}

func (o outcome) broken(format string, args ...any) error {
	return broken("%s; %s", fmt.Sprintf(format, args...), o)
}

// command is the command line as a shell takes it.
func (p process) command() string {
	var words []string
	if p.dir != "" {
		words = append(words, "cd "+quote(p.dir)+";")
	}
	for _, w := range append(p.env, p.args...) {
		words = append(words, quote(w))
	}
	if p.ulimit != "" {
		return "(ulimit " + p.ulimit + "; " + strings.Join(words, " ") + ")"
	}
	return strings.Join(words, " ")
}

func quote(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=/.,:") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
