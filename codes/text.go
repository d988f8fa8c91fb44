package codes

import (
	"encoding/hex"
	"fmt"
)

// AppendBits appends a packed code as text, one digit for each bit, the first bit first: "1011000011". PostgreSQL's type bit(n)
// reads it. code must hold that many bits.
func AppendBits(dst, code []byte, bits int) []byte {
	for i := range bits {
		dst = append(dst, '0'+code[i/8]>>(7-i%8)&1)
	}
	return dst
}

// ParseBits appends the packed code that a text of the given number of bits denotes, as AppendBits writes it.
func ParseBits(dst []byte, text string, bits int) ([]byte, error) {
	if err := check(nil, bits); err != nil {
		return dst, err
	}
	if len(text) != bits {
		return dst, fmt.Errorf("codes: %d digits, a code has %d bits", len(text), bits)
	}
	from := len(dst)
	for i := range bits {
		if i%8 == 0 {
			dst = append(dst, 0)
		}
		switch text[i] {
		case '1':
			dst[len(dst)-1] |= 1 << (7 - i%8)
		case '0':
		default:
			return dst[:from], fmt.Errorf("codes: digit %d is %q: bits are 0 and 1", i, text[i])
		}
	}
	return dst, nil
}

// AppendHex appends a packed code as hexadecimal digits, two for each byte: "b0c0".
func AppendHex(dst, code []byte) []byte { return hex.AppendEncode(dst, code) }

// ParseHex appends the packed code of the given number of bits that a text denotes, as AppendHex writes it; capitals are read
// too.
func ParseHex(dst []byte, text string, bits int) ([]byte, error) {
	if err := check(nil, bits); err != nil {
		return dst, err
	}
	if len(text) != 2*Bytes(bits) {
		return dst, fmt.Errorf("codes: %d hexadecimal digits, a code of %d bits has %d", len(text), bits, 2*Bytes(bits))
	}
	from := len(dst)
	dst, err := hex.AppendDecode(dst, []byte(text))
	if err == nil {
		err = check(dst[from:], bits)
	}
	if err != nil {
		return dst[:from], fmt.Errorf("codes: read %q: %w", text, err)
	}
	return dst, nil
}
