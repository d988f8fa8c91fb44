package runtime

import (
	"fmt"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
)

// UnpackIndexes appends one byte a variable to dst, the category or the bit, for rows of packed codes. More than 256 categories, and bytes
// that are no whole codes, are an [ErrInput].
func UnpackIndexes(l bundle.Latent, dst, packed []byte) ([]byte, error) {
	if err := checkIndexes(l); err != nil {
		return dst, err
	}
	width := l.PackedBytes()
	if len(packed)%width != 0 {
		return dst, fmt.Errorf("runtime: %w: %d bytes of packed codes are no multiple of %d", ErrInput, len(packed), width)
	}
	parts := l.Dist().Parts()
	for ; len(packed) > 0; packed = packed[width:] {
		for i := range parts {
			for v := range parts[i].Variables {
				dst = append(dst, indexOf(&parts[i], v, packed))
			}
		}
	}
	return dst, nil
}

// checkIndexes reports variables with more categories than a byte counts.
func checkIndexes(l bundle.Latent) error {
	for _, p := range l.Dist().Parts() {
		if n := p.Choices(0); n > 256 {
			return fmt.Errorf("runtime: %w: an index holds up to 256 categories, the model has %d: take packed codes", ErrInput, n)
		}
	}
	return nil
}

// indexOf returns the category or the bit of a group's variable in a packed code.
func indexOf(p *dist.Part, v int, packed []byte) (index byte) {
	from, to := p.Variable(v)
	for i := p.CodeFrom + from; i < p.CodeFrom+to; i++ {
		if packed[i/8]>>(7-i%8)&1 == 1 {
			index = byte(i - p.CodeFrom - from)
			if to-from == 1 {
				index = 1
			}
		}
	}
	return index
}
