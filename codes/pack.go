package codes

import "fmt"

// Bytes returns the size in bytes of a code of the given number of bits: ceil(bits/8).
func Bytes(bits int) int { return (bits + 7) / 8 }

// Pack appends the codes of values to dst and returns it. Each run of bits values becomes a code, a bit being 1 where its value
// is above 1/2. The number of values must be a multiple of bits.
func Pack[T ~float32 | ~float64 | ~uint8](dst []byte, values []T, bits int) ([]byte, error) {
	if bits < 1 || len(values)%bits != 0 {
		return dst, fmt.Errorf("codes: %d values do not make a whole number of codes of %d bits", len(values), bits)
	}
	for ; len(values) > 0; values = values[bits:] {
		var b byte
		for i, v := range values[:bits] {
			b <<= 1
			if 2*float64(v) > 1 {
				b |= 1
			}
			if i%8 == 7 {
				dst, b = append(dst, b), 0
			}
		}
		if rest := bits % 8; rest != 0 {
			dst = append(dst, b<<(8-rest))
		}
	}
	return dst, nil
}

// Unpack appends the bits of packed codes to dst, one byte of 0 or 1 for each, and returns it. Bytes that are not codes are an
// error.
func Unpack(dst, packed []byte, bits int) ([]byte, error) {
	if err := check(packed, bits); err != nil {
		return dst, err
	}
	for size := Bytes(bits); len(packed) > 0; packed = packed[size:] {
		for i := range bits {
			dst = append(dst, packed[i/8]>>(7-i%8)&1)
		}
	}
	return dst, nil
}

// maxBits bounds the size of a code.
const maxBits = 1 << 20

// check reports bytes that are not codes: not a whole number of them, or with bits set after the last.
func check(packed []byte, bits int) error {
	if bits < 1 || bits > maxBits {
		return fmt.Errorf("codes: codes of %d bits: use 1 to %d", bits, maxBits)
	}
	size := Bytes(bits)
	if len(packed)%size != 0 {
		return fmt.Errorf("codes: %d bytes are not a whole number of codes of %d bits, %d bytes each", len(packed), bits, size)
	}
	if rest := bits % 8; rest != 0 {
		for at := size - 1; at < len(packed); at += size {
			if packed[at]<<rest != 0 {
				return fmt.Errorf("codes: code %d has bits set after its %d: it was packed in another order, or has more bits", at/size, bits)
			}
		}
	}
	return nil
}
