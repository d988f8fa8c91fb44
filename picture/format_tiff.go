package picture

import (
	"image"

	xtiff "golang.org/x/image/tiff"
)

// tiff is read up to the end of its first page.
var tiff = Format{
	Name: "TIFF", Ends: []string{".tif", ".tiff"}, Spec: "https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf",
	magic:  []string{"II*\x00", "MM\x00*"},
	config: header(xtiff.DecodeConfig), decode: xtiff.Decode, memory: tiffMemory,
	exif: func(file []byte) []byte { return file }, // its own directory has the entry
}

// tiffMemory counts pixels, and one strip or tile, unpacked: 8 bytes a pixel at most, in memory that grows as it is unpacked.
func tiffMemory(file []byte, c image.Config) int64 {
	t := tags(file)
	height, width := int64(c.Height), int64(c.Width)
	if rows := int64(t[tagRowsPerStrip]); rows > 0 {
		height = min(height, rows)
	}
	if t[tagTileWidth] > 0 {
		height, width = int64(t[tagTileLength]), int64(t[tagTileWidth])
	}
	block := min(height, maxPixels) * min(width, maxPixels) * 8 * 3
	if t[tagCompression] == 1 { // none
		block = int64(len(file))
	}
	return modelBytes(c.ColorModel)*area(c, 0) + block
}
