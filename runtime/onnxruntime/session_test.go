//go:build cgo

package onnxruntime

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/runtime/backend"
)

// A load whose context ends while it waits returns at once; the session that is made later is freed.
func TestLoadIsLeft(t *testing.T) {
	b, err := Open(t.Context(), WithThreads(1))
	if err != nil {
		if os.Getenv("CATVAE_NO_SKIP") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	model, err := backend.Check(onnxtest.Good())
	if err != nil {
		t.Fatal(err)
	}
	sessions.Lock() // nobody can make a session now
	before := len(sessions.m)
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	_, err = b.Load(ctx, model, "left")
	sessions.Unlock()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Load gives %v", err)
	}
	g, err := b.Load(t.Context(), model, "kept") // the same session, or a new one
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	for range 10_000 { // until the load that was left is done
		sessions.Lock()
		left := len(sessions.m)
		sessions.Unlock()
		if left == before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the session stays")
}
