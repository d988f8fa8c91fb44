package onnxruntime

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// A library is whole with every byte that its headers promise, and not with one less.
func TestWhole(t *testing.T) {
	t.Parallel()
	fake := fakeLibrary(t)
	if err := whole(bytes.NewReader(fake), int64(len(fake))); err != nil {
		t.Errorf("a whole library: %v", err)
	}
	for n := range fake {
		if err := whole(bytes.NewReader(fake[:n]), int64(n)); err == nil {
			t.Errorf("%d of %d bytes are taken for a library", n, len(fake))
		}
	}
	field := func(at int, value uint64) []byte {
		b := bytes.Clone(fake)
		binary.LittleEndian.PutUint64(b[at:], value)
		return b
	}
	mach := []byte("\xcf\xfa\xed\xfe\x07\x00\x00\x01\x03\x00\x00\x00\x06\x00\x00\x00\xff\xff\x00\x00\xff\xff\x00\x00")
	for name, file := range map[string][]byte{
		"a segment behind the end":       field(64+8, 1<<40),
		"a segment around the world":     field(64+8, 1<<64-16),
		"a segment with a huge length":   field(64+32, 1<<63),
		"another processor":              append(append(bytes.Clone(fake[:18]), 0xff, 0x7f), fake[20:]...),
		"a program":                      append(append(bytes.Clone(fake[:16]), 2, 0), fake[18:]...),
		"text":                           []byte("not really a library"),
		"three bytes":                    fake[:3],
		"a cut Mach-O file":              mach,
		"a cut Mach-O of several":        []byte("\xca\xfe\xba\xbe\x00\x00\x00\x02"),
		"a cut PE file":                  []byte("MZ and nothing more"),
		"a linker's script":              []byte("GROUP ( libonnxruntime.so.1 )\n"),
		"sections that are not there":    field(40, 1<<30),
		"a header of another size":       field(52, 1<<63),
		"no segment that is ever loaded": field(64, 6),
	} {
		if err := whole(bytes.NewReader(file), int64(len(file))); err == nil {
			t.Errorf("%s is taken for a library", name)
		}
	}
}
