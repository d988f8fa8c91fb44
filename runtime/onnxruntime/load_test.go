//go:build cgo

package onnxruntime

import (
	"errors"
	"strings"
	"testing"

	"github.com/catvae/catvae/runtime/backend"
)

// What a loader says becomes what helps: another version, or another C library, which no download mends.
func TestTranslateLoadError(t *testing.T) {
	for text, want := range map[string][2]string{ // what it must say, and must not
		"The requested API version [29] is not available, only API versions [1, 25] are supported": {"(onnxruntime 1.25) does not load; this program needs", "musl"},
		"libonnxruntime.so: cannot open shared object file: No such file or directory":             {"doctor --install", "musl"},
		"Error loading shared library libstdc++.so.6: No such file or directory":                   {"musl", "doctor --install"},
	} {
		err := translateLoadError(Library{Path: "lib.so"}, errors.New(text))
		if !errors.Is(err, backend.ErrLibrary) || !strings.Contains(err.Error(), want[0]) || strings.Contains(err.Error(), want[1]) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
