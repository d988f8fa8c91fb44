// Package datatest makes files of rows for tests.
package datatest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// IDX returns an IDX file of bytes of a shape. It panics where the shape wants another number of them.
func IDX(data []byte, shape ...int) []byte {
	total := 1
	file := []byte{0, 0, 8, byte(len(shape))}
	for _, d := range shape {
		total *= d
		file = binary.BigEndian.AppendUint32(file, uint32(d))
	}
	if total != len(data) {
		panic(fmt.Sprintf("datatest: shape %v wants %d bytes, there are %d", shape, total, len(data)))
	}
	return append(file, data...)
}

// Pixels writes rows of height x width bytes as an IDX file into a folder of the test's, and returns its path. The bytes differ
// from row to row and from pixel to pixel.
func Pixels(t testing.TB, rows, height, width int) string {
	t.Helper()
	data := make([]byte, rows*height*width)
	for i := range data {
		data[i] = byte(i/(height*width)*37 + i%(height*width)*51)
	}
	path := filepath.Join(t.TempDir(), "rows.idx")
	if err := os.WriteFile(path, IDX(data, rows, height, width), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Floats returns the values of an NPY file of float32 and of version 1, as numpy.save writes it.
func Floats(t testing.TB, path string) []float32 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) < 10 || string(data[:8]) != "\x93NUMPY\x01\x00" || !bytes.Contains(data, []byte("'<f4'")) {
		t.Fatalf("%s is no NPY file of float32", path)
	}
	data = data[10+int(binary.LittleEndian.Uint16(data[8:])):]
	x := make([]float32, len(data)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return x
}
