package rivals

import (
	"context"
	"image"

	"github.com/corona10/goimagehash"
)

// pHash is the perceptual hash of pictures: the 64 lowest frequencies of the discrete cosine transform of the grey picture, brought to
// 64x64, each above or below their median. N. Krawetz, "Looks like it", 2011. It has 64 bits, however many the model has.
var pHash = rival{
	unfit: input.pictures,
	coder: func(_ context.Context, in input) (int, func([]byte, int) error, error) {
		return 64, in.hashed(func(img image.Image) ([]uint64, error) {
			h, err := goimagehash.PerceptionHash(img)
			if err != nil {
				return nil, err
			}
			return []uint64{h.GetHash()}, nil
		}), nil
	},
}

// hashed returns what writes the bits of a picture's hash, which has them from the most significant one of its first word on.
func (in input) hashed(hash func(image.Image) ([]uint64, error)) func(dst []byte, row int) error {
	return func(dst []byte, row int) error {
		values := make([]float32, in.width)
		in.picture(row, values)
		img := in.format.New(in.format.Width, in.format.Height)
		in.format.Draw(img, 0, 0, 1, values)
		words, err := hash(img)
		for i := 0; i < len(dst) && err == nil; i++ {
			dst[i] = byte(words[i/64] >> (63 - i%64) & 1)
		}
		return err
	}
}
