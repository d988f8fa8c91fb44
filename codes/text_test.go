package codes_test

import (
	"bytes"
	"testing"

	"github.com/catvae/catvae/codes"
)

// numpy.packbits([1,0,1,1,0,0,0,0,1,1]) = [176, 192]; PostgreSQL prints B'1011000011' the same way.
func TestText(t *testing.T) {
	t.Parallel()
	code := []byte{176, 192}
	if got := codes.AppendBits([]byte("x"), code, 10); string(got) != "x1011000011" {
		t.Errorf("bits %s", got)
	}
	if got := codes.AppendHex([]byte("x"), code); string(got) != "xb0c0" {
		t.Errorf("hexadecimal %s", got)
	}
	for _, bits := range widths {
		code := random(5, 1, bits)
		if got, err := codes.ParseBits([]byte{7}, string(codes.AppendBits(nil, code, bits)), bits); err != nil || !bytes.Equal(got, append([]byte{7}, code...)) {
			t.Errorf("%d bits: %x became %x, %v", bits, code, got, err)
		}
		if got, err := codes.ParseHex([]byte{7}, string(codes.AppendHex(nil, code)), bits); err != nil || !bytes.Equal(got, append([]byte{7}, code...)) {
			t.Errorf("%d bits: %x became %x, %v", bits, code, got, err)
		}
	}
}

func TestBadText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "101100001", "10110000111", "1011000012", "101100001é"} {
		if got, err := codes.ParseBits([]byte{7}, text, 10); err == nil || len(got) != 1 {
			t.Errorf("bits: %q became %x", text, got)
		}
	}
	for _, text := range []string{"", "b0c", "b0c0c0", "b0cg", "b0c1"} { // the last has a bit behind the tenth
		if got, err := codes.ParseHex([]byte{7}, text, 10); err == nil || len(got) != 1 {
			t.Errorf("hexadecimal: %q became %x", text, got)
		}
	}
	for _, bits := range []int{0, -1, 1<<20 + 1} {
		if _, err := codes.ParseBits(nil, "", bits); err == nil {
			t.Errorf("a code of %d bits", bits)
		}
		if _, err := codes.ParseHex(nil, "", bits); err == nil {
			t.Errorf("a code of %d bits in hexadecimal", bits)
		}
	}
}

// Whatever the text: an error, or a code whose text it is.
func FuzzText(f *testing.F) {
	f.Add("1011000011", 10)
	f.Add("B0c0", 10)
	f.Fuzz(func(t *testing.T, text string, bits int) {
		if code, err := codes.ParseBits(nil, text, bits); err == nil && string(codes.AppendBits(nil, code, bits)) != text {
			t.Fatalf("%q became %x", text, code)
		}
		if code, err := codes.ParseHex(nil, text, bits); err == nil && !bytes.EqualFold(codes.AppendHex(nil, code), []byte(text)) {
			t.Fatalf("%q became %x", text, code)
		}
	})
}
