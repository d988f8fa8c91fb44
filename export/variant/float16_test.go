package variant

import "testing"

// Bits by numpy: numpy.float16(x).view("uint16").
func TestFloat16(t *testing.T) {
	for x, want := range map[float32]uint16{
		0: 0, 1: 0x3c00, -2: 0xc000, 65504: 0x7bff, 0.1: 0x2e66, 1.0009765625: 0x3c01, 1.00048828125: 0x3c00, 1.00146484375: 0x3c02,
		6.1035156e-05: 0x0400, 6.0975552e-05: 0x03ff, 5.9604645e-08: 0x0001, 2.9802322e-08: 0x0000, 3e-08: 0x0001, 1e-10: 0, -0.33333334: 0xb555,
	} {
		if got := float16(x); got != want {
			t.Errorf("float16(%g) is %#04x, want %#04x", x, got, want)
		}
	}
}
