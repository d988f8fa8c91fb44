//go:build linux

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal returns both ends of a pseudo-terminal.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skip(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Skip(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

// A person at a terminal is asked, and their word counts; a signal ends the wait.
func TestAsk(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"\n": true, "y\n": true, " YES\n": true, "n\n": false, "perhaps\n": false, "\x04": false} {
		person, program := terminal(t)
		if !isTerminal(program) {
			t.Fatal("no terminal")
		}
		seen := make(chan string, 1)
		go func() {
			question, _ := bufio.NewReader(person).ReadString(' ')
			person.WriteString(answer)
			seen <- question
		}()
		if yes, err := ask(t.Context(), program, program, "Fetch it? "); yes != want || err != nil {
			t.Errorf("%q: %v, %v", answer, yes, err)
		}
		if q := <-seen; !strings.HasPrefix(q, "Fetch") {
			t.Errorf("the question is %q", q)
		}
	}
	_, program := terminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ask(ctx, program, program, "Fetch it? "); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
