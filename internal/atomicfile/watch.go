package atomicfile

import (
	"slices"
	"sync"
	"sync/atomic"
)

// An Op is a step that this package has taken, or for Renamed is about to take, on the file system.
type Op struct {
	Kind OpKind
	Path string
	To   string // of Renamed
}

// An OpKind is a kind of step.
type OpKind string

// The kinds.
const (
	Created OpKind = "create" // a file or a folder
	Written OpKind = "write"
	Synced  OpKind = "sync" // a file's bytes, or a folder's names
	Renamed OpKind = "rename"
)

var watchers struct {
	sync.Mutex
	all atomic.Pointer[[]*func(Op)]
}

// Watch calls f, from any goroutine, at each step, until stop is called. It is for tests of what a power cut leaves: see
// package powercut.
func Watch(f func(Op)) (stop func()) {
	change := func(remove bool) {
		watchers.Lock()
		defer watchers.Unlock()
		var all []*func(Op)
		if old := watchers.all.Load(); old != nil {
			all = slices.Clone(*old)
		}
		if remove {
			all = slices.DeleteFunc(all, func(g *func(Op)) bool { return g == &f })
		} else {
			all = append(all, &f)
		}
		watchers.all.Store(&all)
	}
	change(false)
	return func() { change(true) }
}

func report(op Op) {
	if all := watchers.all.Load(); all != nil {
		for _, f := range *all {
			(*f)(op)
		}
	}
}
