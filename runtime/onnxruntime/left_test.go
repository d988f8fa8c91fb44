//go:build cgo

package onnxruntime

import (
	"context"
	"errors"
	"testing"

	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/runtime/backend"
)

// A session that takes long to make holds up neither other graphs nor their ends.
func TestLongLoad(t *testing.T) {
	b, err := Open(t.Context(), WithThreads(1))
	if err != nil {
		t.Fatal(err)
	}
	slow := &session{made: make(chan struct{})}
	sessions.Lock()
	sessions.m[sessionKey{threads: -1}] = slow // under way, for ever
	sessions.Unlock()
	defer func() {
		sessions.Lock()
		delete(sessions.m, sessionKey{threads: -1})
		sessions.Unlock()
	}()
	g, err := backend.Load(t.Context(), b, onnxtest.Good(), "another")
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

// A native call that does not end when its context is done is left; the graph is freed once it has ended.
func TestLongRun(t *testing.T) {
	t.Parallel()
	b, err := Open(t.Context(), WithThreads(1))
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := backend.Load(t.Context(), b, onnxtest.Good(), "long")
	if err != nil {
		t.Fatal(err)
	}
	g := loaded.(*graph)
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	release, freed := make(chan struct{}), make(chan struct{})
	g.mu.RLock()
	err = g.native(ctx, func() error { <-release; return nil }, func() {}, func() { close(freed) })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want that of the context", err)
	}
	if err := g.Close(); err != nil { // does not wait
		t.Error(err)
	}
	select {
	case <-freed:
		t.Error("what the call still reads is freed")
	default:
	}
	close(release)
	<-freed
	g.mu.Lock() // waits until the call has given the graph back
	defer g.mu.Unlock()
	if n := g.late.Load(); n < 0 {
		t.Errorf("%d calls are late", n)
	}
}
