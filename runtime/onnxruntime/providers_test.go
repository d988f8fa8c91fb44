//go:build cgo

package onnxruntime

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/runtime/backend"
)

// Every device has one row, with all that is told of it, and Auto ends with one that is always there.
func TestProviders(t *testing.T) {
	var devices []string
	for _, p := range providers {
		devices = append(devices, string(p.device))
		if p.stepsPerCall < 1 {
			t.Errorf("%s: %d steps a call", p.device, p.stepsPerCall)
		}
		if p.join != nil && (p.install == "" || len(p.libraries) == 0) {
			t.Errorf("%s may be missing, and nobody says what to install", p.device)
		}
		for _, patterns := range p.libraries {
			for _, pattern := range patterns {
				if _, err := filepath.Match(pattern, ""); err != nil {
					t.Errorf("%s: %q: %v", p.device, pattern, err)
				}
			}
		}
		why := errors.New("why")
		if err := p.missing(why); !errors.Is(err, backend.ErrDevice) || !errors.Is(err, why) || !strings.Contains(err.Error(), string(p.device)) {
			t.Errorf("%s: %v", p.device, err)
		}
	}
	if last := providers[len(providers)-1]; last.join != nil {
		t.Errorf("the last provider is %s, which may be missing", last.device)
	}
	devices = append(devices, string(backend.Auto))
	slices.Sort(devices)
	if want := slices.Sorted(slices.Values(backend.Devices())); !slices.Equal(devices, want) {
		t.Errorf("the table has %v, package backend %v", devices, want)
	}
}

// The libraries of a provider are found by their patterns; those that are missing are named.
func TestProviderFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("LD_LIBRARY_PATH", dir)
	file := filepath.Join(dir, "libodd.so.12")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if p := lookForShared("libodd.so.1[23]", ""); p.Name != "libodd.so.1x" || p.Found != file {
		t.Errorf("%+v", p)
	}
	if p := lookForShared("libnone.so.1", dir); p.Name != "libnone.so.1" || p.Found != "" {
		t.Errorf("%+v", p)
	}
}
