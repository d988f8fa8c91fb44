//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A syscallEvent is a system call of a process, when it begins and when it has returned.
type syscallEvent struct {
	thread string
	name   string
	args   []string // as strace writes them
	begins bool     // it has only begun; an event with the same thread follows, or the process was killed in it
	failed bool
	value  int64 // that it returned, where it has not failed
	unsure bool  // the process was killed in it
	forced bool  // it failed because strace was asked to make it fail
}

// changing are the system calls that change files, and those that make changes last.
const changing = "trace=openat,open,creat,write,pwrite64,writev,pwritev,copy_file_range,sendfile,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat"

// trace runs a process under strace with further options and calls see for each event, in order. Where see returns false the process is
// killed at once. The exit status is the process's own.
func (b *bench) trace(ctx context.Context, p process, options []string, see func(syscallEvent) bool) (o outcome, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return o, err
	}
	defer r.Close()
	// With -D strace is the grandchild: the child is the process itself, so that the kill is its own.
	args := slices.Concat([]string{"-D", "-f", "-y", "-s", "0", "--seccomp-bpf", "-e", "signal=none", "-o", "/dev/fd/3"}, options, p.args)
	cmd := exec.Command("strace", args...)
	cmd.Dir, cmd.Env, cmd.ExtraFiles = p.dir, append(os.Environ(), p.env...), []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var errs strings.Builder
	cmd.Stderr = &errs
	began := time.Now()
	if err := cmd.Start(); err != nil {
		w.Close()
		return o, err
	}
	w.Close()
	limit := time.AfterFunc(2*time.Minute, func() { o.hung = true; _ = syscall.Kill(cmd.Process.Pid, syscall.SIGKILL) })
	defer limit.Stop()
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(cmd.Process.Pid, syscall.SIGKILL) })
	defer stop()
	err = readTrace(r, func(e syscallEvent) {
		if !see(e) {
			_ = syscall.Kill(cmd.Process.Pid, syscall.SIGKILL) // fails where it has ended
		}
	})
	_ = cmd.Wait() // its state says how it ended
	o.process, o.seconds, o.stderr, o.code = p, time.Since(began).Seconds(), []byte(errs.String()), cmd.ProcessState.ExitCode()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		o.code = 128 + int(status.Signal())
	}
	if ctx.Err() != nil {
		return o, ctx.Err()
	}
	return o, err
}

var (
	wholeCall   = regexp.MustCompile(`^(\d+) +(\w+)\((.*)\) += (.*)$`)
	begunCall   = regexp.MustCompile(`^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$`)
	resumedCall = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (.*)$`)
)

// readTrace reads strace's lines. Calls in which the process was killed come last, and are unsure.
func readTrace(r io.Reader, see func(syscallEvent)) error {
	open := map[string]syscallEvent{} // by thread
	var order []string
	returned := func(e syscallEvent, result string) {
		e.begins = false
		number, _, _ := strings.Cut(result, " ")
		number, _, _ = strings.Cut(number, "<")
		value, err := strconv.ParseInt(number, 0, 64)
		e.value, e.failed, e.unsure, e.forced = value, err == nil && value < 0, err != nil, strings.HasSuffix(result, "(INJECTED)")
		see(e)
	}
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			if m := begunCall.FindStringSubmatch(line); m != nil {
				e := syscallEvent{thread: m[1], name: m[2], args: splitArgs(m[3]), begins: true}
				open[m[1]], order = e, append(order, m[1])
				see(e)
			} else if m := resumedCall.FindStringSubmatch(line); m != nil {
				e, ok := open[m[1]]
				delete(open, m[1])
				if ok && e.name == m[2] {
					e.args = append(e.args, splitArgs(strings.TrimPrefix(m[3], ", "))...)
					returned(e, m[4])
				}
			} else if m := wholeCall.FindStringSubmatch(line); m != nil {
				e := syscallEvent{thread: m[1], name: m[2], args: splitArgs(m[3]), begins: true}
				see(e)
				returned(e, m[4])
			}
		}
		if err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	for _, thread := range order {
		if e, ok := open[thread]; ok {
			delete(open, thread)
			e.begins, e.unsure = false, true
			see(e)
		}
	}
	return nil
}

// splitArgs splits a call's arguments at commas outside of quotes and of the brackets in which strace writes names of open files.
func splitArgs(text string) (args []string) {
	from, quoted, depth := 0, false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<' || c == '{' || c == '[':
			depth++
		case c == '>' || c == '}' || c == ']':
			depth--
		case c == ',' && depth == 0:
			args, from = append(args, strings.TrimSpace(text[from:i])), i+1
		}
	}
	if rest := strings.TrimSpace(text[from:]); rest != "" {
		args = append(args, rest)
	}
	return args
}

// opened returns the name in 5</name>, which strace writes for an open file.
func opened(arg string) (string, bool) {
	_, name, ok := strings.Cut(arg, "<")
	name, end := strings.CutSuffix(name, ">")
	return name, ok && end
}

// named returns the name that an argument holds, taken from the folder that another one names where it is relative.
func named(folder, arg string) (string, error) {
	name, err := strconv.Unquote(arg)
	if err != nil {
		return "", fmt.Errorf("strace: %s is no name: %w", arg, err)
	}
	if strings.HasPrefix(name, "/") || folder == "" {
		return name, nil
	}
	dir, ok := opened(folder)
	if !ok {
		return "", fmt.Errorf("strace: %s names no folder", folder)
	}
	return dir + "/" + name, nil
}
