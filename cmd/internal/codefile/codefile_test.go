package codefile_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/cmd/internal/codefile"
	"github.com/catvae/catvae/dataset"
	"github.com/klauspost/compress/zstd"
)

// Codes are read as they were written, whatever the digits, and what is wrong is named.
func TestRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, text, want, wrong string }{
		"bits":                  {"id,code\n7,1011000011\n8,0000000001\n", "auto", "\xb0\xc0\x00\x40", ""},
		"hex":                   {"code,id\nb0c0,a\n0040,b\n", "auto", "\xb0\xc0\x00\x40", ""},
		"hex of 0 and 1":        {"id\tcode\r\na\t1100\r\nb\t0011\r\n", "hex", "\x11\x00\x00\x11", ""},
		"lines":                 {`{"id":"a","code":"b0c0"}` + "\n" + `{"id":"b","code":"0040"}`, "auto", "\xb0\xc0\x00\x40", ""},
		"without ids":           {`{"code":"10000000"}`, "auto", "\x80", ""},
		"another length":        {"id,code\na,1011\nb,101\n", "auto", "", "row 1"},
		"a digit of neither":    {"id,code\na,xyz0\n", "auto", "", "row 0"},
		"no code in a row":      {`{"id":1}`, "auto", "", "row 0"},
		"some without ids":      {`{"id":1,"code":"1"}` + "\n" + `{"code":"1"}`, "auto", "", "no id"},
		"a header alone":        {"id,code\n", "auto", "", "no codes"},
		"an empty code":         {"id,code\na,\n", "auto", "", "empty"},
		"no Parquet file after": {"PAR1 and no more", "auto", "", "parquet"},
	} {
		path := filepath.Join(t.TempDir(), "codes")
		if err := os.WriteFile(path, []byte(c.file), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := codefile.Read(t.Context(), path, c.text)
		if c.wrong != "" {
			if !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), c.wrong) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || string(got.Packed) != c.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// A packed array that breaks off, or that takes too much memory to unpack, is bad data, and is called by its name.
func TestReadBrokenPacked(t *testing.T) {
	t.Parallel()
	rows := make([]byte, 64<<10)
	for i := range rows {
		rows[i] = byte(i * i >> 3)
	}
	var array, gz, zst, wide bytes.Buffer
	w, err := dataset.NewNPYWriter(&array, "uint8", len(rows)/8, 8)
	if err = errors.Join(err, w.WriteBytes(rows), w.Close()); err != nil {
		t.Fatal(err)
	}
	pack := func(w io.WriteCloser, err error) {
		if err == nil {
			_, err = w.Write(array.Bytes())
		}
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	pack(gzip.NewWriter(&gz), nil)
	pack(zstd.NewWriter(&zst))
	// A frame of 2³¹ zeros: magic, a descriptor without a size, a window of 2 GiB, one block of 1 byte repeated.
	wide.WriteString("\x28\xb5\x2f\xfd\x00\xa8\x03\x00\x10\x00")
	for name, file := range map[string]struct {
		data []byte
		ok   bool
	}{
		"whole.npy.gz": {gz.Bytes(), true}, "whole.npy.zst": {zst.Bytes(), true},
		"half.npy.gz": {gz.Bytes()[:gz.Len()/2], false}, "half.npy.zst": {zst.Bytes()[:zst.Len()/2], false},
		"wide.npy.zst": {wide.Bytes(), false},
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, file.data, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := codefile.Read(t.Context(), path, "auto")
		switch {
		case file.ok && (err != nil || !bytes.Equal(got.Packed, rows)):
			t.Errorf("%s: %v", name, err)
		case !file.ok && (!errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), name)):
			t.Errorf("%s: the error is %v, want %v with the file's name", name, err, dataset.ErrData)
		}
	}
}
