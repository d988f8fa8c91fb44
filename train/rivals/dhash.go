package rivals

import (
	"context"
	"image"

	"github.com/corona10/goimagehash"
)

// dHash is the difference hash of pictures: the grey picture, brought to height x (width+1) pixels, and of each pixel whether the one to
// its right is lighter. N. Krawetz, "Kind of like that", 2013. It has as many bits as a height x width within 1:1 and 1:2 gives, the most
// that the model has, and at least 64.
var dHash = rival{
	unfit: input.pictures,
	coder: func(_ context.Context, in input) (int, func([]byte, int) error, error) {
		height, width := grid(max(64, in.bits))
		return height * width, in.hashed(func(img image.Image) ([]uint64, error) {
			h, err := goimagehash.ExtDifferenceHash(img, width, height)
			if err != nil {
				return nil, err
			}
			return h.GetHash(), nil
		}), nil
	},
}

// grid returns the height and width, within 1:1 and 1:2, with the most cells up to n; of several the one nearest to a square.
func grid(n int) (height, width int) {
	for h := 1; h*h <= n; h++ {
		if w := min(n/h, 2*h); h*w >= height*width {
			height, width = h, w
		}
	}
	return height, width
}
