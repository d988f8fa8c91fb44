package picture

import (
	"image"
	stdgif "image/gif"
)

// gif is read up to the end of its first frame, on the canvas of all frames.
var gif = Format{
	Name: "GIF", Ends: []string{".gif"}, Spec: "https://www.w3.org/Graphics/GIF/spec-gif89a.txt",
	magic:  []string{"GIF87a", "GIF89a"},
	config: header(stdgif.DecodeConfig), decode: stdgif.Decode,
	memory: func(_ []byte, c image.Config) int64 { return 2 * area(c, 0) }, // twice where it is interlaced
}
