package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"time"
)

// grace is how long a command may take to return after the first signal. It is enough to finish the batch in hand and to remove
// what is unfinished. Then the program ends in the middle of what it does, which loses nothing more: files and folders appear whole
// or not at all, and what has no name yet is removed by the next run.
const grace = 2 * time.Second

// stopping is what a program knows about its end.
type stopping struct {
	held atomic.Pointer[string]
}

type stoppingKey struct{}

// Hold says that from now on, until it is released, the command finishes something before it ends, however long that takes: a
// program that got one signal is not ended after a few seconds. A second signal ends it all the same. what is printed after the
// first signal.
func Hold(ctx context.Context, what string) (release func()) {
	s, ok := ctx.Value(stoppingKey{}).(*stopping)
	if !ok {
		return func() {}
	}
	s.held.Store(&what)
	return func() { s.held.Store(nil) }
}

// untilSignal returns a context that the first signal to stop cancels, and a function that lets go of the signals. If the command
// does not return soon after that signal, and holds nothing, the program ends; a second signal ends it at once.
func untilSignal(name string) (context.Context, func()) {
	s := &stopping{}
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), stoppingKey{}, s))
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, stopSignals()...)
	returned := make(chan struct{})
	go s.watch(name, signals, cancel, returned)
	return ctx, func() {
		signal.Stop(signals)
		close(returned)
		cancel()
	}
}

// watch ends the program, unless the command returns.
func (s *stopping) watch(name string, signals <-chan os.Signal, cancel context.CancelFunc, returned <-chan struct{}) {
	select {
	case <-signals:
	case <-returned:
		return
	}
	cancel()
	said := false
	for wait := time.After(grace); ; {
		if what := s.held.Load(); what != nil && !said {
			fmt.Fprintf(os.Stderr, "%s: interrupted: %s; a second signal ends it at once\n", name, *what)
			said = true
		}
		select {
		case <-returned:
			return
		case <-signals:
			fmt.Fprintf(os.Stderr, "%s: ended by a second signal\n", name)
			os.Exit(Interrupted)
		case <-wait:
			if s.held.Load() == nil {
				fmt.Fprintf(os.Stderr, "%s: interrupted; what was under way did not end within %v and was left\n", name, grace)
				os.Exit(Interrupted)
			}
			wait = nil
		}
	}
}
