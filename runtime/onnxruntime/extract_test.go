package onnxruntime

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
)

// pinOf is what a file must be.
func pinOf(data []byte) pin {
	sum := sha256.Sum256(data)
	return pin{int64(len(data)), hex.EncodeToString(sum[:])}
}

// zeros gives zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// zipOf writes a zip archive with one file.
func zipOf(tb testing.TB, path, name string, content io.Reader) string {
	tb.Helper()
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	w, err := z.Create(name)
	if err == nil {
		_, err = io.Copy(w, content)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		tb.Fatal(err)
	}
	return path
}

// tarOf writes a gzipped tar archive with one file of n bytes, after another one.
func tarOf(tb testing.TB, path, name string, content io.Reader, n int64) string {
	tb.Helper()
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	g := gzip.NewWriter(f)
	a := tar.NewWriter(g)
	for _, file := range []struct {
		name    string
		size    int64
		content io.Reader
	}{{"package/package.json", 2, strings.NewReader("{}")}, {name, n, content}} {
		if err := a.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: file.name, Size: file.size, Mode: 0o644}); err != nil {
			tb.Fatal(err)
		}
		if _, err := io.CopyN(a, file.content, file.size); err != nil {
			tb.Fatal(err)
		}
	}
	if err := errors.Join(a.Close(), g.Close()); err != nil {
		tb.Fatal(err)
	}
	return path
}

// A library comes out of an archive only if it is the pinned one; a bomb takes neither memory nor disk.
func TestExtract(t *testing.T) {
	dir := t.TempDir()
	good := bytes.Repeat([]byte("library "), 1000)
	want := pinOf(good)
	bad := bytes.Clone(good)
	bad[4000] ^= 1
	const bomb = 300 << 20
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, row := range map[string]struct {
		m    member
		text string // of the error, "" for none
	}{
		"zip":                {member{zipOf(t, at("good.zip"), "a/lib", bytes.NewReader(good)), "a/lib", openZip}, ""},
		"tar":                {member{tarOf(t, at("good.tgz"), "a/lib", bytes.NewReader(good), want.size), "a/lib", openTar}, ""},
		"zip, one bit":       {member{zipOf(t, at("bad.zip"), "a/lib", bytes.NewReader(bad)), "a/lib", openZip}, "SHA-256"},
		"tar, one bit":       {member{tarOf(t, at("bad.tgz"), "a/lib", bytes.NewReader(bad), want.size), "a/lib", openTar}, "SHA-256"},
		"zip, cut":           {member{zipOf(t, at("cut.zip"), "a/lib", bytes.NewReader(good[:100])), "a/lib", openZip}, "100 bytes"},
		"zip bomb":           {member{zipOf(t, at("bomb.zip"), "a/lib", io.LimitReader(zeros{}, bomb)), "a/lib", openZip}, "more than the 8000 bytes"},
		"tar bomb":           {member{tarOf(t, at("bomb.tgz"), "a/lib", zeros{}, bomb), "a/lib", openTar}, "more than the 8000 bytes"},
		"zip, other names":   {member{at("good.zip"), "b/lib", openZip}, "holds no b/lib"},
		"tar, other names":   {member{at("good.tgz"), "lib", openTar}, "holds no lib"},
		"no archive":         {member{at("none"), "lib", openTar}, "none"},
		"a folder":           {member{dir, "lib", openTar}, "regular file"},
		"another kind":       {member{at("good.zip"), "lib", openTar}, "open the archive"},
		"another kind still": {member{at("good.tgz"), "lib", openZip}, "open the archive"},
	} {
		var before, after goruntime.MemStats
		goruntime.ReadMemStats(&before)
		file := at("out")
		err := row.m.extract(t.Context(), file, want)
		goruntime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
			t.Errorf("%s: %d MB were allocated", name, used>>20)
		}
		left, _ := os.ReadFile(file)
		if row.text == "" && (err != nil || !bytes.Equal(left, good)) || row.text != "" && (err == nil || !strings.Contains(err.Error(), row.text) || left != nil) {
			t.Errorf("%s: %v, %d bytes are left", name, err, len(left))
		}
		os.Remove(file)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (member{at("good.zip"), "a/lib", openZip}).extract(done, at("out"), want); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is done: %v", err)
	}
}

// A zip archive with a long list of files is refused before the list is in memory.
func TestZipDirectory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "many.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for i := range 60_000 {
		if _, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%060d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := (member{path, "a/lib", openZip}).extract(t.Context(), path+".out", pin{}); err == nil || !strings.Contains(err.Error(), "list of files") {
		t.Errorf("the error is %v", err)
	}
}
