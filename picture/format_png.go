package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	stdpng "image/png"
)

var png = Format{
	Name: "PNG", Ends: []string{".png", ".apng"}, Spec: "https://www.w3.org/TR/png/",
	magic:  []string{"\x89PNG\r\n\x1a\n"},
	config: header(stdpng.DecodeConfig), decode: stdpng.Decode, memory: pngMemory, exif: pngEXIF,
}

func pngMemory(file []byte, c image.Config) int64 {
	pixel := modelBytes(c.ColorModel)
	if bytes.Contains(file, []byte("tRNS")) { // a grey picture with a colour that is transparent gets four channels
		pixel = max(pixel*4, 8)
	}
	if len(file) > 28 && file[28] != 0 { // interlaced: passes are pictures of their own
		pixel *= 2
	}
	return area(c, 0) * pixel
}

// modelBytes is what a pixel takes in a picture of a colour model.
func modelBytes(m color.Model) int64 {
	switch m {
	case color.Gray16Model:
		return 2
	case color.RGBAModel, color.NRGBAModel:
		return 4
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	return 1
}

// pngEXIF returns the chunk eXIf. PNG, section 11.3.3.
func pngEXIF(file []byte) []byte {
	for rest := file[8:]; len(rest) >= 12; {
		size := int64(binary.BigEndian.Uint32(rest))
		if size+12 > int64(len(rest)) {
			return nil
		}
		if string(rest[4:8]) == "eXIf" {
			return rest[8 : 8+size]
		}
		rest = rest[12+size:]
	}
	return nil
}
