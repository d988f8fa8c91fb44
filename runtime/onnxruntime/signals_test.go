//go:build cgo && unix

package onnxruntime

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/catvae/catvae/runtime/onnxruntime/internal/plainsignal"
)

// Native code replaces the handler of Ctrl-C: afterwards Go still gets the signal, and the process lives.
func TestKeepSignalHandlers(t *testing.T) {
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGINT)
	defer signal.Stop(got)
	restored := keepSignalHandlers(func() {
		if !plainsignal.Install(int(syscall.SIGINT)) || !plainsignal.Install(int(syscall.SIGTERM)) {
			t.Error("the test's handlers could not be installed")
		}
	})
	if restored != 2 {
		t.Errorf("%d handlers were put back, two had been replaced", restored)
	}
	if again := keepSignalHandlers(func() {}); again != 0 {
		t.Errorf("%d handlers were put back where none was replaced", again)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-got:
	case <-time.After(10 * time.Second):
		t.Error("SIGINT did not reach Go")
	}
}
