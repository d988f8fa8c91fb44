package dataset_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
)

func FuzzIDX(f *testing.F) {
	good := idxBytes(f, 3, 2, 2)
	fuzzArray(f, map[string][]byte{
		"good":                           good,
		"a list":                         idxBytes(f, 3),
		"packed":                         packed(f, good),
		"no rows":                        idxBytes(f, 0, 2),
		"no columns":                     idxBytes(f, 2, 0),
		"too long":                       append(bytes.Clone(good), 1),
		"too short":                      good[:len(good)-1],
		"a short header":                 good[:5],
		"no dimensions":                  {0, 0, 8, 0},
		"255 dimensions":                 append([]byte{0, 0, 8, 255}, bytes.Repeat([]byte{0, 0, 0, 1}, 255)...),
		"floats":                         {0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0},
		"sizes that overflow":            {0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
		"overflow behind a zero":         {0, 0, 8, 3, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255},
		"sizes of a gigabyte, few given": append([]byte{0, 0, 8, 2, 0, 0, 64, 0, 0, 1, 0, 0}, make([]byte, 1<<10)...),
		"rows of a gigabyte, packed":     packed(f, append([]byte{0, 0, 8, 2, 0, 0, 0, 1, 64, 0, 0, 0}, make([]byte, 1<<10)...)),
		"float":                          append([]byte{0, 0, 13, 2, 0, 0, 0, 2, 0, 0, 0, 1}, make([]byte, 8)...),
		"int16":                          append([]byte{0, 0, 11, 1, 0, 0, 0, 3}, 0, 1, 0, 0, 1, 0),
		"a packed file that ends":        packed(f, good[:len(good)-1]),
	})
}

func FuzzNPY(f *testing.F) {
	names, err := filepath.Glob(filepath.Join("testdata", "*.npy"))
	if err != nil || len(names) == 0 {
		f.Fatal("no files of numpy's", err)
	}
	seeds := map[string][]byte{
		"a header of two gigabytes":   []byte("\x93NUMPY\x02\x00\xff\xff\xff\x7f{'descr'"),
		"a header of nothing":         []byte("\x93NUMPY\x01\x00\x00\x00  "),
		"a header without an end":     []byte("\x93NUMPY\x01\x00\x10\x00{'descr': '<f4',"),
		"version 9":                   []byte("\x93NUMPY\x09\x00\x10\x00\x00\x00{'descr': '<f4'}"),
		"a header of brackets":        append([]byte("\x93NUMPY\x01\x00\x00\x20"), strings.Repeat("(", 1<<13)...),
		"by columns":                  npyFile(1, "{'descr':'<i2','fortran_order':True,'shape':(2,2,2)}", make([]byte, 16)),
		"by columns, short":           npyFile(2, "{'shape':(2L,2L),'descr':\"|b1\",'fortran_order':True}", make([]byte, 3)),
		"records":                     npyFile(1, "{'descr':[('a','<f4'),('b',[('c','|u1')])],'fortran_order':False,'shape':(2,)}", make([]byte, 10)),
		"values that are not numbers": append(npyHeader("1, 2"), 0, 0, 0xc0, 0x7f, 0, 0, 0x80, 0xff),
	}
	for _, shape := range []string{
		"268435456, 1", "1, 268435456", "16777216, 16", // of a gigabyte or more, a kilobyte given
		"3037000500, 3037000500", "0, 3037000500, 3037000500", "4294967296, 4294967296", "9223372036854775807, 2", "99999999999999999999",
		"-1, -256", "-2", "256, -1", "1.5, 2", "", "16, 16,", "1e2", "0x10, 16", "256L",
	} {
		seeds["the shape "+shape] = append(npyHeader(shape), make([]byte, 1<<10)...)
	}
	for _, name := range names {
		data := fileBytes(f, name)
		seeds[name], seeds[name+", cut"], seeds[name+", packed"] = data, data[:len(data)-1], packed(f, data)
	}
	fuzzArray(f, seeds)
}

func fuzzArray(f *testing.F, seeds map[string][]byte) {
	for _, data := range seeds {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzOne(t, data, false)
		fuzzPlain(t, data)
	})
}

// fuzzPlain wants of a plain IDX or NPY file that it is opened for memory in proportion to its bytes, that a file that is
// taken has the size that its shape asks for, and that its bytes and its numbers are the same rows.
func fuzzPlain(t *testing.T, data []byte) {
	if !bytes.HasPrefix(data, []byte{0, 0}) && !bytes.HasPrefix(data, []byte("\x93NUMPY")) {
		return
	}
	path := write(t, "x", data)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := dataset.Open(t.Context(), path, dataset.Options{})
	runtime.ReadMemStats(&after)
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<21+64*len(data)); got > most {
		t.Errorf("%d bytes are allocated to open %d, at most %d are wanted", got, len(data), most)
	}
	if err != nil {
		if !errors.Is(err, dataset.ErrData) || strings.Contains(err.Error(), "\n") {
			t.Errorf("the error is %v, want one line of ErrData", err)
		}
		return
	}
	defer r.Close()
	info := r.Info()
	size := info.RowSize()
	body := int64(info.Rows) * int64(size) * map[string]int64{
		"bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "float16": 2, "int32": 4, "uint32": 4, "float32": 4, "int64": 8, "uint64": 8, "float64": 8,
	}[info.DType]
	if info.Bytes != int64(len(data)) || body < 1 || body > int64(len(data)-4) {
		t.Fatalf("%d bytes are taken for %+v", len(data), info)
	}
	if info.DType != "uint8" {
		return
	}
	floats, pixels := make([]float32, info.Rows*size), make([]byte, info.Rows*size)
	if err := readWhole(r, floats, nil); err != nil {
		t.Fatal(err)
	}
	again := openBytes(t, path, dataset.Options{})
	if err := readWhole(again, nil, pixels); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(pixels, data[int64(len(data))-body:]) {
		t.Fatal("the bytes are not the file's")
	}
	for i, b := range pixels {
		if floats[i] != float32(b)/255 {
			t.Fatalf("value %d is %g, its byte %d", i, floats[i], b)
		}
	}
}

// readWhole reads all rows of a file of bytes as numbers or as bytes, and wants no more of them.
func readWhole(r dataset.Reader, floats []float32, pixels []byte) error {
	read := func() (int, dataset.Decode, error) {
		if b, ok := r.(dataset.ByteReader); ok && pixels != nil {
			return b.Bytes(pixels)
		}
		return r.Floats(floats)
	}
	n, decode, err := read()
	if err == nil && decode != nil {
		_, err = decode()
	}
	if err != nil || n != r.Info().Rows {
		return fmt.Errorf("%d rows of %d, %w", n, r.Info().Rows, err)
	}
	if n, _, err := read(); n != 0 || !errors.Is(err, io.EOF) {
		return fmt.Errorf("%d rows more than there are: %w", n, err)
	}
	return nil
}
