package picture

import (
	"image"

	xbmp "golang.org/x/image/bmp"
)

var bmp = Format{
	Name: "BMP", Ends: []string{".bmp", ".dib"}, Spec: "https://learn.microsoft.com/en-us/windows/win32/gdi/bitmap-storage",
	magic:  []string{"BM????\x00\x00\x00\x00"},
	config: header(xbmp.DecodeConfig), decode: xbmp.Decode,
	memory: func(_ []byte, c image.Config) int64 { return modelBytes(c.ColorModel) * area(c, 4) },
}
