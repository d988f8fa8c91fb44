package dataset_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
)

// archive returns a ZIP archive of files, as numpy.savez writes it.
func archive(t testing.TB, method uint16, names []string, files ...[]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for i, name := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// npyHeader returns the header of an array of float32.
func npyHeader(shape string) []byte {
	dict := "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + "), }\n"
	return append(append([]byte("\x93NUMPY\x01\x00"), byte(len(dict)), byte(len(dict)>>8)), dict...)
}

func TestNPZMembers(t *testing.T) {
	t.Parallel()
	for source, reason := range map[string]string{
		"unclear.npz":        "which of its arrays is meant? It holds first, second: name one as testdata/unclear.npz:NAME",
		"unclear.npz:third":  "which of its arrays is meant?",
		"compressed.npz:y":   "row 2, column 0 is 2: values must lie",
		"unclear.npz:first":  "",
		"compressed.npz:x":   "",
		"stored.npz:arr_0":   "",
		"compressed.npz:":    "",
		"stored.npz:missing": "It holds arr_0",
	} {
		set, err := dataset.Load(t.Context(), "testdata/"+source, dataset.Options{})
		if reason == "" && (err != nil || set.Len() != 3) || reason != "" && (!errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), reason)) {
			t.Errorf("%s: %v", source, err)
		}
	}
	r, err := dataset.Open(t.Context(), "testdata/unclear.npz:second", dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if info := r.Info(); info.Source != "testdata/unclear.npz:second" || info.DType != "float64" || info.Bytes != int64(len(fileBytes(t, "testdata/unclear.npz"))) {
		t.Errorf("%+v", info)
	}
}

// Archives and packed files that say what is not so.
func TestLies(t *testing.T) {
	t.Parallel()
	npy := fileBytes(t, "testdata/float32.npy")
	stored := archive(t, zip.Store, []string{"x.npy"}, npy)
	rotten := bytes.Clone(stored)
	rotten[bytes.Index(stored, npy)+len(npy)-2] ^= 1 // a value that stays within its range
	lies := bytes.Clone(stored)                      // the sizes of the central directory
	at := bytes.Index(lies, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(lies[at+20:], 1<<31)
	binary.LittleEndian.PutUint32(lies[at+24:], 1<<31)
	sum := packed(t, npy)
	sum[len(sum)-8] ^= 1
	square := "3037000500, 3037000500" // just above 2^63
	for name, data := range map[string][]byte{
		"a value of an archive changed":     rotten,
		"sizes of an archive changed":       lies,
		"a cut archive":                     stored[:len(stored)-30],
		"an archive's array that is short":  archive(t, zip.Deflate, []string{"x.npy"}, npy[:len(npy)-1]),
		"an archive's array that is long":   archive(t, zip.Deflate, []string{"x.npy"}, append(bytes.Clone(npy), 0)),
		"an archive's array that lies":      archive(t, zip.Deflate, []string{"x.npy"}, npyHeader("16000000, 16000000")),
		"an archive's array of large rows":  archive(t, zip.Deflate, []string{"x.npy"}, npyHeader("1, 16777217")),
		"an archive of text":                archive(t, zip.Deflate, []string{"x.npy"}, []byte("text")),
		"an archive of nothing":             archive(t, zip.Deflate, []string{"x.npy"}, nil),
		"an empty archive":                  archive(t, zip.Deflate, nil),
		"a packed file's sum changed":       sum,
		"a packed file cut":                 sum[:len(sum)-9],
		"a packed file that is short":       packed(t, npy[:len(npy)-1]),
		"a packed file that is long":        packed(t, append(bytes.Clone(npy), 0)),
		"a packed IDX file that is long":    packed(t, append(idxBytes(t, 3, 2), 0)),
		"a packed IDX file that lies":       packed(t, []byte{0, 0, 8, 2, 127, 255, 255, 255, 0, 0, 255, 255}),
		"NPY of no rows, sizes overflowing": npyHeader("0, " + square),
		"NPY of rows of nothing":            npyHeader(square + ", 0"),
		"NPY of negative sizes":             npyHeader("-1, -1"),
		"IDX of no rows, sizes overflowing": {0, 0, 8, 3, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255},
	} {
		for _, o := range []dataset.Options{{}, {Stdin: bytes.NewReader(data)}} {
			path := write(t, "x", data)
			if o.Stdin != nil {
				path = dataset.Stdin
			}
			set, err := dataset.Load(t.Context(), path, o)
			if !errors.Is(err, dataset.ErrData) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: got %v and the error %v, want one line of ErrData", name, set, err)
			}
		}
	}
}

// What is kept of standard input is removed, also where it cannot be used.
func TestStdinLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	good := fileBytes(t, "testdata/pandas.csv")
	for _, data := range [][]byte{good, packed(t, good), packed(t, good)[:40], []byte("a,b\n"), fileBytes(t, "testdata/list.parquet")[:500], fileBytes(t, "testdata/bytes.parquet"), fileBytes(t, "testdata/stored.npz")} {
		r, err := dataset.Open(t.Context(), dataset.Stdin, dataset.Options{Stdin: bytes.NewReader(data), Rows: 2})
		if err == nil {
			if r.Info().Source != "standard input" && !strings.HasSuffix(r.Info().Source, ":arr_0") {
				t.Errorf("%+v", r.Info())
			}
			err = r.Close()
		} else if !errors.Is(err, dataset.ErrData) {
			t.Error(err)
		}
		left, _ := filepath.Glob(filepath.Join(dir, "*"))
		if len(left) > 0 {
			t.Errorf("%d bytes, %v: %q are left", len(data), err, left)
		}
	}
}

// What nothing is known of is shown by its first bytes.
func TestUnknownContent(t *testing.T) {
	t.Parallel()
	_, err := dataset.Open(t.Context(), dataset.Stdin, dataset.Options{Stdin: bytes.NewReader([]byte{1, 2, 3})})
	var unsupported *dataset.UnsupportedError
	if !errors.As(err, &unsupported) || !strings.HasPrefix(err.Error(), "dataset: standard input: it begins with ") {
		t.Error(err)
	}
}

func TestLargeLabels(t *testing.T) {
	t.Parallel()
	set, err := dataset.Load(t.Context(), write(t, "x.csv", []byte("label,x\n70000,0\n-70000,1\n")), dataset.Options{Labels: true})
	if err != nil || set.Label(0) != 70_000 || set.Label(1) != -70_000 {
		t.Error(err)
	}
}
