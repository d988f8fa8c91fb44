package onnxruntime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"github.com/catvae/catvae/internal/visible"
)

// killedAfter is how long a command's output is waited for after the command was killed.
const killedAfter = 5 * time.Second

// command runs a program that is on PATH, in a folder of ours. When ctx ends, the program is killed with all that it started.
func command(ctx context.Context, dir string, args ...string) error {
	file, err := lookPath(args[0])
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, file, args[1:]...)
	c.Dir = dir
	c.Env = cleanEnvironment(c.Environ())
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} { // what a killed program leaves goes with our folder
		c.Env = append(c.Env, name+"="+dir)
	}
	c.WaitDelay = killedAfter
	inGroup(c)
	var out tail
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%s: %w: %s", strings.Join(append([]string{file}, args[1:min(len(args), 4)]...), " "), err, visible.Text(lines[len(lines)-1]))
	}
	return nil
}

// lookPath finds a program in those folders of PATH that are absolute. One that others could change is passed over, see errUnsafe.
func lookPath(name string) (string, error) {
	dirs, _ := searchPath(os.Getenv("PATH"))
	names := []string{name}
	if goruntime.GOOS == "windows" {
		names = []string{name + ".exe", name + ".cmd", name + ".bat"}
	}
	var unsafe error
	for _, dir := range dirs {
		for _, n := range names {
			file := filepath.Join(dir, n)
			if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() || goruntime.GOOS != "windows" && info.Mode()&0o111 == 0 {
				continue
			}
			if _, err := safeFile(file); err != nil {
				unsafe = errors.Join(unsafe, fmt.Errorf("%s is not run: %w", file, err))
				continue
			}
			return file, nil
		}
	}
	return "", errors.Join(fmt.Errorf("%s is not on PATH", name), unsafe)
}

// cleanEnvironment leaves out the variables by which an interpreter is told to run more code than it is asked to, and those
// folders of PATH that are relative or that others can write: what is run may be a script that starts others.
func cleanEnvironment(environ []string) []string {
	environ = slices.DeleteFunc(environ, func(entry string) bool {
		name, _, _ := strings.Cut(strings.ToUpper(entry), "=")
		return strings.HasPrefix(name, "PYTHON") || slices.Contains([]string{"PATH", "PIP_PYTHON", "NODE_OPTIONS", "NODE_PATH", "BASH_ENV", "ENV"}, name)
	})
	dirs, _ := searchPath(os.Getenv("PATH"))
	dirs = slices.DeleteFunc(dirs, func(dir string) bool { _, err := safeFolder(dir); return err != nil })
	return append(environ, "PATH="+strings.Join(dirs, string(os.PathListSeparator)))
}

// tail keeps the end of what is written to it.
type tail []byte

const tailSize = 4096

func (t *tail) Write(p []byte) (int, error) {
	*t = append(*t, p...)
	if n := len(*t) - tailSize; n > 0 {
		*t = append((*t)[:0], (*t)[n:]...)
	}
	return len(p), nil
}
