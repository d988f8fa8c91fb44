package onnxruntime

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	goruntime "runtime"
	"testing"
)

// fakeLibrary is the least shared library for this processor: a header, and one segment of 256 bytes.
func fakeLibrary(tb testing.TB) []byte {
	tb.Helper()
	machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[goruntime.GOARCH]
	var b bytes.Buffer
	header := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(machine), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS], header.Ident[elf.EI_DATA], header.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	for _, part := range []any{header, elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: 4, Filesz: 256, Memsz: 256, Align: 4096}} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			tb.Fatal(err)
		}
	}
	return append(b.Bytes(), make([]byte, 256-b.Len())...)
}

// libraryName is what a library of this version may be called here.
func libraryName() string { return fileNames()[0] }

// put writes a file and the folders above.
func put(tb testing.TB, path string, data []byte) string {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

// realDir is a folder of the test's with links followed.
func realDir(tb testing.TB) string {
	tb.Helper()
	dir, err := filepath.EvalSymlinks(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// alone leaves no place to find a library in: an empty home, cache and PATH, and nothing named. It returns the cache's folder.
func alone(t *testing.T) (cache string) {
	t.Helper()
	home := realDir(t)
	for name, value := range map[string]string{
		"CATVAE_ORT_LIB": "", "ONNXRUNTIME_SHARED_LIBRARY_PATH": "", "HOME": home, "XDG_CACHE_HOME": filepath.Join(home, ".cache"),
		"PATH": "", "LD_LIBRARY_PATH": "", "VIRTUAL_ENV": "", "PYTHONUSERBASE": "", "npm_config_prefix": "", "NPM_CONFIG_PREFIX": "", PinnedOnly: "",
	} {
		t.Setenv(name, value)
	}
	cache, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	return cache
}
